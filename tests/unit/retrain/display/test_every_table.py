"""Every table that a verb prints fits a terminal of 80 columns and, stacked, one of 40; `-o wide` shows all of it."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from typing import Any

import click
import pytest

from handlers import profile
from handlers.report import answers, model_told
from retrain.cli.events import events, sources
from retrain.cli.workflows import list_
from retrain.display.tables import answered

TEST = {"value": 0.6306, "low": 0.6101, "high": 0.6512, "confidence": 0.95}
RUN = "retrain-flight-delay-179604244"
PARAMS = {"alpha": 1e-05, "penalty": "elasticnet", "l1_ratio": 0.15}
REASON = "roc_auc 0.6306 against the champion's 0.6260 on the same 12,487 rows: better by 0.0046, below the required probability"
CHAMPION = {"number": 12, "trial": "3dca770ab3d4228c", "run": RUN, "at": 1.36e9, "metric": "roc_auc", "test": TEST, "params": PARAMS}
STANDING = {"newest": {"test": TEST}, "fallen": True, "worse_than_baseline": True, "baseline": {"name": "majority", "value": 0.7}}
LISTED = {**CHAMPION, "model": "flight-delay", "champion": True, "since": "2026-11-30 12:40:15 UTC", "reason": REASON}
RUN_ROW = {
    "model": "flight-delay",
    "run": RUN,
    "outcome": "failed",
    "reason": REASON,
    "metric": "roc_auc",
    "test": TEST,
    "difference": TEST,
    "trials": 24,
    "champion": False,
    "as_of": None,
    "now": "",
}
TRIAL = {
    "trial": "3dca770ab3d4228c",
    "params": PARAMS,
    "valid": {"roc_auc": TEST},
    "winner": True,
    "champion": True,
    "epochs": 8,
    "seconds": 123.4,
    "status": "trained",
    "ended_by": None,
}
EVENT = {
    "id": "3f0c9a7be0d14c55",
    "source": "bucket",
    "subject": "upload",
    "time": "2013-02-01T00:00:03Z",
    "model": "flight-delay",
    "key": "incoming/flight-delay/2013-01.csv",
    "type": "minio",
    "data": {"key": "incoming/flight-delay/2013-01.csv"},
    "became": [{"sensor": "upload", "became": "started", "run": RUN, "reason": "", "trigger": "retrain"}],
}
WORKFLOW = {
    "metadata": {"name": RUN, "creationTimestamp": "2013-02-01T00:00:03Z"},
    "spec": {},
    "status": {"phase": "Failed", "startedAt": "2013-02-01T00:00:03Z", "finishedAt": "2013-02-01T01:00:03Z", "progress": "7/9"}
    | {"message": REASON},
}
COLUMN = {
    "name": "distance_in_miles_and_more",
    "type": "float",
    "rows": 24630,
    "missing": 12,
    "distinct": 5000,
    "distinct_exact": False,
    "min": 80.0,
    "max": 4983.25,
    "mean": 1013.2,
    "deviation": 721.7,
    "top": [["JFK-to-LAX-and-back", 1071]] * 3,
    "quantiles": dict.fromkeys(("0.05", "0.25", "0.5", "0.75", "0.95"), 1200.5),
}
OF_HANDLERS: dict[str, Callable[[], Any]] = {
    "models": lambda: [answers.shown("models", {"models": [{**LISTED, "champion": CHAMPION, "runs": 31, "standing": STANDING}]})],
    "runs": lambda: [answers.shown("runs", {"runs": [RUN_ROW] * 2})],
    "trials": lambda: [
        answers.shown(
            "trials", {"run": RUN, "outcome": "promoted", "metric": "roc_auc", "trials": [TRIAL, {**TRIAL, "params": {"alpha": 1}}]}
        )
    ],
    "history": lambda: [answers.shown("history", {"champions": [LISTED], "since": ["2026-11-30 12:40:15 UTC"]})],
    "compare": lambda: [
        answers.shown("compare", {"runs": [RUN, RUN], "compared": [{"same": False, "fact": "reason", "values": [REASON, REASON]}]})
    ],
    "events of a cluster": lambda: [answers.shown("events", {"events": [EVENT]})],
    "model list": lambda: [model_told.shown_by("list", {"models": [LISTED]})],
    "profile": lambda: profile.shown({"files": ["a.csv"], "rows": 24630, "columns": [COLUMN]}),
}
OF_VERBS: dict[str, Callable[[bool], None]] = {
    "list": lambda wide: list_._table([WORKFLOW], wide),
    "events": lambda wide: events._table([EVENT], wide=wide),
    "sources": lambda wide: sources._table(
        [{"source": "bucket", "event": "upload", "type": "minio", "state": "running", "where": "http://127.0.0.1:9000/retrain" * 3}], wide
    ),
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(verb: str, width: int, monkeypatch: pytest.MonkeyPatch, *, wide: bool = False) -> list[str]:
    """The lines of a verb on a terminal."""
    if verb in OF_HANDLERS:
        return [line for part in OF_HANDLERS[verb]() for line in answered(part, 0 if wide else width)]
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stdout", terminal)
    OF_VERBS[verb](wide)
    return click.unstyle(terminal.getvalue()).splitlines()


@pytest.mark.parametrize("verb", [*OF_HANDLERS, *OF_VERBS])
def test_at_80_columns_a_table_has_fewer_columns(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(verb, 80, monkeypatch)
    assert max(map(len, lines)) <= 80
    if verb != "compare":  # of two runs neither column may go
        assert [line for line in lines if len(re.split(r" {2,}", line)) >= 3 and line[:4].isupper()], lines


@pytest.mark.parametrize("verb", [*OF_HANDLERS, *OF_VERBS])
def test_at_40_columns_rows_are_stacked(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # an address or a key is never broken: it could not be copied
    too_wide = [line for line in printed(verb, 40, monkeypatch) if len(line) > 40 and max(map(len, line.split())) < 38]
    assert too_wide == []


@pytest.mark.parametrize("verb", [*OF_HANDLERS, *OF_VERBS])
def test_wide_shows_every_column(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = " ".join(printed(verb, 80, monkeypatch, wide=True))
    assert "…" not in whole or verb == "events"  # whose data may be long
    head = [str(name) for part in OF_HANDLERS.get(verb, list)() for name in part.get("header", [])]
    assert [name for name in head if name not in whole] == []


def test_a_trial_is_named_by_the_parameters_in_which_it_differs() -> None:
    trials = [{**TRIAL, "params": {**PARAMS, "alpha": alpha}} for alpha in (0.1, 0.2)]
    rows = answers.shown("trials", {"run": RUN, "outcome": "promoted", "metric": "roc_auc", "trials": trials})["rows"]
    assert [row[1] for row in rows] == ["alpha=0.1", "alpha=0.2"]
