"""Sentences say who, since when, by how much and why not."""

from __future__ import annotations

from typing import Any

from handlers.contracts import instant
from handlers.report import explain

TEST = {"value": 0.6243, "low": 0.6, "high": 0.648, "confidence": 0.95, "clusters": 14, "rows": 12345}
CHAMPION = {
    "model": "flight-delay",
    "number": 2,
    "predecessor": 1,
    "trial": "ab12",
    "params": {"alpha": 1e-05, "penalty": "l2"},
    "at": 1367366400.0,
    "run": "retrain-a",
    "metric": "roc_auc",
    "test": TEST,
    "reason": "it is better",
    "learned": {"rows": 65123, "first": "2013-01-01", "last": "2013-03-02"},
}


def refused(at: float = 1367366500.0, decision: str = "refused") -> dict[str, Any]:
    checks = [
        {"name": "at_least", "passed": False, "found": 0.55, "required": 0.6},
        {"name": "improve_by", "passed": False, "found": -0.004, "required": 0.002, "probability": 0.123, "confidence": 0.9},
        {"name": "at_most", "passed": True, "found": 0.1, "required": 0.6},
    ]
    winner = {"trial": "cd34", "params": {"alpha": 0.1}}
    return {
        "run": "retrain-b",
        "decision": decision,
        "reason": "too weak",
        "winner": winner,
        "checks": checks,
        "at": at,
        "compared": "9 rows",
    }


def test_why_this_is_the_champion() -> None:
    told = " ".join(explain.model("flight-delay", CHAMPION, []))
    for part in (
        "Champion 2 of flight-delay is trial ab12 (alpha=1e-05, penalty=l2), since 2013-05-01 00:00:00 UTC, by run retrain-a.",
        "65,123 rows of 2013-01-01 to 2013-03-02",
        "On 12,345 rows of 14 test days its roc_auc is 0.6243 (95 % interval 0.6000 to 0.6480).",
        "It was promoted because: it is better.",
        "It replaced champion 1.",
        "No challenger has been judged since.",
    ):
        assert part in told


def test_why_the_last_challenger_was_refused() -> None:
    told = " ".join(explain.model("flight-delay", CHAMPION, [refused()]))
    assert "Run retrain-b chose trial cd34 (alpha=0.1); it was refused: too weak." in told
    assert "Required: at least 0.6; found: 0.5500." in told
    required = "Required: better by at least 0.0020 with probability 0.9"
    assert f"{required}; found: better by -0.0040, and the probability of the required improvement is 0.123." in told
    assert "at most" not in told
    assert "Rows: 9 rows." in told


def test_a_challenger_from_before_the_champion_is_no_news() -> None:
    assert "retrain-b" not in " ".join(explain.model("flight-delay", CHAMPION, [refused(at=1.0)]))


def test_a_model_without_champion() -> None:
    assert explain.model("m", None, []) == ["m has no champion yet.", "No run has judged a trial yet."]
    assert "it was refused" in explain.model("m", None, [refused()])[1]


def test_a_run() -> None:
    assert explain.run("r", None, None, None) == ["Run r has not ended."]
    assert explain.run("r", {"at": 0.0}, None, None)[0].startswith("Run r has not ended")
    ended = explain.run("r", None, {"at": 1367366400.0, "outcome": "refused", "reason": "too weak"}, refused())
    assert ended[0] == "Run r ended at 2013-05-01 00:00:00 UTC as refused."
    assert explain.run("r", None, {"at": 1367366400.0, "outcome": "busy", "reason": "b trains"}, None) == [
        "Run r ended at 2013-05-01 00:00:00 UTC as busy: b trains.",
    ]
    assert len(ended) == 5


def test_checks_that_found_nothing() -> None:
    odd = {**refused(), "checks": [{"name": name, "passed": False, "found": None, "required": None} for name in ("comparable", "defined")]}
    told = explain.challenger(odd)
    assert "It could not be compared with the champion, and no threshold is set." in told
    assert "The metric is not defined on the test rows." in told
    unsure = {"name": "improve_by", "passed": False, "found": 0.1, "required": 0.0, "probability": None, "confidence": 0.9}
    assert "is undefined." in explain.challenger({**refused(), "checks": [unsure], "winner": None})[1]


def test_words_for_values() -> None:
    assert explain.valued(None) == explain.valued({"value": None}) == "undefined"
    assert explain.valued({"value": 19.5, "low": None}) == "19.50"
    assert explain.parameters({}) == explain.parameters(None) == "as in the spec"
    assert instant(None) == "an unknown time"
