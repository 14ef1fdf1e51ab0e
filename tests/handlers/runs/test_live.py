"""How trials go while they are trained: what they tell, and how it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handlers.models.checkpoint import Progress
from handlers.report import under_way
from handlers.report.answers import shown
from handlers.runs import live
from handlers.runs.live import Asked, Live
from handlers.storage import FolderStore, Temporary

ASKED = Asked("a1", "t1", {"alpha": 0.1, "loss": "log_loss"}, 4, 1000, "roc_auc")


def progress(epoch: int, rows: int, *values: float, within: dict[str, Any] | None = None) -> Progress:
    history = [{"epoch": n + 1, "valid": {"roc_auc": value}} for n, value in enumerate(values)]
    best = {"epoch": 1, "value": values[0]} if values else None
    return Progress(epoch=epoch, rows=rows, history=history, best=best, within=[within] if within else [])


def test_what_is_told_says_how_fast_and_how_long() -> None:
    found = live.document(ASKED, progress(2, 2500, 0.6, 0.7), learned=500, seconds=10.0)
    assert (found["epoch"], found["values"], found["rows_per_second"], found["seconds_left"]) == (2, [0.6, 0.7], 50.0, 30)
    before = live.document(ASKED, progress(0, 0), learned=0, seconds=0.0)
    assert (before["rows_per_second"], before["seconds_left"], before["best"]) == (None, None, None)


def test_it_is_told_again_after_seconds_alone(tmp_path: Path) -> None:
    store, now = FolderStore(tmp_path), 100.0
    told = Live(store, "m", "r", ASKED, lambda: now)
    assert not told.seen(progress(0, 0), epoch_ended=False)
    now += live.EVERY_SECONDS / 2
    told.seen(progress(0, 100), epoch_ended=False)
    assert live.of_run(store, "m", "r")[0]["rows"] == 0
    now += live.EVERY_SECONDS / 2
    told.seen(progress(1, 1000, 0.6), epoch_ended=True)
    (found,) = live.of_run(store, "m", "r")
    assert (found["rows"], found["rows_per_second"]) == (1000, 1000 / live.EVERY_SECONDS)


def test_a_bucket_that_does_not_take_it_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Away(FolderStore):
        def put(self, *_: Any, **__: Any) -> str:
            raise Temporary("the bucket is away")

    told = Live(Away(tmp_path), "m", "r", ASKED)
    assert not told.seen(progress(0, 0), epoch_ended=False)
    told.within([{"epoch": 1}])
    assert capsys.readouterr().err.count("the bucket is away") == 2


def answer(*told: dict[str, Any], now: float = 10.0) -> dict[str, Any]:
    return {"run": "r", "outcome": "running", "reason": "", "metric": None, "trials": [], "training": list(told), "now": now}


def test_a_run_that_is_not_judged_shows_how_its_trials_go() -> None:
    half = {"epoch": 3, "batch": 200, "rows": 2500, "valid": {"roc_auc": 0.71}}
    one = {**live.document(ASKED, progress(2, 2500, 0.6, 0.7, within=half), 500, 10.0), "at": 9.0}
    other = {**one, "trial": "t2", "params": {"alpha": 0.2, "loss": "log_loss"}, "state": "trained", "within": None, "at": 0.0}
    found = shown("trials", answer(one, other))
    assert found["outcome"] == "running"
    rows = [dict(zip(found["header"], row, strict=True)) for row in found["rows"]]
    assert list(rows[0].values()) == ["t1", "alpha=0.1", "training", "2 of 4", "0.7000", "1", "0.7100 at batch 200", "50", "30s", ""]
    assert (rows[1]["STATE"], rows[1]["LEFT"], rows[1]["WITHIN"], rows[1]["NOTE"]) == ("trained", "", "", "")


def test_a_training_that_is_silent_is_marked() -> None:
    told = {**live.document(ASKED, progress(0, 0), 0, 0.0), "at": 0.0}
    assert [row[-1] for now in (59.0, 200.0) for row in shown("trials", answer(told, now=now))["rows"]] == ["", "no word for 3m 20s"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0, "0s"), (59.6, "1m"), (3600, "1h"), (3725, "1h 2m"), (200_000, "2d 7h")],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert under_way.duration(seconds) == words
