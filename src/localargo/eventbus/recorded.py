"""The events of a state folder whose engine does not run, read from its journal without changing it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from localargo.errors import Unavailable
from localargo.eventbus.journal import Asked, Journal
from localargo.store import readable

FILE = "engine.db"


def recorded_events(state: Path, limit: int, since: float = 0.0, **asked: str) -> list[dict[str, Any]]:
    """The newest events as the engine would tell them, each with its outcomes; of one that no trigger has acted on there is none.

    Which Sensors listen to it only a running engine knows. Raises Unavailable when the folder has no journal, or it is damaged.
    """
    with _journal(state) as bus:
        return bus.told(limit, Asked(since=since, **asked), {})


@contextmanager
def _journal(state: Path) -> Iterator[Journal]:
    path = state / FILE
    if not path.is_file():
        raise Unavailable(f"{state} has no journal of events: no engine has run there")
    with readable(path), closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)) as connection:
        yield Journal(connection, time.time)
