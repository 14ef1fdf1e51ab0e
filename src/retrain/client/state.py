"""The state folder of an embedded engine, seen from outside: how to start the engine, how to reach its bucket."""

from __future__ import annotations

import json
import shlex
import socket
from pathlib import Path
from urllib.parse import urlsplit

from localargo import Unavailable


def start_command(state: Path) -> str:
    """The command that starts the engine of a state folder, to be copied from a message."""
    return f"`retrain up --state {shlex.quote(str(state))}`"


def bucket_environment(state: Path) -> dict[str, str]:
    """The standard AWS variables and RETRAIN_BUCKET of the state's running bucket."""
    file = state / "env.json"
    if not file.exists():
        raise Unavailable(f"no bucket in {state} yet: {start_command(state)} makes one if a manifest needs it")
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    if not answers(found["AWS_ENDPOINT_URL_S3"]):
        raise Unavailable(f"the bucket in {state} does not run: start it with {start_command(state)}")
    return found


def answers(url: str) -> bool:
    """Whether something accepts connections at the address of a URL."""
    address = urlsplit(url)
    try:
        socket.create_connection((str(address.hostname), address.port or (443 if address.scheme == "https" else 80)), timeout=10).close()
    except OSError:
        return False
    return True
