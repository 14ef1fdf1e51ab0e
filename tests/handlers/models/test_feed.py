"""Batches that are made while others are learned, and rows that are kept between epochs."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.contracts import BadData
from handlers.data.encode import Encoder
from handlers.data.read import batches
from handlers.models.estimators import make
from handlers.models.feed import AHEAD, DatasetFeed, ahead
from handlers.models.loop import SAMPLE_BATCHES
from handlers.models.scratch import Scratch
from handlers.storage import FolderStore
from tests.handlers.data.small import dataset, spec


def test_the_batches_are_the_same_and_an_error_comes_in_its_place() -> None:
    def rows() -> Iterator[Any]:
        yield from range(4)
        raise BadData("the fifth")

    got = ahead(rows())
    assert [next(got) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(BadData, match="the fifth"):
        next(got)
    assert list(ahead(iter([5, 6]))) == [5, 6]
    assert not list(ahead(iter(())))


def test_some_batches_are_made_ahead_and_no_thread_is_left() -> None:
    made: list[int] = []
    enough = threading.Event()

    def rows() -> Iterator[Any]:
        for number in range(99):
            made.append(number)
            if number == AHEAD:
                enough.set()
            yield number

    got: Any = ahead(rows())
    assert next(got) == 0
    assert enough.wait(10)
    got.close()
    assert made == list(range(AHEAD + 1))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


EPOCHS = 3


class Counting(FolderStore):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked = 0

    def get(self, key: str) -> bytes:
        self.asked += 1
        return super().get(key)


def feed(store: FolderStore, scratch: Scratch | None, sizes: list[int]) -> DatasetFeed:
    of = spec(batch_rows=4, parts=2)
    of = of.model_copy(update={"training": of.training.model_copy(update={"epochs": EPOCHS})})
    made = dataset(store, sizes)
    return DatasetFeed(store, made, of, Encoder(made, of), scratch)


def learned(of: DatasetFeed, stop: int | None = None, damage: bool = False) -> str:
    """The digest of what three epochs leave; after `stop` batches everything goes on from the last position with a new feed."""
    model = make(of.spec, of.spec.model.params)
    count = 0
    for epoch in range(EPOCHS):
        rows = of.train(epoch, None)
        position = None
        while True:
            for batch in rows:
                model.learn(batch)
                position = batch.position
                count += 1
                if count == stop:
                    break
            else:
                break
            with Scratch() as scratch:
                of = DatasetFeed(of.store, of.dataset, of.spec, of.encoder, scratch if of.scratch is not None else None)
                rows = iter(list(of.train(epoch, position)))
            of.scratch = Scratch() if of.scratch is not None else None
        if damage and of.scratch is not None and of.scratch._file is not None:
            os.pwrite(of.scratch._file, b"\1" * 64, 0)
    return model.digest()


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    most=st.none() | st.integers(0, 400),
    stop=st.none() | st.integers(1, 20),
    damage=st.booleans(),
)
def test_what_is_learned_does_not_depend_on_what_is_kept(
    tmp_path: Path, sizes: list[int], most: int | None, stop: int | None, damage: bool
) -> None:
    """Nor on how much fits, on an interruption after any batch, or on a disk that gives back something else."""
    expected = learned(feed(FolderStore(tmp_path), None, sizes))
    with Scratch(most) as scratch:
        assert learned(feed(FolderStore(tmp_path), scratch, sizes), stop, damage) == expected


def test_later_epochs_read_nothing_from_the_bucket(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    with Scratch() as scratch:
        of = feed(store, scratch, [5, 5, 5])
        first = [batch.y.tolist() for batch in of.train(0, None)]
        assert store.asked == 3
        later = [batch.y.tolist() for batch in of.train(2, None)]
        assert store.asked == 3
    assert sorted(chain(*first)) == sorted(chain(*later))
    assert first != later


def test_no_cluster_is_found_for_rows_that_are_learned_from(tmp_path: Path) -> None:
    of = feed(FolderStore(tmp_path), None, [5, 5])
    assert all(batch.cluster is None for batch in of.train(0, None))
    assert all(batch.cluster is None for batch in of.sample())
    judged = batches(of.store, of.dataset, of.spec, of.encoder, "train")
    assert [batch.cluster.tolist() for batch in judged] == [[15706] * 4, [15706] + [15707] * 3, [15707] * 2]


def test_the_sample_is_the_first_batches_of_the_first_epoch(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    of = feed(store, None, [9, 9, 9])
    expected = [batch.y.tolist() for batch in of.train(0, None)][:SAMPLE_BATCHES]
    asked = store.asked
    assert [batch.y.tolist() for batch in of.sample()] == expected
    assert store.asked == asked
    resumed = feed(store, None, [9, 9, 9])
    assert [batch.y.tolist() for batch in resumed.sample()] == expected
    few = feed(store, None, [2])
    assert [batch.y.tolist() for batch in few.sample()] == [batch.y.tolist() for batch in few.train(0, None)]
