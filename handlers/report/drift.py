"""How far the columns of one dataset's train rows lie from those of another: pure, from statistics."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from handlers.data import sketch

Statistics = Mapping[str, Any]
BINS = 10
CATEGORIES = 20  # the most frequent ones; the others are one
LEAST = 1e-4  # a share of nothing would be infinitely far
MOVED, FAR = 0.1, 0.25


def index(before: Statistics, now: Statistics) -> float | None:
    """The population stability index of a column: the sum of (share now - share before) * ln(share now / share before) over the values,
    or over the tenths in which numbers lay before, and over what is missing; None where the statistics do not tell."""
    if "n" not in before and "counts" in before and "counts" in now:
        shares = _of_values(before["counts"], now["counts"])
    elif before.get("n") and now.get("n") and sketch.pairs(before) and sketch.pairs(now):
        shares = _of_numbers(sketch.pairs(before), sketch.pairs(now))
    else:
        return None
    lost = before["missing"] / max(1, before["count"]), now["missing"] / max(1, now["count"])
    pairs = [(a * (1 - lost[0]), b * (1 - lost[1])) for a, b in shares]
    return sum(_term(*pair) for pair in [*pairs, lost])


def _term(before: float, now: float) -> float:
    before, now = max(before, LEAST), max(now, LEAST)
    return (now - before) * math.log(now / before)


def _of_values(before: Mapping[str, int], now: Mapping[str, int]) -> list[tuple[float, float]]:
    rows = sum(before.values()) or 1, sum(now.values()) or 1
    frequent = sorted({*before, *now}, key=lambda value: (-(before.get(value, 0) / rows[0] + now.get(value, 0) / rows[1]), value))[
        :CATEGORIES
    ]
    pairs = [(before.get(value, 0) / rows[0], now.get(value, 0) / rows[1]) for value in frequent]
    others = (max(0.0, 1 - sum(a for a, _ in pairs)), max(0.0, 1 - sum(b for _, b in pairs)))
    return [*pairs, others]


def _of_numbers(before: Sequence[tuple[float, int]], now: Sequence[tuple[float, int]]) -> list[tuple[float, float]]:
    rows = sum(count for _, count in before)
    edges, seen = list[float](), 0
    for value, count in before:
        seen += count
        if seen * BINS >= rows * (len(edges) + 1) and (not edges or value > edges[-1]):
            edges.append(value)
    found = []
    for known in (before, now):
        bins = [0] * (len(edges) + 1)
        for value, count in known:
            bins[bisect_right(edges, value)] += count
        found.append([each / sum(bins) for each in bins])
    return list(zip(*found, strict=True))


def told(found: float | None) -> str:
    """What an index means, by the usual bounds."""
    if found is None:
        return ""
    return "as before" if found < MOVED else "moved" if found < FAR else "moved far"
