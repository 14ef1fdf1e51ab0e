"""The training loop: epochs over shuffled batches, metrics on `valid` after each, early stopping, checkpoints, a clean stop.

Asked to stop (SIGTERM), it finishes the batch it is in - batches are bounded, so that takes moments - and saves. The signal only raises a
flag here: an exception thrown into the middle of a batch could leave half of an estimator's arrays updated.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

from handlers import preempted
from handlers.contracts import GaveUp, Stopped, counted, log
from handlers.data.read import Batch, Position
from handlers.metrics.predictions import Predictions
from handlers.models import saved
from handlers.models.checkpoint import Progress
from handlers.models.gathered import gather
from handlers.models.kinds import Epochs, Estimator, Rounds
from handlers.models.predict import predict
from handlers.models.within import KEPT, Due, Often, line

Score = Callable[[Predictions], dict[str, float | None]]
SAMPLE_BATCHES = 4
PUBLISH_SECONDS = 5.0  # between two curves of a training whose epochs are shorter


class Feed(Protocol):
    """Where rows come from: `train` in the epoch's shuffled order, after `start` if given; `every` row of train, and `valid`, in order;
    `sample` some of train, and `some_valid` so many rows of valid, the same each time."""

    def train(self, epoch: int, start: Position | None) -> Iterator[Batch]: ...

    def every(self) -> Iterator[Batch]: ...

    def valid(self) -> Iterable[Batch]: ...

    def sample(self) -> Iterable[Batch]: ...

    def some_valid(self, rows: int) -> Iterable[Batch]: ...


class Watch(Protocol):
    """Who looks on while a trial is trained."""

    def within(self, lines: list[dict[str, Any]]) -> None:
        """The lines of validations within epochs, so far."""

    def seen(self, progress: Progress, *, epoch_ended: bool) -> bool:
        """Comes after each batch or round, and after each epoch. Whether the training is to end here, without the epochs that are left."""


class Nobody:
    """Looks on, and lets everything go on."""

    def within(self, lines: list[dict[str, Any]]) -> None:
        return

    def seen(self, progress: Progress, *, epoch_ended: bool) -> bool:
        return False


class Ended(Exception):
    """Who looks on has ended the training; its state is saved."""

    def __init__(self, made: Estimator, progress: Progress) -> None:
        super().__init__(f"ended after epoch {progress.epoch} by who looks on")
        self.made = made
        self.progress = progress


@dataclass(frozen=True, slots=True)
class Plan:
    """`select_by` is the metric of `score` that early stopping and the choice of the best epoch look at; `higher` its better direction.

    `patience` None: every epoch is trained. `checkpoint_seconds`: how often a checkpoint is written within an epoch; one follows each
    epoch. `within`: how often an epoch is validated before its end.
    """

    epochs: int
    select_by: str
    higher: bool
    patience: int | None = None
    min_delta: float = 0.0
    checkpoint_seconds: float = 60.0
    within: Often | None = None


class StopFlag:
    """Whether SIGTERM has come."""

    def __init__(self) -> None:
        self.raised = False

    def __call__(self, _signal: int, _frame: Any) -> None:
        self.raised = True


@contextmanager
def stop_flag() -> Iterator[StopFlag]:
    """SIGTERM raises a flag instead of an exception, for as long as this lasts."""
    flag = StopFlag()
    before = signal.signal(signal.SIGTERM, flag)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGTERM, before)


class Training:
    """One trial's training. `save` writes a checkpoint, `publish` the lines of the curve."""

    def __init__(
        self,
        made: Estimator,
        plan: Plan,
        feed: Feed,
        score: Score,
        *,
        save: Callable[[Estimator, Progress], None],
        publish: Callable[[list[dict[str, Any]]], None],
        watch: Watch | None = None,
    ) -> None:
        self.made = made
        self.plan = plan
        self.feed = feed
        self.score = score
        self.save = save
        self.publish = publish
        self.watch = watch or Nobody()
        self._due = Due(plan.within) if plan.within is not None else None
        self._published = 0.0

    def run(self, progress: Progress) -> Progress:
        """Train from `progress` to the end. Raises Stopped (state saved) on SIGTERM, Ended (state saved) when who looks on says so, GaveUp
        when a learned number is not finite."""
        with stop_flag() as stop:
            if self._unfinished(progress) and self.watch.seen(progress, epoch_ended=progress.position is None and progress.epoch > 0):
                raise Ended(self.made, progress)
            if self.made.recipe.kind.rounds:
                self._rounds(progress, stop)
            while self._unfinished(progress):
                self._epoch(progress, stop)
        return progress

    def _unfinished(self, progress: Progress) -> bool:
        return progress.epoch < self.plan.epochs and progress.stopped is None

    def _rounds(self, progress: Progress, stop: StopFlag) -> None:
        """Train in rounds. Each needs all rows, so they are given once, and a checkpoint need not follow each."""
        made, rows = cast(Rounds, self.made), 0

        def every() -> Iterator[Batch]:
            nonlocal rows
            rows = 0
            for batch in self.feed.every():
                if stop.raised:
                    raise Stopped(f"asked to stop before epoch {progress.epoch + 1}, while rows are read; the state is saved")
                rows += len(batch.y)
                yield batch

        if self._unfinished(progress):
            made.begin(every)
        saved_at = time.monotonic()
        while self._unfinished(progress):
            began = time.monotonic()
            made.learn_round(progress.epoch)
            preempted.learned()
            progress.rows += rows
            self._finish_epoch(progress, time.monotonic() - began)
            ended = self._unfinished(progress) and self.watch.seen(progress, epoch_ended=True)
            if stop.raised or ended or not self._unfinished(progress) or time.monotonic() - saved_at >= self.plan.checkpoint_seconds:
                self.save(made, progress)
                saved_at = time.monotonic()
            if ended:
                raise Ended(made, progress)
            if stop.raised:
                raise Stopped(f"asked to stop after epoch {progress.epoch}; the state is saved")

    def _epoch(self, progress: Progress, stop: StopFlag) -> None:
        began = saved = time.monotonic()
        if progress.batches:
            self._validate(progress)
        for batch in self.feed.train(progress.epoch, progress.position):
            self.made.learn(batch)
            preempted.learned()
            progress.position = batch.position
            progress.rows += len(batch.y)
            progress.batches += 1
            if not stop.raised:
                self._validate(progress)
            ended = self.watch.seen(progress, epoch_ended=False)
            if stop.raised or ended or time.monotonic() - saved >= self.plan.checkpoint_seconds:
                self.save(self.made, progress)
                saved = time.monotonic()
            if ended:
                raise Ended(self.made, progress)
            if stop.raised:
                raise Stopped(f"asked to stop in epoch {progress.epoch + 1} after {progress.rows} rows; the state is saved")
        self._finish_epoch(progress, time.monotonic() - began)
        self.save(self.made, progress)
        if self._unfinished(progress) and self.watch.seen(progress, epoch_ended=True):
            raise Ended(self.made, progress)
        if stop.raised:
            raise Stopped(f"asked to stop after epoch {progress.epoch}; the state is saved")

    def _validate(self, progress: Progress) -> None:
        """A validation within the epoch, where one is due and was not done before the training was taken up again."""
        if self._due is None or self.plan.within is None or not self._due(progress):
            return
        if progress.within and (progress.within[-1]["epoch"], progress.within[-1]["batch"]) == (progress.epoch + 1, progress.batches):
            return
        rows = self.plan.within.rows
        found = self.score(predict(self.made, self.feed.valid() if rows is None else self.feed.some_valid(rows), "valid"))
        progress.within = [*progress.within, line(progress, found)][-KEPT:]
        self.watch.within(progress.within)
        self._due.done()

    def _finish_epoch(self, progress: Progress, seconds: float) -> None:
        if not self.made.finite():
            raise GaveUp(
                f"training diverged in epoch {progress.epoch + 1}: the learned numbers are not finite; "
                "give number features `scale: standard`, or a smaller learning rate (model.params.eta0, alpha)",
            )
        valid = self.score(predict(self.made, self.feed.valid(), "valid"))
        train = self.score(predict(self.made, self.feed.sample(), "train"))
        found = {"epoch": progress.epoch + 1, "rows": progress.rows, "seconds": round(seconds, 3), "valid": valid, "train": train}
        if isinstance(self.made, Epochs):
            self.made.epoch_end({name: found[name] for name in ("epoch", "rows", "valid", "train")})
        self._compare_with_best(progress, found, valid[self.plan.select_by])
        progress.history.append(found)
        progress.epoch += 1
        progress.position, progress.batches = None, 0
        if self._due is not None:
            self._due.done()
        if not self.made.recipe.kind.rounds or time.monotonic() - self._published >= PUBLISH_SECONDS:
            self.publish(progress.history)
            self._published = time.monotonic()
        log("epoch", **found)

    def _compare_with_best(self, progress: Progress, line: dict[str, Any], value: float | None) -> None:
        """Keep the model of the best epoch; stop when `patience` epochs in a row were no better than it by `min_delta`.

        An epoch whose metric is undefined (None) is no better than any other.
        """
        gain = self._gain(progress.best, value)
        line["best"] = gain > 0
        if gain > 0:
            progress.best = {"epoch": progress.epoch + 1, "value": value}
            # of a model of rounds it is the first rounds of the last one
            progress.best_model = None if self.made.recipe.kind.rounds else saved.files(self.made)
        progress.stale = 0 if gain > self.plan.min_delta else progress.stale + 1
        if self.plan.patience is not None and progress.stale >= self.plan.patience:
            progress.stopped = f"no improvement for {counted(progress.stale, 'epoch')}"

    def _gain(self, best: dict[str, Any] | None, value: float | None) -> float:
        if value is None:
            return float("-inf")
        if best is None:
            return float("inf")
        return float((value - best["value"]) * (1.0 if self.plan.higher else -1.0))


def whole(made: Estimator, batches: Iterable[Batch], feed: Feed, score: Score) -> dict[str, Any]:
    """Fit on every row at once; the single line of its curve."""
    began = time.monotonic()
    rows = gather(batches)
    made.learn(rows)
    if not made.finite():
        raise GaveUp("training diverged: the learned numbers are not finite; give number features `scale: standard`")
    line: dict[str, Any] = {"epoch": 1, "rows": len(rows.y), "seconds": round(time.monotonic() - began, 3)}
    line["valid"] = score(predict(made, feed.valid(), "valid"))
    line["train"] = score(predict(made, feed.sample(), "train"))
    log("epoch", **line)
    return {**line, "best": True}
