"""Quantiles that merge: the same whatever parts are merged first, exact for few values, and near for many."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.contracts import BadData
from handlers.data import statistics
from handlers.data.sketch import EXACT, pairs, quantile, within
from handlers.data.statistics import Statistics

NEAR = 1 / 256
floats = st.floats(-1e12, 1e12).map(lambda x: x + 0.0)


def of(values: list[float | None]) -> Statistics:
    return statistics.of_table(pa.table({"x": pa.array(values, pa.float64())}), ["x"])["x"]


def merged(*parts: Statistics) -> Statistics:
    return statistics.merge({"x": part} for part in parts)["x"]


def distribution(found: Statistics) -> object:
    return {key: found.get(key) for key in ("n", "min", "max", "values", "buckets", "counts")}


@pytest.mark.parametrize("exact", [2, EXACT])
@given(values=st.lists(floats | st.sampled_from([0.0, -0.0, 1.0, 1.001]), max_size=60), seed=st.integers(0, 99))
def test_how_parts_are_grouped_and_ordered_does_not_matter(exact: int, values: list[float], seed: int) -> None:
    chance = random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("handlers.data.sketch.EXACT", exact)
        patch.setattr("handlers.data.sketch.FIRST_LOOK", 4 * exact)
        whole = of(list(values))
        cuts = sorted(chance.randrange(len(values) + 1) for _ in range(4))
        parts = [of(list(values[a:b])) for a, b in zip([0, *cuts], [*cuts, len(values)], strict=True)]
        chance.shuffle(parts)
        one = merged(*parts)
        two = merged(merged(*parts[:2]), merged(*parts[2:]))
    assert distribution(one) == distribution(two) == distribution(whole)


@given(st.lists(floats, min_size=1, max_size=EXACT), st.floats(0, 1))
def test_quantiles_of_few_values_are_exact(values: list[float], share: float) -> None:
    expected = np.quantile(values, share)
    assert quantile(of(list(values)), share) == pytest.approx(expected, rel=1e-9, abs=1e-9 * max(map(abs, values)))


@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.25, 0.5, 0.75, 0.99, 1])
@pytest.mark.parametrize("name", ["normal", "long tail", "far from zero", "tiny"])
def test_quantiles_of_many_values_are_near(share: float, name: str) -> None:
    chance = np.random.default_rng(1)
    values = {
        "normal": chance.normal(0, 1e3, 20_001),
        "long tail": chance.lognormal(0, 4, 20_001),
        "far from zero": 1e6 + chance.random(20_001),
        "tiny": chance.random(20_001) * 1e-300,
    }[name]
    parts = np.array_split(values, 7)
    found = merged(*(of(list(part)) for part in parts))
    assert "buckets" in found
    expected = np.quantile(values, share)
    assert quantile(found, share) == pytest.approx(expected, rel=NEAR + 1e-12)


def test_a_bucket_never_reaches_beyond_the_values() -> None:
    found = of([1.0 + n / 1e9 for n in range(1000)])
    assert (quantile(found, 0), quantile(found, 1)) == (found["min"], found["max"])
    assert all(found["min"] <= value <= found["max"] for value, _ in pairs(found))


def test_integers_and_booleans_are_exact_by_their_counts() -> None:
    found = statistics.of_table(pa.table({"i": [5, 1, 10], "b": [True, True, None]}), ["i", "b"])
    assert (quantile(found["i"], 0.5), quantile(found["b"], 0.5)) == (5.0, 1.0)


def test_integers_of_too_many_values_for_counts_have_buckets() -> None:
    halves = [statistics.of_table(pa.table({"x": range(a, a + 15_000)}), ["x"])["x"] for a in (0, 15_000)]
    found = merged(*halves)
    assert "counts" not in found
    assert quantile(found, 0.5) == pytest.approx(14_999.5, rel=NEAR)
    assert distribution(merged(found, halves[0])) == distribution(merged(*halves, halves[0]))


def test_a_column_without_a_number_has_no_quantile() -> None:
    assert quantile(of([None, float("nan")]), 0.5) is None
    assert distribution(merged(of([None]), of([2.0]))) == distribution(of([2.0]))


def test_statistics_that_know_no_distribution_say_so() -> None:
    old = {"count": 2, "missing": 0, "n": 2, "mean": 1.0, "m2": 0.0, "min": 1.0, "max": 1.0}
    with pytest.raises(BadData, match="make its parts again"):
        quantile(merged(old, of([1.0])), 0.5)


@given(st.lists(floats, min_size=2, max_size=50))
def test_moments_within_limits_are_those_of_the_clipped_values(values: list[float]) -> None:
    low, high = np.quantile(values, [0.1, 0.9])
    mean, deviation = within(of(list(values)), float(low), float(high))
    clipped = np.clip(values, low, high)
    size = max(1.0, float(np.abs(clipped).max()))
    assert mean == pytest.approx(clipped.mean(), abs=1e-9 * size)
    assert deviation == pytest.approx(clipped.std(), abs=1e-6 * size)


def test_a_distribution_takes_little_room() -> None:
    chance = np.random.default_rng(1)
    found = of(list(chance.normal(100, 30, 100_000)))
    import json

    assert len(json.dumps(found["buckets"], separators=(",", ":"))) < 10_000
