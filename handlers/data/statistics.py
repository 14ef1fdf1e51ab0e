"""Statistics of columns that merge: those of a whole follow from those of its parts, the same floats wherever they are merged.

A column's statistics are a JSON object: `count` (rows), `missing`, for numbers and booleans `n` (rows with a number), `mean`, `m2` (sum
of squared deviations), `min`, `max`, and for text, integers and booleans `counts` (value as text -> rows), left out where there are more
than LIMIT values. Timestamps and dates have `epoch`, the moments of their seconds since 1970, and how they lie (`handlers.data.times`);
vectors have `sizes`. Numbers without `counts` have `values` or `buckets`, their distribution (`handlers.data.sketch`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from handlers.data import sketch, times

if TYPE_CHECKING:
    import pyarrow as pa

LIMIT = 20_000
MOMENTS = ("n", "mean", "m2", "min", "max")
Statistics = dict[str, Any]


def of_table(table: pa.Table, names: Iterable[str]) -> dict[str, Statistics]:
    """Statistics of the named columns."""
    return {name: of_column(table.column(name)) for name in names}


def missing(column: pa.ChunkedArray) -> int:
    """How many values of a column are missing: null, and of numbers also NaN and the infinities."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    if not t.is_floating(column.type):
        return int(column.null_count)
    return len(column) - int(pc.sum(pc.is_finite(column)).as_py() or 0)


def of_column(column: pa.ChunkedArray) -> Statistics:
    """Statistics of one column."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    kind = column.type
    found: Statistics = {"count": len(column), "missing": missing(column)}
    counted = t.is_string(kind) or t.is_large_string(kind) or t.is_integer(kind) or t.is_boolean(kind)
    if counted and len(pairs := _counted(column)) <= LIMIT:
        # as text only the values that differ, not every row
        texts = pairs.field("values").cast(pa.string()).to_pylist()
        found["counts"] = dict(sorted(zip(texts, pairs.field("counts").to_pylist(), strict=True)))
    if t.is_integer(kind) or t.is_floating(kind) or t.is_boolean(kind):
        values = column.cast(pa.int8()) if t.is_boolean(kind) else column
        values = values.drop_null() if values.null_count else values
        values = values.cast(pa.float64(), safe=False)  # integers above 2^53 are rounded
        if len(values) > found["count"] - found["missing"]:
            values = values.filter(pc.is_finite(values))
        # as one array, so that the sums do not depend on where the blocks end
        whole = values.combine_chunks()
        found.update(_moments(whole))
        if "counts" not in found:
            found.update(sketch.of_numbers(whole))
    if t.is_timestamp(kind) or t.is_date(kind):
        low_high = pc.min_max(column).as_py()
        found.update(min=str(low_high["min"]), max=str(low_high["max"])) if low_high["min"] is not None else None
        instants = column.drop_null().cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64(), safe=False)
        seconds = pc.divide(instants.combine_chunks(), 1e6)
        unit = times.DAY if t.is_date(kind) else 1
        found["epoch"] = _moments(seconds) | times.of_times(pc.floor(pc.divide(seconds, float(unit))).cast(pa.int64()), unit)
    if is_list(kind):
        found["sizes"] = _sizes(column)
    return found


def _counted(column: pa.ChunkedArray) -> pa.StructArray:
    """(`values`, `counts`) of the values that differ; a missing one is none."""
    import pyarrow.compute as pc

    pairs = pc.value_counts(column)
    return pairs.filter(pc.is_valid(pairs.field("values"))) if column.null_count else pairs


def is_list(kind: pa.DataType) -> bool:
    """Whether a column has lists: vectors."""
    import pyarrow.types as t

    return bool(t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind))


def _sizes(column: pa.ChunkedArray) -> dict[str, dict[str, int]]:
    """The lengths of a column's vectors: for each the number of rows, and the first of them, from 1."""
    import pyarrow.compute as pc

    lengths = pc.list_value_length(column)
    found = {str(pair["values"]): pair["counts"] for pair in pc.value_counts(lengths.drop_null()).to_pylist()}
    return {size: {"rows": found[size], "first": pc.index(lengths, int(size)).as_py() + 1} for size in sorted(found, key=int)}


