"""DuckDB as every query uses it: one thread, UTC, without access to anything but the rows it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handlers.data.streams import printable

MEMORY = "1GiB"  # with a scratch folder, what is more goes there


def connect(scratch: Path | None = None) -> Any:
    """A connection of its own: no files, no network, no extensions. What does not fit in memory may be spilled into `scratch`."""
    import duckdb

    connection = duckdb.connect(
        config={"threads": 1, "enable_external_access": False, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    connection.execute("SET TimeZone = 'UTC'")
    if scratch is not None:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
    return connection


def first_line(error: Exception) -> str:
    return printable(str(error).strip().splitlines()[0])
