"""How the times of a column are distributed, in a form that merges: the same quantiles in whatever order and groups parts are merged.

Seconds since 1970 (of dates, days) fall into buckets that are as wide as the smallest power of two with which the first and the last are
fewer than MOST buckets apart. The width follows from the two ends alone, and no part needs a greater one than the whole, so merging adds
counts. Kept are the unit in seconds, the power, the first bucket and the steps to the others, and the rows of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

MOST = 1024
DAY = 86400  # seconds


def of_times(numbers: pa.Array, unit: int) -> dict[str, Any]:
    """The distribution of times (int64, none null) counted in units of so many seconds since 1970, as statistics hold it."""
    import pyarrow.compute as pc

    if not len(numbers):
        return {}
    ends = pc.min_max(numbers)
    power = _power(ends["min"].as_py(), ends["max"].as_py())
    found = pc.value_counts(pc.shift_right(numbers, power))
    return _written(unit, power, dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)))


def union(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The distribution of the union of parts, each the moments of times with their distribution."""
    there = [part["times"] for part in parts if "times" in part]
    if not there or any(part["n"] and "times" not in part for part in parts):
        return {}
    buckets = [(index, power, rows) for _, power, steps, counts in there for index, rows in zip(accumulate(steps), counts, strict=True)]
    starts = [index << power for index, power, _ in buckets]
    power = max(*(each[1] for each in there), _power(min(starts), max(starts)))
    found: dict[int, int] = {}
    for index, narrower, rows in buckets:
        wider = index >> (power - narrower)
        found[wider] = found.get(wider, 0) + rows
    return _written(there[0][0], power, found)


def pairs(moments: Mapping[str, Any]) -> list[tuple[float, int]]:
    """(seconds since 1970, rows): the middles of the buckets, which never lie outside the first and the last time."""
    return list(_middles(moments)) if "times" in moments else []


def quantile(moments: Mapping[str, Any], share: float) -> float:
    """The seconds since 1970 of the time below which a share of the rows lies, off by at most half a bucket."""
    place = share * (moments["n"] - 1)
    known = pairs(moments)
    return next(seconds for (seconds, _), last in zip(known, accumulate(rows for _, rows in known), strict=True) if place < last)


def _power(first: int, last: int) -> int:
    return next(power for power in range(64) if (last >> power) - (first >> power) < MOST)


def _middles(moments: Mapping[str, Any]) -> Iterator[tuple[float, int]]:
    unit, power, steps, counts = moments["times"]
    for index, rows in zip(accumulate(steps), counts, strict=True):
        middle = (index << power) + ((1 << power) - 1) // 2
        yield min(max(float(middle * unit), moments["min"]), moments["max"]), rows


def _written(unit: int, power: int, found: Mapping[int, int]) -> dict[str, Any]:
    indices = sorted(found)
    return {"times": [unit, power, [b - a for a, b in pairwise([0, *indices])], [found[index] for index in indices]]}
