"""How far columns have moved, in the usual figure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from handlers.data import statistics
from handlers.report import drift


def of(values: Sequence[object]) -> statistics.Statistics:
    return statistics.of_column(pa.chunked_array([pa.array(values)]))


def test_what_is_the_same_has_not_moved() -> None:
    numbers = np.random.default_rng(0).normal(size=1000).tolist()
    assert drift.index(of(numbers), of(numbers)) == pytest.approx(0, abs=1e-9)
    assert drift.index(of(["a", "b"] * 9), of(["b", "a"] * 4)) == pytest.approx(0, abs=1e-9)


def test_categories_are_weighed_by_their_shares() -> None:
    found = drift.index(of(["a"] * 60 + ["b"] * 40), of(["a"] * 30 + ["b"] * 70))
    assert found == pytest.approx((0.3 - 0.6) * math.log(0.3 / 0.6) + (0.7 - 0.4) * math.log(0.7 / 0.4))
    assert drift.told(found) == "moved far"


def test_numbers_are_compared_by_tenths_of_what_was() -> None:
    random = np.random.default_rng(0)
    before, slightly, far = (of(random.normal(at, 1, 4000).tolist()) for at in (0, 0.4, 2))
    shifts = [drift.index(before, each) or 0.0 for each in (slightly, far)]
    assert drift.told(shifts[0]) == "moved" and drift.told(shifts[1]) == "moved far"


def test_values_that_are_new_or_missing_count() -> None:
    assert (drift.index(of(["a"] * 100), of(["a"] * 50 + ["new"] * 50)) or 0) > drift.FAR
    assert (drift.index(of([1.0, 2.0] * 50), of([1.0, 2.0] * 25 + [None] * 50)) or 0) > drift.FAR


def test_what_statistics_do_not_tell_is_not_known() -> None:
    assert drift.index(of(["a"]), of([1.0])) is None
    assert drift.told(None) == ""
