"""The state folder of an embedded engine, seen from outside: how to start the engine, how to reach its bucket."""

from __future__ import annotations

import json
import shlex
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from localargo import Unavailable

if TYPE_CHECKING:
    from localargo import S3Bucket


def start_command(state: Path) -> str:
    """The command that starts the engine of a state folder, to be copied from a message."""
    return f"`retrain up --state {shlex.quote(str(state))}`"


def bucket_environment(state: Path) -> dict[str, str]:
    """The standard AWS variables and RETRAIN_BUCKET of the state's running bucket."""
    file = state / "env.json"
    if not file.exists():
        raise Unavailable(f"no bucket in {state} yet: {start_command(state)} makes one if a manifest needs it")
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    address = urlsplit(found["AWS_ENDPOINT_URL_S3"])
    try:
        socket.create_connection((str(address.hostname), address.port or 80), timeout=10).close()
    except OSError as error:
        raise Unavailable(f"the bucket in {state} does not run: start it with {start_command(state)}") from error
    return found


def bucket_of(state: Path) -> S3Bucket:
    """The state's running bucket."""
    from localargo import S3Bucket

    environment = bucket_environment(state)
    return S3Bucket(environment["RETRAIN_BUCKET"], environment)
