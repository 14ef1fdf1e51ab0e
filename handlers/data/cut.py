"""Parts that a role ends in: which of their rows have which role, and the statistics of those rows.

A part is never rewritten. Its rows are sorted by unit, so the rows of a range of units are neighbours: a first row and a number.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData
from handlers.data import statistics
from handlers.data.split import Range
from handlers.data.units import OBJECT, OWN, UNIT
from handlers.modelspec.model import ModelSpec
from handlers.storage import Missing, Store

if TYPE_CHECKING:
    import pyarrow as pa


def table_of(store: Store, key: str, columns: list[str] | None = None) -> pa.Table:
    """Columns of a part, or all; BadData when it is gone."""
    from pyarrow import parquet

    try:
        return parquet.read_table(io.BytesIO(store.get(key)), columns=columns, use_threads=False)
    except Missing:
        raise gone(key, "parts.json") from None


def object_of(store: Store, key: str, row: int, keys: Sequence[str]) -> str:
    """The key of the source object that a row of a part came from; `keys` are those of the part's share, or the one object's."""
    if len(keys) == 1:
        return keys[0]
    number: int = table_of(store, key, [OBJECT]).column(OBJECT)[row].as_py()
    return keys[number]


def gone(key: str, marker: str) -> BadData:
    """The error for a part that is not there, though the `marker` beside it is."""
    why = "the part is missing in the bucket, but its marker is there"
    return BadData(f"{key}: {why}; delete the marker, {marker} beside it, to make the part again")


def rows_of(table: pa.Table, units: Range) -> tuple[int, int]:
    """The first row of a range of units, and the row after its last."""
    import pyarrow.compute as pc

    numbers = table.column(UNIT)
    first = pc.sum(pc.less(numbers, units[0])).as_py() or 0
    return first, pc.sum(pc.less_equal(numbers, units[1])).as_py() or 0


def described(table: pa.Table, spec: ModelSpec) -> dict[str, statistics.Statistics]:
    """The statistics of a part's columns, or of some of its rows."""
    needed = {*spec.features, getattr(spec.data.split, "stratify", None)}
    return statistics.of_table(table, [n for n in table.column_names if n not in OWN and (n not in spec.data.key or n in needed)])


def distinct(table: pa.Table) -> list[int]:
    """The units of a part's rows, the lowest first."""
    import pyarrow.compute as pc

    found: list[int] = sorted(pc.unique(table.column(UNIT)).to_pylist())
    return found


def whole(part: dict[str, Any]) -> dict[str, Any]:
    """A part with all its rows, described as a piece of itself."""
    return {**part, "first": 0}


def pieces(store: Store, part: dict[str, Any], ranges: Sequence[Range], spec: ModelSpec) -> list[dict[str, Any] | None]:
    """For each range of units the part with only those rows (`first`, `rows`, `units`, `statistics`); None where there are none."""
    low, high = part["units"][0], part["units"][-1]
    inside = [first <= low and high <= last for first, last in ranges]
    outside = [high < first or last < low for first, last in ranges]
    if all(one or other for one, other in zip(inside, outside, strict=True)):
        return [whole(part) if one else None for one in inside]
    table = table_of(store, part["key"])
    found: list[dict[str, Any] | None] = []
    for wanted in ranges:
        first, end = rows_of(table, wanted)
        if first == end:
            found.append(None)
            continue
        rows = table.slice(first, end - first)
        known = distinct(rows)
        units = known if len(part["units"]) > 2 else sorted({known[0], known[-1]})
        found.append({**part, "first": first, "rows": len(rows), "units": units, "statistics": described(rows, spec)})
    return found
