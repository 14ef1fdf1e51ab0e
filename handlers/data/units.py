"""The unit of every row of a block: its day, year or step, or the place of its hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.contracts import BadData, BadSpec, counted
from handlers.data.column_types import type_name
from handlers.data.instants import CALENDAR, local
from handlers.data.places import places, whole
from handlers.data.split import EPOCH, identity, label, newest_allowed, stratum, unit_of
from handlers.data.statistics import missing
from handlers.modelspec.model import ModelSpec, TimeSplit

if TYPE_CHECKING:
    import pyarrow as pa

# columns of a part; no column of a source can be called so
UNIT = " unit"
OBJECT = " object"  # of a part that objects share: the number of the object that a row came from
OWN = (UNIT, OBJECT)
CLOCKS = {"epoch_s": "s", "epoch_ms": "ms"}


def of_rows(block: pa.Table, spec: ModelSpec, key: str, now: float) -> pa.Array:
    """(rows,) int64: the unit of each row; `key` names the source object in errors."""
    split = spec.data.split
    if isinstance(split, TimeSplit):
        column = _declared(block, split.column, "data.split.column", key)
        return _of_time(column, split, key, now)
    names = identity(spec)
    where = "data.split.key" if split.by == "hash" else "data.group" if spec.data.group else "data.key"
    for name in names:
        if where == "data.key":
            _there(block, name, where)
        else:
            _declared(block, name, where, key)
    if split.stratify:
        _declared(block, split.stratify, "data.split.stratify", key)
    beside = stratum(spec)
    columns = [*(names or sorted(block.column_names)), *([beside] if beside else [])]
    return places(block, columns, "hash" if split.by == "hash" else f"random {split.seed}")


def grouped(block: pa.Table, spec: ModelSpec, key: str) -> None:
    """Raise where the rows have no group, or some of them none."""
    if spec.data.group:
        _declared(block, spec.data.group, "data.group", key)


def reaches_the_end(block: pa.Table, spec: ModelSpec) -> bool:
    """Whether the newest day's rows reach its last hour, or have no time of day at all; otherwise the day may still be incomplete."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    split = spec.data.split
    if not isinstance(split, TimeSplit) or split.counted:
        return True
    column = _moments(block.column(split.column), split)
    if t.is_date(column.type):
        return True
    newest = pc.max(local(column, split.timezone)).as_py()
    return bool(newest.hour == 23 or newest.time() == newest.time().min)


def _there(block: pa.Table, name: str, where: str) -> pa.ChunkedArray:
    if name not in block.column_names:
        raise BadSpec(f"{where}: {name!r} is not a column of the rows; the columns are {', '.join(block.column_names)}")
    return block.column(name)


def _declared(block: pa.Table, name: str, where: str, key: str) -> pa.ChunkedArray:
    column = _there(block, name, where)
    without = missing(column)
    if without:
        what = f"column {name!r} is missing in {counted(without, 'row')}; the split needs it in every row ({where})"
        raise BadData(f"{key}: {what}; leave out the others in data.query, by WHERE {name} IS NOT NULL")
    return column


def _of_time(column: pa.ChunkedArray, split: TimeSplit, key: str, now: float) -> pa.Array:
    import pyarrow as pa
    import pyarrow.types as t

    if split.counted or split.unit in CLOCKS:
        if not t.is_integer(column.type):
            raise BadSpec(f"data.split.unit: {split.unit} needs whole numbers, but column {split.column!r} is {type_name(column.type)}")
    elif not (t.is_timestamp(column.type) or t.is_date(column.type)):
        more = "; for an integer say what it counts: unit: year, step, epoch_s or epoch_ms" if t.is_integer(column.type) else ""
        kind = type_name(column.type)
        raise BadSpec(f"data.split.column: {split.column!r} is of type {kind}; a timestamp or a date is needed{more}")
    if split.counted:
        return whole(column.cast(pa.int64()))
    _in_calendar(column, split, key)
    moments = _moments(column, split)
    days = moments if t.is_date(moments.type) else local(moments, split.timezone)
    units = whole(days.cast(pa.date32(), safe=False).cast(pa.int32()).cast(pa.int64()))
    _not_in_the_future(column, units, split, key, now)
    return units


def _in_calendar(column: pa.ChunkedArray, split: TimeSplit, key: str) -> None:
    """Raise BadData for a number that as seconds or milliseconds is in no year of the calendar."""
    import pyarrow as pa
    import pyarrow.compute as pc

    clock = CLOCKS.get(split.unit or "")
    if clock is None or not len(column):
        return
    first, last = (end // (1_000_000 if clock == "s" else 1000) for end in CALENDAR["timestamp"])
    numbers = column.cast(pa.int64())
    beyond = numbers.filter(pc.or_(pc.less(numbers, first), pc.greater(numbers, last)))
    if len(beyond):
        hint = "; write unit: epoch_ms if it counts milliseconds" if clock == "s" else ""
        what = f"the value {beyond[0].as_py()}, which as {split.unit} is beyond the years 1 to 9999"
        raise BadData(f"{key}: column {split.column!r} has {what}{hint}")


def _not_in_the_future(column: pa.ChunkedArray, units: pa.Array, split: TimeSplit, key: str, now: float) -> None:
    import pyarrow.compute as pc

    newest = newest_allowed(now)
    late = pc.indices_nonzero(pc.greater(units, (newest - EPOCH).days))
    if len(late):
        row = late[0].as_py()
        hint = "; write unit: epoch_ms if it counts milliseconds" if split.unit == "epoch_s" else ""
        what = f"the value {column[row].as_py()}" + (f", {label(unit_of(split), units[row].as_py())}" if split.unit else "")
        raise BadData(f"{key}: column {split.column!r} has {what}, which is in the future; accepted: up to {newest}{hint}")


def _moments(column: pa.ChunkedArray, split: TimeSplit) -> pa.ChunkedArray:
    """The timestamps or dates of a column; of a clock that counts, the moments that it means."""
    import pyarrow as pa

    clock = CLOCKS.get(split.unit or "")
    return column.cast(pa.int64()).cast(pa.timestamp(clock)) if clock else column
