"""Rows for training, from a dataset in the bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset
from handlers.data.read import Batch, Position, batches
from handlers.models.loop import SAMPLE_BATCHES
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store

# encoded rows of `valid` up to this size are kept between epochs instead of being read and encoded again
KEPT_BYTES = 128 * 1024 * 1024
Some = TypeVar("Some")


class DatasetFeed:
    """`train` shuffled by the model's seed and the epoch; `valid` in order; `sample` the first batches of the first epoch's order."""

    def __init__(self, store: Store, dataset: Dataset, spec: ModelSpec, encoder: Encoder) -> None:
        self.store = store
        self.dataset = dataset
        self.spec = spec
        self.encoder = encoder
        self._kept: dict[str, list[Batch]] = {}

    def train(self, epoch: int, start: Position | None) -> Iterator[Batch]:
        seed = self.spec.model.seed
        return ahead(batches(self.store, self.dataset, self.spec, self.encoder, "train", epoch=epoch, seed=seed, start=start))

    def ordered(self, role: str) -> Iterator[Batch]:
        """The rows of a role in the order of the manifest."""
        return batches(self.store, self.dataset, self.spec, self.encoder, role)

    def valid(self) -> Iterable[Batch]:
        if "valid" in self._kept:
            return self._kept["valid"]
        return self._keeping("valid", self.ordered("valid"))

    def sample(self) -> Iterable[Batch]:
        if "sample" not in self._kept:
            self._kept["sample"] = list(islice(self.train(0, None), SAMPLE_BATCHES))
        return self._kept["sample"]

    def _keeping(self, name: str, rows: Iterator[Batch]) -> Iterator[Batch]:
        """Hands the batches on and, where they turn out small enough, remembers them."""
        kept: list[Batch] | None = []
        size = 0
        for batch in rows:
            yield batch
            size += _bytes(batch.X)
            if kept is not None:
                kept = [*kept, batch] if size <= KEPT_BYTES else None
        if kept is not None:
            self._kept[name] = kept


def ahead(rows: Iterator[Some]) -> Iterator[Some]:
    """The same batches in the same order: each is read and encoded by a thread while the one before is being learned.

    An error comes where its batch would. A batch's position is its own, so what was made ahead and never handed out is made again.
    """
    with ThreadPoolExecutor(1, "ahead") as worker:
        coming = worker.submit(next, rows, None)
        while (batch := coming.result()) is not None:
            coming = worker.submit(next, rows, None)
            yield batch


def _bytes(X: Any) -> int:
    return int(X.nbytes) if hasattr(X, "nbytes") else int(X.data.nbytes + X.indices.nbytes + X.indptr.nbytes)
