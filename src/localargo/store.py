"""The state folder and its SQLite file: owned by one engine at a time, opened durably, migrated, written in short transactions."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localargo.errors import Unavailable

FORMAT = 2  # of the tables; `PRAGMA user_version` of the file

# What a new engine does to the tables of an older one, in order; entry n leads from format n to n + 1. Each package creates its own tables.
MIGRATIONS: list[str] = [
    # the engine's own keys in documents were once named after the program around it
    """
    UPDATE workflow SET head = json_remove(json_set(head, '$.localargo', json_extract(head, '$.retrain')), '$.retrain')
      WHERE json_type(head, '$.retrain') = 'object';
    UPDATE object SET doc = json_remove(
      json_set(doc, '$.metadata.annotations."localargo/made-by"', 'engine'), '$.metadata.annotations."retrain/made-by"')
      WHERE kind = 'Secret' AND json_type(doc, '$.metadata.annotations."retrain/made-by"') IS NOT NULL;
    """
]
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_store(path: Path, schemas: Sequence[str] = (), *, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    """Open (or create, mode 0600) the store and make sure that every table of `schemas` is there.

    A commit is on disk when it returns (WAL with synchronous=FULL). The connection starts no transaction by itself: use `transaction`.
    Raises Unavailable when the file cannot be opened, is damaged, belongs to another program, or was written by a newer version.
    """
    with usable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=factory)
    try:
        with readable(path):
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
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if there and there.isdisjoint(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", "".join(schemas))):
        raise Unavailable(f"{path} belongs to another program (tables: {', '.join(sorted(there))}): choose another state folder")
    if found > FORMAT:
        raise Unavailable(
            f"{path} was written by a newer version (format {found}, this version reads up to {FORMAT}): "
            "upgrade, or choose another state folder"
        )
    for number, script in enumerate(MIGRATIONS[found - 1 :] if found else (), found + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")
    for schema in schemas:
        connection.executescript(schema)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """SQLite's errors about the file as Unavailable, with what to do; every other error as it is."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        raise unreadable(path, error) from error


def unreadable(path: Path, error: sqlite3.DatabaseError) -> Unavailable:
    """What an error about the file means, with what to do."""
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte of an extended code is its kind
    if kind == sqlite3.SQLITE_FULL:
        return Unavailable(f"{path} cannot be written, its disk is full: free some space and do it again; what is stored goes on")
    if kind in DAMAGED:
        problem, remedy = f"is damaged or not a database ({error})", "put a copy of the state folder in its place"
    else:
        problem, remedy = f"cannot be used ({error})", "check the disk and the file's permissions"
    return Unavailable(f"{path} {problem}: {remedy}, or choose another state folder")


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Errors about a file or folder of the state folder as Unavailable, with what to do."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        if isinstance(error, FileExistsError | NotADirectoryError):
            file = next((each for each in (Path(where), *Path(where).parents) if each.is_file()), where)
            problem, remedy = f"{file} is a file, but a folder is needed there", "move it"
        elif isinstance(error, IsADirectoryError):
            problem, remedy = f"{where} is a folder, but a file is needed there", "move it"
        else:
            problem = f"{where} cannot be opened for writing ({(error.strerror or str(error)).lower()})"
            remedy = "check its owner and permissions and the disk"
        raise Unavailable(f"{problem}: {remedy}, or choose another state folder") from error


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
    """The state folder belongs to this process until `release` or its end."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    def holds(self) -> bool:
        """Whether the folder is still the one that was locked: not one that was removed, or made again and is another engine's."""
        try:
            return self._descriptor >= 0 and os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let another engine in; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def lock_state(state: Path) -> StateLock:
    """Take `engine.lock` of the state folder until `release`. Raises Unavailable for a folder that cannot be used or is in use."""
    path = state / "engine.lock"
    with usable(state):
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise Unavailable(
            f"{state} is in use by an engine with process id {holder}: use that engine, stop it, or choose another state folder"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return StateLock(descriptor, path)


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
