"""The state folder's SQLite file: opened durably, migrated, written in short transactions, and owned by one engine at a time."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localargo.errors import Unavailable

FORMAT = 1  # of the tables; `PRAGMA user_version` of the file

# What a new engine does to the tables of an older one, in order; entry n leads from format n to n + 1. Rooms create their own tables.
MIGRATIONS: list[str] = []


def open_store(path: Path, schemas: Sequence[str] = (), *, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    """Open (or create, mode 0600) the store and make sure that every table of `schemas` is there.

    A commit is on disk when it returns (WAL with synchronous=FULL). The connection starts no transaction by itself: use `transaction`.
    Raises Unavailable when the file was written by a newer version.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=factory)
    try:
        _prepare(connection, path, schemas)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, schemas: Sequence[str]) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > FORMAT:
        raise Unavailable(f"{path} has format {found}, this version reads up to {FORMAT}: use the newer retrain, or another --state folder")
    if found:
        for script in MIGRATIONS[found - 1 :]:
            connection.executescript(script)
    for schema in schemas:
        connection.executescript(schema)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Everything inside becomes durable together at the end, or not at all when an exception leaves it. Never await inside."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def nested_transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """As `transaction`, but part of the one that is open, if there is one."""
    if connection.in_transaction:
        yield connection
    else:
        with transaction(connection):
            yield connection


class StateLock:
    """The state folder is ours until `release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let another engine in; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def lock_state(state: Path) -> StateLock:
    """Take `engine.lock` of the state folder for life. Raises Unavailable naming the process that holds it."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = state / "engine.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise Unavailable(
            f"{state} is in use by an engine with process id {holder}: talk to it, stop it, or choose another --state folder"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return StateLock(descriptor)


def lock_holder(state: Path) -> int | None:
    """The process id of the engine that holds the state folder now, None when nobody does."""
    try:
        descriptor = os.open(state / "engine.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(descriptor)
    return None
