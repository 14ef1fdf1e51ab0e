"""Timestamps and dates on the wall clock of a zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

DAY = 86_400_000_000  # microseconds
# the years 1 to 9999: days since 1970, microseconds since 1970
CALENDAR = {"date": (-719_162, 2_932_896), "timestamp": (-719_162 * DAY, 2_932_897 * DAY - 1)}


def local(column: pa.ChunkedArray, timezone: str) -> pa.ChunkedArray:
    """Wall-clock timestamps of a zone; a timestamp without a zone is UTC, and a date is its midnight in every zone."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    if t.is_date(column.type):
        return column.cast(pa.timestamp("us"))
    aware = column if column.type.tz else pc.assume_timezone(column, "UTC")
    return pc.local_timestamp(aware.cast(pa.timestamp("us", tz=timezone)))
