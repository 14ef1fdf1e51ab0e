"""When a trial is stopped: the rule over the others, and a decision that is written once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from handlers.models.checkpoint import Progress
from handlers.modelspec.search_keys import Stop
from handlers.runs import stops
from handlers.runs.live import Asked, Live
from handlers.runs.stops import Judged, too_bad
from handlers.storage import FolderStore, Temporary

BEST = Stop(after="2 epochs", worse_than="best - 0.02")
LESS = Stop(after="2 epochs", worse_than="best + 0.02")
MEDIAN = Stop(after="1 epoch", worse_than="median")
Values = Sequence[float | None]


@pytest.mark.parametrize(
    ("rule", "higher", "mine", "others", "stopped"),
    [
        (BEST, True, [0.60], [[0.7, 0.7]], False),  # too early
        (BEST, True, [0.60, 0.67], [[0.7, 0.7]], True),
        (BEST, True, [0.60, 0.685], [[0.7, 0.7]], False),  # within the margin
        (BEST, True, [0.69, 0.50], [[0.7, 0.7]], False),  # its best counts, not its last
        (BEST, True, [0.60, 0.60], [[0.61, 0.61, 0.9]], False),  # after as many epochs the other was no better
        (BEST, True, [0.60, 0.60], [[0.9]], False),  # the other has not come so far
        (BEST, True, [0.60, 0.60], [], False),
        (BEST, True, [None, None], [[0.9, 0.9]], False),
        (BEST, True, [0.60, None], [[None, 0.9]], True),
        (BEST, True, [0.60, 0.60], [[None, None]], False),
        (LESS, False, [0.60, 0.60], [[0.7, 0.5]], True),
        (LESS, False, [0.60, 0.60], [[0.7, 0.59]], False),
        (MEDIAN, True, [0.60], [[0.5], [0.7], [0.8]], True),
        (MEDIAN, True, [0.70], [[0.5], [0.7], [0.8]], False),  # not worse than it
        (MEDIAN, True, [0.60], [[0.7], [0.8]], False),  # of two there is no median worth the name
        (MEDIAN, False, [0.60], [[0.5], [0.4], [0.8]], True),
    ],
)
def test_the_rule(rule: Stop, higher: bool, mine: Values, others: Sequence[Values], stopped: bool) -> None:
    assert bool(too_bad(rule, "roc_auc", mine, others, higher=higher)) == stopped


def test_the_reason_says_what_was_compared() -> None:
    assert too_bad(BEST, "roc_auc", [0.6, 0.61], [[0.7, 0.7], [0.5, 0.5]], higher=True) == (
        "after epoch 2 its best roc_auc is 0.61, worse than 0.7 - 0.02, the best of 2 other trials after as many epochs"
    )
    assert too_bad(MEDIAN, "rmse", [9.0], [[1], [2], [3]], higher=False) == (
        "after epoch 1 its best rmse is 9, worse than 2, the median of 3 other trials after as many epochs"
    )


def test_a_decision_is_written_once_and_obeyed_by_all(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    assert stops.decided(store, "m", "r", "a") is None
    first = stops.settle(store, "m", "r", "a", 2, "the rule")
    assert (first["by"], first["why"], first["epoch"]) == ("rule", "the rule", 2)
    assert stops.settle(store, "m", "r", "a", 5, "later") == first
    assert stops.ask(store, "m", "r", "a", "too late") == first
    asked = stops.ask(store, "m", "r", "b", "overfits")
    assert (asked["by"], asked["epoch"]) == ("hand", None)
    settled = stops.settle(store, "m", "r", "b", 3, "the rule")
    assert settled == {**asked, "epoch": 3}
    assert stops.ask(store, "m", "r", "b", "again") == settled


ASKED = Asked("a", "t", {}, 9, 10, "roc_auc")


def judged(store: FolderStore, now: list[float]) -> Judged:
    return Judged(Live(store, "m", "r", ASKED), BEST, higher=True, clock=lambda: now[0])


def ended(*values: float) -> Progress:
    history = [{"epoch": n + 1, "valid": {"roc_auc": value}} for n, value in enumerate(values)]
    return Progress(epoch=len(values), history=history)


def test_a_training_looks_for_a_decision_every_few_seconds(tmp_path: Path) -> None:
    store, now = FolderStore(tmp_path), [0.0]
    watch = judged(store, now)
    assert not watch.seen(ended(), epoch_ended=False)
    stops.ask(store, "m", "r", "a", "overfits")
    assert not watch.seen(ended(), epoch_ended=False)
    now[0] = stops.LOOK_SECONDS
    assert watch.seen(ended(), epoch_ended=False)
    assert watch.reason == ""


def test_the_rule_is_asked_at_the_end_of_epochs(tmp_path: Path) -> None:
    store, now = FolderStore(tmp_path), [0.0]
    other = Live(store, "m", "r", Asked("b", "u", {}, 9, 10, "roc_auc"))
    other.seen(ended(0.7, 0.8), epoch_ended=True)
    watch = judged(store, now)
    assert not watch.seen(ended(0.5, 0.5), epoch_ended=False)
    assert watch.seen(ended(0.5, 0.5), epoch_ended=True)
    assert watch.reason.startswith("after epoch 2 its best roc_auc is 0.5, worse than 0.8 - 0.02")


def test_a_bucket_that_does_not_answer_stops_nothing(tmp_path: Path) -> None:
    class Away(FolderStore):
        def get_with_etag(self, *_: Any) -> Any:
            raise Temporary("the bucket is away")

    assert not judged(Away(tmp_path), [0.0]).seen(ended(0.5, 0.5), epoch_ended=True)
