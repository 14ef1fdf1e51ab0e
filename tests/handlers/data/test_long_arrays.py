"""Arrays in blocks and in files are the arrays that numpy makes at once, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handlers.data import long_arrays

ROWS = 5003


@pytest.fixture(params=["in memory", "in files"])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_arrays, "BLOCK", 512)
    if request.param == "in files":
        monkeypatch.setattr(long_arrays, "IN_MEMORY", 100)


def same(found: Any, wanted: Any) -> None:
    assert found.dtype == wanted.dtype
    assert np.array_equal(found, wanted)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("rows", [0, 1, 512, 513, ROWS])
def test_they_are_what_numpy_makes_at_once(rows: int) -> None:
    random = np.random.default_rng(0)
    x, weight = random.normal(size=rows).round(2), random.random(rows)
    index, far = np.sort(random.integers(0, 77, rows)), random.integers(-(2**62), 2**62, rows)
    chosen = x > 0.3
    same(long_arrays.made(rows, lambda block: x[block] * 2), x * 2)
    same(long_arrays.chosen(rows, chosen.__getitem__, index.__getitem__, "i8"), index[chosen])
    same(long_arrays.places(rows, chosen.__getitem__), np.flatnonzero(chosen))
    same(long_arrays.running(rows, weight.__getitem__), np.cumsum(weight))
    same(long_arrays.running(rows, chosen.__getitem__, "i8"), np.cumsum(chosen))
    same(long_arrays.sums(rows, index.__getitem__, weight.__getitem__, 80), np.bincount(index, weights=weight, minlength=80).astype(float))
    same(long_arrays.order(rows, lambda block: -x[block]), np.argsort(-x, kind="stable"))
    same(long_arrays.distinct(np.append(far, far)), np.unique(far))
    same(long_arrays.made(rows, long_arrays.changes(index), "?"), np.append(True, index[1:] != index[:-1])[:rows])
    same(long_arrays.made(rows, long_arrays.steps(x)), np.diff(x, prepend=0.0))
    assert long_arrays.count(rows, chosen.__getitem__) == chosen.sum()
    assert long_arrays.same(x, x.copy())
    assert not long_arrays.same(x, np.append(x, 1.0))


@pytest.mark.usefixtures("small")
def test_one_that_grows_keeps_its_parts_in_order() -> None:
    numbers, pairs = np.arange(ROWS), np.random.default_rng(0).random((ROWS, 2))
    one, two = long_arrays.Growing(), long_arrays.Growing()
    for first in range(0, ROWS, 37):
        one.add(numbers[first : first + 37])
        two.add(pairs[first : first + 37])
    same(one.array(), numbers)
    same(two.array(), pairs)


def test_numbers_that_a_growing_array_cannot_hold_are_no_part_of_it() -> None:
    whole = long_arrays.Growing()
    whole.add(np.arange(3))
    with pytest.raises(TypeError, match="Cannot cast"):
        whole.add(np.array([0.5]))


def test_a_long_one_is_in_a_file_that_nobody_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_arrays, "IN_MEMORY", 100)
    assert isinstance(long_arrays.empty((13,), "f8").base, np.memmap)
    assert not isinstance(long_arrays.empty((12,), "f8").base, np.memmap)
