"""A champion that has fallen since it was promoted, or was worse than its baseline from the first, is not shown by its old score alone."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.report.answers import shown
from handlers.runs.records import RunRecord
from handlers.runs.standing import standing

CHAMPION = {
    "number": 2,
    "trial": "t",
    "run": "b",
    "metric": "roc_auc",
    "test": {"value": 0.85, "low": 0.82, "high": 0.88, "confidence": 0.95},
}


def record(run: str, number: int | None, value: float | None, *, winner: str = "other", of: str = "champion", **more: Any) -> RunRecord:
    metrics = {"roc_auc": {of: {"value": value}}} if value is not None else {}
    verdict = {"champion": {"number": number} if number else None, "winner": {"trial": winner}, "metrics": metrics, **more}
    return RunRecord("late", run, None, verdict, {"at": 1.0, "outcome": "refused"})


def test_the_newest_run_that_judged_the_champion_counts() -> None:
    ended = [record("e", 2, None), record("d", 2, 0.48), record("c", 2, 0.7), record("b", 1, 0.9)]
    found = standing(CHAMPION, ended)
    assert found["newest"] == {"test": {"value": 0.48}, "run": "d", "at": 1.0}
    assert found["fallen"]


def test_a_champion_that_was_kept_is_judged_as_the_challenger() -> None:
    found = standing(CHAMPION, [record("c", 2, 0.84, winner="t", of="challenger")])
    assert found["newest"]["test"] == {"value": 0.84} and not found["fallen"]
    assert standing(CHAMPION, [record("c", 2, 0.84, winner="other", of="challenger")])["newest"] is None


@pytest.mark.parametrize(("baseline", "worse"), [(0.9, True), (0.5, False)])
def test_a_first_model_is_compared_with_its_baseline(baseline: float, worse: bool) -> None:
    ended = [record("b", None, 0.85, of="challenger", baseline={"name": "majority", "values": {"roc_auc": baseline}})]
    found = standing(CHAMPION, ended)
    assert found["baseline"] == {"name": "majority", "value": baseline}
    assert found["worse_than_baseline"] is worse


def test_of_an_error_the_lowest_is_the_best() -> None:
    champion = {**CHAMPION, "metric": "rmse", "test": {"value": 10.0, "low": 9.0, "high": 11.0}}
    for value, fallen in ((10.9, False), (11.1, True)):
        verdict = {"champion": {"number": 2}, "winner": {"trial": "x"}, "metrics": {"rmse": {"champion": {"value": value}}}}
        assert standing(champion, [RunRecord("late", "c", None, verdict, None)])["fallen"] is fallen


def test_the_table_says_both() -> None:
    ended = [record("d", 2, 0.48), record("b", 1, 0.9, baseline={"name": "majority", "values": {"roc_auc": 0.9}})]
    row = {"model": "late", "runs": 2, "champion": {**CHAMPION}, "since": "then", "standing": standing(CHAMPION, ended)}
    table = shown("models", {"models": [row]})
    cells = dict(zip(table["header"], table["rows"][0], strict=True))
    assert (cells["ON TEST"], cells["ON NEWEST TEST"]) == ("0.8500", "0.4800")
    assert cells["NOTE"] == "worse than when it was promoted; worse than the baseline (majority: 0.9000)"
