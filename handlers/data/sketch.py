"""How the numbers of a column are distributed, in a form that merges: the same quantiles in whatever order and groups parts are merged.

Statistics hold `values` while a column has at most EXACT distinct numbers, else `buckets`. A bucket is what a float's sign, exponent and
first BITS bits of its fraction say, so that finding it is integer arithmetic, the same on every machine. Each bucket stands for its middle,
which is off by at most 1 / 2^(BITS + 1) of the number: 0.4 %. Merging adds counts. Both are written as two lists, numbers and rows; the
numbers of the buckets as the first one and the steps to the next. Integers and booleans need neither while statistics have their `counts`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from handlers.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa

BITS = 7
EXACT = 256
SHIFT = 52 - BITS
NEGATIVE = 1 << (63 - SHIFT)  # what the sign's bit counts after the shift
FIRST_LOOK = 4 * EXACT
PENDING = 64  # parts whose buckets are added up at once
Pairs = list[tuple[float, int]]


def of_numbers(values: pa.Array) -> dict[str, Any]:
    """The distribution of finite numbers (float64, none null), as statistics hold it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(values):
        return {}
    kept = pc.value_counts(pc.shift_right(values.view(pa.int64()), SHIFT))
    keys = kept.field("values")
    buckets = _summed(pc.if_else(pc.less(keys, 0), pc.negate(pc.add(keys, NEGATIVE)), keys), kept.field("counts"))
    # counting each value by itself costs much where they differ: the first rows mostly tell
    if len(buckets) <= EXACT and len(pc.unique(values.slice(0, FIRST_LOOK))) <= EXACT + 1:
        counted = pc.value_counts(values)
        exact: dict[float, int] = {}
        for value, rows in zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True):
            _add(exact, value + 0.0, rows)  # -0.0 and 0.0 are one number
        if len(exact) <= EXACT:
            return {"values": _written(exact)}
    return {"buckets": _written_steps(buckets)}


