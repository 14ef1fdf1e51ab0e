"""Rows for training, from a dataset in the bucket."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from handlers import workers
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset, PartRef
from handlers.data.read import Batch, Position, several
from handlers.data.rows import Rows
from handlers.models import within
from handlers.models.loop import SAMPLE_BATCHES
from handlers.models.scratch import Scratch
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store

AHEAD = 2  # times several batches, so that neither thread waits each time for the other to be woken
Some = TypeVar("Some")


class DatasetFeed:
    """`train` shuffled by the model's seed and the epoch; `valid` in order; `sample` the first batches of the first epoch's order.

    With `scratch`, encoded rows that a later epoch needs again are kept there. With `lists`, batches of train hold whole lists.
    """

    def __init__(
        self, store: Store, dataset: Dataset, spec: ModelSpec, encoder: Encoder, scratch: Scratch | None = None, *, lists: bool = False
    ) -> None:
        self.store = store
        self.dataset = dataset
        self.spec = spec
        self.encoder = encoder
        self.scratch = scratch
        self.lists = lists
        self._sample: list[Batch] = []
        self._some_valid: list[Batch] = []

    def train(self, epoch: int, start: Position | None) -> Iterator[Batch]:
        again = epoch + 1 < self.spec.training.epochs
        rows = _each(ahead(self._several("train", again=again, epoch=epoch, seed=self.spec.model.seed, start=start)))
        return self._sampled(rows) if epoch == 0 and start is None and not self._sample else rows

    def ordered(self, role: str) -> Iterator[Batch]:
        """The rows of a role in the order of the manifest."""
        return _each(self._several(role, again=self.spec.training.epochs > 1))

    def every(self) -> Iterator[Batch]:
        return self.ordered("train")

    def valid(self) -> Iterable[Batch]:
        return self.ordered("valid")

    def sample(self) -> Iterable[Batch]:
        if not self._sample:
            for _ in islice(self.train(0, None), SAMPLE_BATCHES):
                pass
        return self._sample

    def some_valid(self, rows: int) -> Iterable[Batch]:
        """So many rows of valid, spread over all of it, kept in memory."""
        if not self._some_valid:
            self._some_valid = list(within.some(self.valid(), rows, sum(part.rows for part in self.dataset.of_role("valid"))))
        return self._some_valid

    def _several(self, role: str, *, again: bool, **order: Any) -> Iterator[list[Batch]]:
        kept = self.scratch if again or self.scratch is None else _Read(self.scratch)
        return several(
            self.store, self.dataset, self.spec, self.encoder, role, judged=role != "train", lists=self.lists, kept=kept, **order
        )

    def _sampled(self, rows: Iterator[Batch]) -> Iterator[Batch]:
        """The rows of the first epoch; its first batches are remembered as the sample."""
        sample: list[Batch] = []
        for batch in rows:
            if len(sample) < SAMPLE_BATCHES:
                sample.append(batch)
                self._sample = sample if len(sample) == SAMPLE_BATCHES else []
            yield batch
        self._sample = sample


class _Read:
    """A scratch that is only read from: in the last epoch nothing is kept for a next one."""

    def __init__(self, scratch: Scratch) -> None:
        self.get = scratch.get

    def put(self, part: PartRef, rows: Rows) -> None:
        return


def _each(several: Iterator[list[Batch]]) -> Iterator[Batch]:
    for some in several:
        yield from some


def ahead(rows: Iterator[Some]) -> Iterator[Some]:
    """The same batches in the same order: a thread reads and encodes the next ones while one is being learned.

    An error comes where its batch would. A batch's position is its own, so what was made ahead and never handed out is made again.
    """
    worker = ThreadPoolExecutor(1, "ahead", workers.behind)
    try:
        coming = deque(worker.submit(next, rows, None) for _ in range(AHEAD))
        while (batch := coming.popleft().result()) is not None:
            coming.append(worker.submit(next, rows, None))
            yield batch
    finally:
        worker.shutdown(cancel_futures=True)
