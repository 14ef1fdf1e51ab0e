"""DuckDB with nothing but the rows it is given."""

from __future__ import annotations

from typing import Any


def connect() -> Any:
    """A DuckDB connection of its own: one thread, UTC, no files, no network, no extensions."""
    import duckdb

    connection = duckdb.connect(
        config={"threads": 1, "enable_external_access": False, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection
