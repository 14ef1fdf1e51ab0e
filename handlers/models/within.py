"""Validations within an epoch, on the same rows each time: for those who look on. Nothing that is learned hangs on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from handlers.data.batch import Batch
from handlers.models.checkpoint import Progress

KEPT = 1000  # lines, the newest


@dataclass(frozen=True, slots=True)
class Often:
    """After so many `batches` of an epoch, or so many `seconds` of this process. `rows`: of valid at most; None for all."""

    batches: int = 0
    seconds: float = 0.0
    rows: int | None = None


class Due:
    """When the next validation is due."""

    def __init__(self, often: Often, clock: Callable[[], float] = time.monotonic) -> None:
        self._often = often
        self._clock = clock
        self._last = clock()

    def __call__(self, progress: Progress) -> bool:
        if self._often.batches:
            return progress.batches % self._often.batches == 0
        return self._clock() - self._last >= self._often.seconds

    def done(self) -> None:
        """Something was validated: the seconds count from here."""
        self._last = self._clock()


def line(progress: Progress, valid: dict[str, float | None]) -> dict[str, Any]:
    """What a validation within an epoch found."""
    return {"epoch": progress.epoch + 1, "batch": progress.batches, "rows": progress.rows, "valid": valid}


def some(batches: Iterable[Batch], rows: int, of: int) -> Iterator[Batch]:
    """At most so many `rows` of the `of` rows of the batches, spread evenly over them."""
    import numpy as np

    before = 0
    for batch in batches:
        number = np.arange(before, before + len(batch.y))
        before += len(batch.y)
        wanted = np.flatnonzero((number + 1) * rows // of > number * rows // of)
        if rows >= of:
            yield batch
        elif len(wanted):
            yield _taken(batch, wanted)


def _taken(batch: Batch, wanted: Any) -> Batch:
    X = batch.X.take(wanted) if hasattr(batch.X, "column_names") else batch.X[wanted]
    weight, cluster = (None if each is None else each[wanted] for each in (batch.weight, batch.cluster))
    return replace(batch, X=X, y=batch.y[wanted], weight=weight, cluster=cluster, columns={})
