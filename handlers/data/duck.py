"""DuckDB as every query uses it: one thread, UTC, without access to anything but the rows it is given."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.data.streams import printable

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY = "1GiB"  # of what a query over many rows may hold; what is more is spilled


def connect() -> Any:
    """A DuckDB connection of its own: one thread, UTC, no files, no network, no extensions."""
    import duckdb

    connection = duckdb.connect(
        config={"threads": 1, "enable_external_access": False, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


class _Own(threading.local):
    def __init__(self) -> None:
        self.by_process: dict[int, Any] = {}


_own = _Own()


def own() -> Any:
    """The connection of this thread, for what is done to every block: to open one takes longer than the block."""
    process = os.getpid()
    if process not in _own.by_process:
        # the one of a process that this was forked from stays: to close it here ends this process
        _own.by_process[process] = connect()
    return _own.by_process[process]


@contextmanager
def reading(folder: Path, tables: Mapping[str, pa.Table], scratch: Path) -> Iterator[Any]:
    """A connection that sees the files of a folder and these tables, and nothing else; what does not fit in memory goes to `scratch`.

    `name_files` says what the files are called.
    """
    import duckdb

    connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = {_text(str(scratch / 'spilled'))}")
        connection.execute(f"SET allowed_directories = [{_text(str(folder))}]")
        connection.execute("SET enable_external_access = false")
        for name, table in tables.items():
            connection.register(name, table)
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def name_files(connection: Any, files: Mapping[str, Sequence[Path]], empty: Mapping[str, bool]) -> None:
    """Let these Parquet files be tables from now on. Of a name that is `empty` they tell the columns alone."""
    for name, paths in files.items():
        rows = connection.read_parquet([str(path) for path in paths], union_by_name=True)
        (rows.limit(0) if empty[name] else rows).create_view(name)


def first_line(error: Exception) -> str:
    return printable(str(error).strip().splitlines()[0])


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
