"""The distribution of times merges, and its quantiles are near."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.data import times

numbers = st.lists(st.integers(-(10**11), 10**11) | st.integers(-5, 5) | st.integers(1_700_000_000, 1_700_200_000), max_size=30)


def moments(values: list[int], unit: int = 1) -> dict[str, Any]:
    ends = {"min": float(min(values) * unit), "max": float(max(values) * unit)} if values else {}
    return {"n": len(values), **ends, **times.of_times(pa.array(values, pa.int64()), unit)}


@given(numbers, st.integers(0, 30), st.integers(0, 30))
def test_parts_give_what_the_whole_gives(values: list[int], a: int, b: int) -> None:
    first, last = sorted((a, b))
    parts = [moments(values[:first]), moments(values[first:last]), moments(values[last:])]
    whole = times.of_times(pa.array(values, pa.int64()), 1)
    assert times.union(parts) == whole
    two = {"n": len(values[first:]), **times.union(parts[1:])}
    assert times.union([two, parts[0]]) == whole


def test_a_part_without_a_distribution_leaves_none() -> None:
    assert times.union([moments([1, 2]), {"n": 3}]) == {}
    assert times.union([moments([1, 2]), {"n": 0}]) == times.of_times(pa.array([1, 2]), 1)


def test_few_days_are_exact() -> None:
    days = list(range(-500, 500))
    found = moments(days, times.DAY)
    assert [times.quantile(found, share) for share in (0.0, 0.25, 0.5, 1.0)] == [day * times.DAY for day in (-500, -251, -1, 499)]


def test_others_are_off_by_a_thousandth_of_their_span() -> None:
    values = np.random.default_rng(1).integers(1_000_000_000, 1_700_000_000, 50_000)
    found = moments(values.tolist())
    for share in (0.05, 0.5, 0.95):
        assert times.quantile(found, share) == pytest.approx(np.quantile(values, share), abs=700_000_000 / 1000)
    assert len(found["times"][3]) <= times.MOST
    assert times.quantile(found, 0.0) >= values.min()
    assert times.quantile(found, 1.0) <= values.max()
