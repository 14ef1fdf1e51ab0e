"""Validations within an epoch: when, on which rows, and that nothing learned hangs on them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from handlers.contracts import Stopped
from handlers.data.batch import Batch, Position
from handlers.models import checkpoint, within
from handlers.models.checkpoint import Progress
from handlers.models.loop import Nobody, Plan
from handlers.models.within import Due, Often
from handlers.storage import FolderStore
from tests.handlers.models.test_loop import BATCHES, ROWS, SGD, Rows, training

OFTEN = Plan(epochs=2, select_by="accuracy", higher=True, within=Often(batches=2, rows=30))


class Looks(Nobody):
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def within(self, lines: list[dict[str, Any]]) -> None:
        self.lines = lines


def batches(make: Any = np.asarray) -> Iterable[Batch]:
    for n in range(3):
        column = np.arange(10 * n, 10 * n + 10)
        yield Batch(make(column.reshape(-1, 1)), column.astype(float), None, column, Position(0, 0, n), {})


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix, lambda rows: pa.table({"x": rows[:, 0]})])
def test_a_sample_is_spread_evenly_and_the_same_each_time(make: Any) -> None:
    found = list(within.some(batches(make), 6, 30))
    assert [list(batch.y) for batch in found] == [[4.0, 9.0], [14.0, 19.0], [24.0, 29.0]]
    assert [list(batch.cluster) for batch in found] == [[4, 9], [14, 19], [24, 29]]
    assert all(batch.X.shape[0] == 2 for batch in found)


@pytest.mark.parametrize("rows", [1, 7, 29])
def test_a_sample_has_as_many_rows_as_are_asked_for(rows: int) -> None:
    assert sum(len(batch.y) for batch in within.some(batches(), rows, 30)) == rows


def test_more_rows_than_there_are_are_all() -> None:
    assert [len(batch.y) for batch in within.some(batches(), 31, 30)] == [10, 10, 10]


def test_it_is_due_after_batches_or_after_seconds() -> None:
    now = 0.0
    by_batches, by_time = Due(Often(batches=3)), Due(Often(seconds=60), lambda: now)
    assert [by_batches(Progress(batches=n)) for n in (1, 2, 3, 4, 6)] == [False, False, True, False, True]
    for seconds, due in ((30.0, False), (60.0, True), (61.0, True)):
        now = seconds
        assert by_time(Progress()) == due
    by_time.done()
    assert not by_time(Progress())


def test_an_epoch_tells_before_its_end_and_learns_the_same(tmp_path: Path) -> None:
    store, looks = FolderStore(tmp_path), Looks()
    plain, _ = training(SGD, Plan(epochs=2, select_by="accuracy", higher=True), Rows(), store)
    expected = plain.run(Progress())
    made, _ = training(SGD, OFTEN, Rows(), store)
    made.watch = looks
    done = made.run(Progress())
    assert [(line["epoch"], line["batch"], line["rows"]) for line in looks.lines] == [
        (epoch, batch, ((epoch - 1) * BATCHES + batch) * ROWS) for epoch in (1, 2) for batch in (2, 4, 6)
    ]
    assert made.made.digest() == plain.made.digest()
    assert [line["valid"] for line in done.history] == [line["valid"] for line in expected.history]


@pytest.mark.parametrize("at", [2, 3, 10])
def test_taken_up_again_it_leaves_the_same_lines(tmp_path: Path, at: int) -> None:
    store, expected, looks = FolderStore(tmp_path), Looks(), Looks()
    straight, _ = training(SGD, OFTEN, Rows(), store)
    straight.watch = expected
    straight.run(Progress())
    stopped, _ = training(SGD, OFTEN, Rows(signal_at=at), store)
    with pytest.raises(Stopped):
        stopped.run(Progress())
    found = checkpoint.resume(store, "trials/m/t", stopped.made.recipe)
    assert found is not None
    again, _ = training(SGD, OFTEN, Rows(), store)
    again.made, again.watch = found[0], looks
    again.run(found[1])
    assert looks.lines == expected.lines
    assert again.made.digest() == straight.made.digest()
