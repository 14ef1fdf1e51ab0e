"""Runs that have ended, and a bucket whose clock a test sets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.events import outbox
from handlers.modelspec.model import Notify
from handlers.storage import FolderStore, Store, read_json, write_json
from tests.handlers.stages.dying import Dying

KEY = "0123456789abcdef"
TO = [Notify(to="ops")]
RESULT = {"model": "late", "run": "r", "outcome": "promoted", "reason": "better", "trials": ["t"], "champion": 1, "at": 1000.0}
VERDICT = {
    "metric": "roc_auc",
    "winner": {"trial": "t", "params": {"alpha": 0.1}},
    "metrics": {
        "roc_auc": {
            "challenger": {"value": 0.71, "low": 0.7, "high": 0.72, "confidence": 0.95, "se": 0.1},
            "difference": {"value": 0.01, "low": 0.0, "high": 0.02, "confidence": 0.95},
        }
    },
}


class Clocked(FolderStore):
    """A bucket whose clock a test sets."""

    now = 2000.0

    def server_time(self) -> float:
        return self.now


class DyingClocked(Clocked, Dying):
    """And that takes the process with it."""


def known(monkeypatch: pytest.MonkeyPatch, **receivers: Any) -> None:
    monkeypatch.setenv("RETRAIN_NOTIFY", json.dumps(receivers))


def ended(store: Store, to: list[Notify] = TO, lost: int = 0, **result: Any) -> dict[str, Any]:
    """A run that has ended, as `promote` leaves it: its events, then its result."""
    document = {**RESULT, **result}
    outbox.put(store, to, document, VERDICT if document["outcome"] != "failed" else {}, lost)
    write_json(store, f"runs/late/{document['run']}/result.json", document)
    return document


def keys(store: Store, prefix: str) -> list[str]:
    return [info.key for info in store.list(prefix)]


def entry(store: Store) -> dict[str, Any]:
    (key,) = keys(store, "outbox/")
    found: dict[str, Any] = read_json(store, key)
    return found
