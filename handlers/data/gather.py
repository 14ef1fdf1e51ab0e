"""Rows gathered by unit while a source object is read, and given out as the tables of its parts.

They stay in memory while they are few, else in files, so that an object of any size fits. What a part holds follows from the rows alone:
whole units in order, as many as fit in PART_BYTES, and nothing from two periods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from handlers.data.places import whole
from handlers.data.split import EPOCH, bounds, unit_of
from handlers.data.units import UNIT
from handlers.modelspec.model import ModelSpec, TimeSplit

if TYPE_CHECKING:
    import pyarrow as pa

HELD_BYTES = 128 << 20
PART_BYTES = 16 << 20  # of values in memory; a part holds more only if one unit does
PART_UNITS = 1024  # a marker lists the units of its parts
MOST_BUCKETS = 4096
Kept = TypeVar("Kept")


class Gathered:
    """Tables by unit, in the order they were added. At most about `held_bytes` stay in memory; the rest is in files in `folder`.

    Units are kept in buckets of 2**shift neighbours; where there are too many, as steps may be, buckets are joined.
    """

    def __init__(self, folder: Path, held_bytes: int = HELD_BYTES, most: int = MOST_BUCKETS) -> None:
        self._folder, self._most_bytes, self._most = folder, held_bytes, most
        self._tables: dict[int, list[pa.Table]] = {}
        self._files: dict[int, list[Path]] = {}
        self._bytes = self._spilled = self._shift = 0

    def add(self, table: pa.Table, units: pa.Array) -> None:
        """Add a block with the unit of each of its rows."""
        import pyarrow.compute as pc

        if not len(table):
            return
        table = table.append_column(UNIT, units)
        if pc.any(pc.less(units.slice(1), units.slice(0, len(units) - 1))).as_py():
            table = _sorted(table)
            units = whole(table.column(UNIT))
        self._join_until(set(pc.unique(pc.shift_right(units, self._shift)).to_pylist()))
        buckets = pc.shift_right(units, self._shift)
        starts = _starts(buckets)
        for start, end in zip(starts, [*starts[1:], len(table)], strict=True):
            self._tables.setdefault(buckets[start].as_py(), []).append(table.slice(start, end - start))
        self._bytes += table.nbytes
        if self._bytes > self._most_bytes:
            self._spill()

    def buckets(self) -> Iterator[pa.Table]:
        """The rows sorted by unit, a table for each bucket; a bucket's rows are in memory while it is the current one."""
        import pyarrow as pa

        for bucket in sorted({*self._tables, *self._files}):
            tables = [pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in self._files.get(bucket, [])]
            table = pa.concat_tables([*tables, *self._tables.pop(bucket, [])])
            yield _sorted(table) if self._shift else table

    def _join_until(self, new: set[int]) -> None:
        """Join neighbouring buckets until the old and the new ones are few enough."""
        there = {*self._tables, *self._files, *new}
        while len(there) > self._most:
            self._shift += 1
            there = {bucket >> 1 for bucket in there}
            self._tables, self._files = _joined(self._tables), _joined(self._files)

    def _spill(self) -> None:
        import pyarrow as pa

        for bucket, tables in self._tables.items():
            path = self._folder / f"{self._spilled}.arrow"
            self._spilled += 1
            table = pa.concat_tables(tables)
            with pa.ipc.new_file(str(path), table.schema) as writer:
                writer.write_table(table)
            self._files.setdefault(bucket, []).append(path)
        self._tables, self._bytes = {}, 0


def _joined(by_bucket: dict[int, list[Kept]]) -> dict[int, list[Kept]]:
    found: dict[int, list[Kept]] = {}
    for bucket, kept in by_bucket.items():
        found.setdefault(bucket >> 1, []).extend(kept)
    return found


def parts(gathered: Gathered, spec: ModelSpec) -> Iterator[pa.Table]:
    """The tables of the parts, each sorted by unit; rows of one unit in the order in which they came."""
    import pyarrow as pa

    period, most = period_of(spec), PART_UNITS if unit_of(spec.data.split) != "step" else 1 << 62
    held: list[pa.Table] = []
    size = units = 0
    current: Any = None
    for table in gathered.buckets():
        first = 0
        for unit, start, added in _units(table):
            if units and (period(unit) != current or size + added > PART_BYTES or units == most):
                held.append(table.slice(first, start - first))
                yield pa.concat_tables(held)
                held, first, size, units = [], start, 0, 0
            current, size, units = period(unit), size + added, units + 1
        held.append(table.slice(first))
    if units:
        yield pa.concat_tables(held)


def _sorted(table: pa.Table) -> pa.Table:
    """By unit; Arrow's sort keeps rows of one unit in their order."""
    import pyarrow.compute as pc

    return table.take(pc.array_sort_indices(whole(table.column(UNIT))))


def _starts(numbers: pa.Array) -> list[int]:
    """The first row of each run of equal numbers."""
    import pyarrow.compute as pc

    changes = pc.indices_nonzero(pc.not_equal(numbers.slice(1), numbers.slice(0, len(numbers) - 1)))
    return [0, *(change + 1 for change in changes.to_pylist())]


def _units(table: pa.Table) -> Iterator[tuple[int, int, int]]:
    """(unit, its first row, the bytes of its values) of a table that is sorted by unit."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = whole(table.column(UNIT))
    starts = _starts(numbers)
    sums = pc.cumulative_sum(_sizes(table))
    ends = [0, *sums.take(pa.array([start - 1 for start in [*starts[1:], len(table)]])).to_pylist()]
    return zip(numbers.take(pa.array(starts)).to_pylist(), starts, (high - low for low, high in pairwise(ends)), strict=True)


def _sizes(table: pa.Table) -> pa.Array:
    """(rows,) the bytes of each row's values, however the blocks were cut: 8 for each value, and the characters of texts."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    sizes = pa.repeat(pa.scalar(8 * table.num_columns, pa.int64()), len(table))
    for column in table.columns:
        if t.is_string(column.type) or t.is_large_string(column.type):
            sizes = pc.add(sizes, pc.fill_null(pc.binary_length(whole(column)), 0).cast(pa.int64()))
    return sizes


def period_of(spec: ModelSpec) -> Callable[[int], Any]:
    """What no part reaches beyond: `data.split.part`, or the role of a place."""
    split = spec.data.split
    if not isinstance(split, TimeSplit):
        return bounds({}, split, 0.0).role
    if split.part == "auto":
        return lambda unit: None
    if split.part == "day":
        return lambda unit: unit
    if split.part == "week":
        return lambda unit: (unit + 3) // 7  # 1970-01-01 was a Thursday; a week begins on Monday
    return lambda unit: ((day := EPOCH + timedelta(days=unit)).year, day.month)
