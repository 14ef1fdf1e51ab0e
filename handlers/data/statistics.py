"""Statistics of columns that merge: those of a whole follow from those of its parts, the same floats wherever they are merged.

A column's statistics are a JSON object: `count` (rows), `missing`, for numbers `mean`, `m2` (sum of squared deviations), `min`, `max`,
and for text, integers and booleans `counts` (value as text -> rows), left out where there are more than LIMIT values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

LIMIT = 20_000
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
    if t.is_integer(kind) or t.is_floating(kind):
        values = column.drop_null().cast(pa.float64())
        if t.is_floating(kind):
            values = values.filter(pc.is_finite(values))
        found.update(_moments(values))
    if t.is_timestamp(kind) or t.is_date(kind):
        low_high = pc.min_max(column).as_py()
        found.update(min=str(low_high["min"]), max=str(low_high["max"])) if low_high["min"] is not None else None
    if t.is_string(kind) or t.is_large_string(kind) or t.is_integer(kind) or t.is_boolean(kind):
        pairs = pc.value_counts(column.drop_null().cast(pa.string())).to_pylist()
        if len(pairs) <= LIMIT:
            found["counts"] = {pair["values"]: pair["counts"] for pair in sorted(pairs, key=lambda p: p["values"])}
    return found


def _moments(values: pa.ChunkedArray) -> Statistics:
    import pyarrow.compute as pc

    if not len(values):
        return {"n": 0}
    # as one array, so that the sums do not depend on where the blocks end
    whole = values.combine_chunks()
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
    """Statistics of the union of parts, merged in the order given: sums of floats depend on it."""
    merged: dict[str, Statistics] = {}
    for part in parts:
        for name, statistics in part.items():
            merged[name] = _two(merged[name], statistics) if name in merged else dict(statistics)
    return merged


def _two(a: Statistics, b: Statistics) -> Statistics:
    found: Statistics = {"count": a["count"] + b["count"], "missing": a["missing"] + b["missing"]}
    if "n" in a or "n" in b:
        found.update(_two_moments(a, b))
    elif "min" in a or "min" in b:
        found["min"] = min(s["min"] for s in (a, b) if "min" in s)
        found["max"] = max(s["max"] for s in (a, b) if "max" in s)
    if "counts" in a and "counts" in b:
        counts = dict(a["counts"])
        for value, rows in b["counts"].items():
            counts[value] = counts.get(value, 0) + rows
        if len(counts) <= LIMIT:
            found["counts"] = dict(sorted(counts.items()))
    return found


def _two_moments(a: Statistics, b: Statistics) -> Statistics:
    if not a.get("n"):
        return {key: b[key] for key in ("n", "mean", "m2", "min", "max") if key in b} or {"n": 0}
    if not b.get("n"):
        return {key: a[key] for key in ("n", "mean", "m2", "min", "max")}
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
