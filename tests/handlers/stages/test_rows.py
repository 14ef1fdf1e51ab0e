"""How the rows of a dataset are given out: shuffled, bounded, resumable."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handlers.contracts import BadData
from handlers.data.manifest import Dataset
from handlers.data.read import Position
from tests.handlers.stages.datasets import dense, made, rows
from tests.handlers.stages.world import World, month


@pytest.fixture
def dataset(world: World) -> Dataset:
    world.put("1.csv", month("2013-01-01", 30))
    return made(world)[0]


def test_a_seed_gives_every_row_once_in_an_order_of_its_own(world: World, dataset: Dataset) -> None:
    def distances(**how: Any) -> list[float]:
        return [float(v) for batch in rows(world, dataset, **how) for v in dense(batch)[:, 3]]

    plain, one, two = distances(), distances(seed=1), distances(seed=2)
    assert sorted(plain) == sorted(one) == sorted(two)
    assert plain != one != two
    assert one == distances(seed=1) != distances(seed=1, epoch=1)


def test_a_shuffle_mixes_days(world: World, dataset: Dataset) -> None:
    first = rows(world, dataset, seed=1)[0]
    assert len(set(first.cluster.tolist())) == 4  # training.shuffle.parts


def test_reading_goes_on_exactly_after_any_batch(world: World, dataset: Dataset) -> None:
    whole = rows(world, dataset, seed=3, epoch=2)
    for n, batch in enumerate(whole):
        rest = rows(world, dataset, seed=3, epoch=2, start=batch.position)
        assert len(rest) == len(whole) - n - 1
        for a, b in zip(rest, whole[n + 1 :], strict=True):
            assert np.array_equal(dense(a), dense(b))
            assert np.array_equal(a.y, b.y)
            assert a.position == b.position


def test_batches_are_bounded(world: World, dataset: Dataset) -> None:
    found = rows(world, dataset, seed=1)
    assert max(batch.y.shape[0] for batch in found) == 64
    assert found[0].position == Position(0, 0, 64)


def test_a_part_that_is_gone_is_named(world: World, dataset: Dataset) -> None:
    gone = dataset.of_role("train")[0].key
    world.store.delete(gone)
    with pytest.raises(BadData, match=gone):
        rows(world, dataset)