def _moments(whole: pa.Array) -> Statistics:
    import pyarrow.compute as pc

    if not len(whole):
        return {"n": 0}
    mean = pc.mean(whole)
    away = pc.subtract(whole, mean)
    low_high = pc.min_max(whole).as_py()
    return {
        "n": len(whole),
        "mean": mean.as_py(),
        "m2": pc.sum(pc.multiply(away, away)).as_py(),
        "min": low_high["min"],
        "max": low_high["max"],
    }


def merge(parts: Iterable[Mapping[str, Statistics]]) -> dict[str, Statistics]:
    """Statistics of the union of parts, merged in the order given: sums of floats depend on it, the rest does not."""
    columns: dict[str, list[Statistics]] = {}
    for part in parts:
        for name, statistics in part.items():
            columns.setdefault(name, []).append(statistics)
    return {name: _union(each) for name, each in columns.items()}


def _union(parts: Sequence[Statistics]) -> Statistics:
    found: Statistics = {"count": sum(s["count"] for s in parts), "missing": sum(s["missing"] for s in parts)}
    numbers = any("n" in s for s in parts)
    bounded = [s for s in parts if "min" in s]
    if numbers:
        moments: Statistics = reduce(_two_moments, parts, {"n": 0})
        found.update(moments)
    elif bounded:
        found.update(min=min(s["min"] for s in bounded), max=max(s["max"] for s in bounded))
    instants = [s["epoch"] for s in parts if "epoch" in s]
    if instants:
        whole: Statistics = reduce(_two_moments, instants, {"n": 0})
        found["epoch"] = whole | times.union(instants)
    if any("sizes" in s for s in parts):
        found["sizes"] = _union_of_sizes(parts)
    counts = _counts(parts)
    if counts is not None:
        found["counts"] = counts
    elif numbers:
        distribution = sketch.Union()
        for each in parts:
            distribution.add(each)
        found.update(distribution.tree())
    return found


def _union_of_sizes(parts: Sequence[Statistics]) -> dict[str, dict[str, int]]:
    """The number of rows of each length; which row was the first says nothing any more."""
    found: dict[str, dict[str, int]] = {}
    for each in parts:
        for size, of in each.get("sizes", {}).items():
            found[size] = {"rows": found.get(size, {"rows": 0})["rows"] + of["rows"]}
    return {size: found[size] for size in sorted(found, key=int)}


def _counts(parts: Sequence[Statistics]) -> dict[str, int] | None:
    """The rows of each value; None where a part has no counts, or where they are too many."""
    counts: dict[str, int] = {}
    for each in parts:
        if "counts" not in each:
            return None
        for value, rows in each["counts"].items():
            counts[value] = counts.get(value, 0) + rows
        if len(counts) > LIMIT:
            return None
    return dict(sorted(counts.items()))


def _two_moments(a: Statistics, b: Statistics) -> Statistics:
    for one, other in ((a, b), (b, a)):
        if not one.get("n"):
            return {key: other[key] for key in MOMENTS if key in other} or {"n": 0}
    n = a["n"] + b["n"]
    delta = b["mean"] - a["mean"]
    return {
        "n": n,
        "mean": a["mean"] + delta * b["n"] / n,
        "m2": a["m2"] + b["m2"] + delta * delta * a["n"] * b["n"] / n,
        "min": min(a["min"], b["min"]),
        "max": max(a["max"], b["max"]),
    }


def deviation(statistics: Statistics) -> float:
    """The population standard deviation of a number column; 1.0 where it does not vary, so that scaling by it does nothing."""
    n = statistics.get("n") or 0
    spread = (statistics["m2"] / n) ** 0.5 if n else 0.0
    return float(spread) if spread > 0 else 1.0