class Union:
    """The distribution of the union of parts, added one by one; their order does not matter."""

    def __init__(self) -> None:
        self._values: dict[float, int] = {}
        self._buckets: list[tuple[Any, Any]] = []
        self._unknown = False

    def add(self, statistics: Mapping[str, Any]) -> None:
        """Add a part's statistics: their buckets or values, or else the counts of their integers."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if "buckets" in statistics:
            steps, rows = (pa.array(numbers, pa.int64()) for numbers in statistics["buckets"])
            self._add_buckets(pc.cumulative_sum(steps), rows)
        elif "values" in statistics or "counts" in statistics:
            for value, count in pairs(statistics):
                _add(self._values, value, count)
            if len(self._values) > EXACT:
                self._to_buckets()
        elif statistics.get("n"):
            self._unknown = True  # made before distributions were kept

    def tree(self) -> dict[str, Any]:
        """As statistics hold it."""
        if self._unknown:
            return {}
        if self._buckets:
            self._to_buckets()
            return {"buckets": _written_steps(self._joined())}
        return {"values": _written(self._values)} if self._values else {}

    def _to_buckets(self) -> None:
        import pyarrow as pa

        if self._values:
            indices = [_bucket(value) for value in self._values]
            self._add_buckets(pa.array(indices, pa.int64()), pa.array(self._values.values(), pa.int64()))
        self._values = {}

    def _add_buckets(self, indices: pa.Array, rows: pa.Array) -> None:
        self._buckets.append((indices, rows))
        if len(self._buckets) == PENDING:
            joined = self._joined()
            self._buckets = [(joined.column("index").combine_chunks(), joined.column("rows_sum").combine_chunks())]

    def _joined(self) -> pa.Table:
        import pyarrow as pa

        indices, rows = zip(*self._buckets, strict=True)
        return _summed(pa.concat_arrays(indices), pa.concat_arrays(rows))


def pairs(statistics: Mapping[str, Any]) -> Pairs:
    """(number, rows) in the order of the numbers: exact, or the middles of buckets, which never lie outside the least and the greatest."""
    if "counts" in statistics:
        return sorted((_number(text), rows) for text, rows in statistics["counts"].items())
    if "values" in statistics:
        return list(zip(*statistics["values"], strict=True))
    if "buckets" in statistics:
        low, high = statistics["min"], statistics["max"]
        indices, rows = accumulate(statistics["buckets"][0]), statistics["buckets"][1]
        return [(min(max(_middle(index), low), high), count) for index, count in zip(indices, rows, strict=True)]
    return []


def quantile(statistics: Mapping[str, Any], share: float) -> float | None:
    """The number below which `share` of a column's numbers lie, between neighbours in proportion; None for a column without a number.

    Exact while `values` or `counts` are kept; otherwise each of the two neighbours is off by at most 0.4 %.
    """
    n = statistics.get("n") or 0
    if not n:
        return None
    known = pairs(statistics)
    if not known:
        raise BadData("the statistics of the dataset say nothing about quantiles; make its parts again: delete their markers, parts.json")
    place = share * (n - 1)
    first = math.floor(place)
    # the least and the greatest are known exactly, which the middles of their buckets are not
    known = [(statistics["min"], 1), *_without_ends(known), (statistics["max"], 1)] if n > 1 else known
    below, above = _at(known, first), _at(known, min(first + 1, n - 1))
    return below + (above - below) * (place - first)


def within(statistics: Mapping[str, Any], low: float, high: float) -> tuple[float, float]:
    """Mean and population standard deviation of the numbers when those outside are moved to `low` or `high`."""
    moved = [(min(max(value, low), high), rows) for value, rows in pairs(statistics)]
    n = sum(rows for _, rows in moved)
    mean = math.fsum(value * rows for value, rows in moved) / n
    return mean, math.sqrt(math.fsum((value - mean) ** 2 * rows for value, rows in moved) / n)


def _at(known: Pairs, rank: int) -> float:
    """The number of a rank, from 0."""
    for (value, _), last in zip(known, accumulate(rows for _, rows in known), strict=True):
        if rank < last:
            return value
    return known[-1][0]


def _without_ends(known: Pairs) -> Pairs:
    first, last = known[0], known[-1]
    if len(known) == 1:
        return [(first[0], first[1] - 2)]
    return [(first[0], first[1] - 1), *known[1:-1], (last[0], last[1] - 1)]


def _add(found: dict[Any, int], key: Any, rows: int) -> None:
    found[key] = found.get(key, 0) + rows


def _number(text: str) -> float:
    return {"true": 1.0, "false": 0.0}[text] if text in ("true", "false") else float(text)


def _summed(indices: pa.Array, rows: pa.Array) -> pa.Table:
    """The buckets in their order (`index`), each once, and how many rows each has (`rows_sum`)."""
    import pyarrow as pa

    table = pa.table({"index": indices, "rows": rows})
    return table.group_by("index", use_threads=False).aggregate([("rows", "sum")]).sort_by("index")


def _bucket(value: float) -> int:
    """The number of a float's bucket: that of -x is minus that of x."""
    key: int = struct.unpack("<q", struct.pack("<d", value))[0] >> SHIFT
    return key if key >= 0 else -(key + NEGATIVE)


def _middle(index: int) -> float:
    if index == 0:
        return 0.0
    low, high = (struct.unpack("<d", struct.pack("<q", bits << SHIFT))[0] for bits in (abs(index), abs(index) + 1))
    return math.copysign(low + (high - low) / 2, index)


def _written(found: Mapping[float, int]) -> list[list[Any]]:
    return [sorted(found), [found[value] for value in sorted(found)]]


def _written_steps(buckets: pa.Table) -> list[list[int]]:
    indices: Iterable[int] = buckets.column("index").to_pylist()
    return [[b - a for a, b in pairwise([0, *indices])], buckets.column("rows_sum").to_pylist()]
