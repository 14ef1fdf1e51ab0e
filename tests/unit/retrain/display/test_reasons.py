"""Why a Workflow ended, for people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from retrain.display.reasons import reason


def workflow(phase: str, verdict: str | None, message: str = "child 'x' failed") -> dict[str, Any]:
    outputs = {"parameters": [{"name": "again", "value": "no"}, {"name": "verdict", "value": verdict}]} if verdict is not None else None
    return {"status": {"phase": phase, "message": message, "nodes": {"a": {}, "b": {"outputs": outputs}}}}


@pytest.mark.parametrize(
    ("phase", "verdict", "told"),
    [
        ("Failed", json.dumps({"outcome": "failed", "reason": "step transform failed: a.csv"}), "step transform failed: a.csv"),
        ("Failed", json.dumps({"outcome": "promoted", "reason": "better"}), "child 'x' failed"),
        ("Succeeded", json.dumps({"outcome": "deferred", "reason": "too few new rows: 3 of 9"}), "too few new rows: 3 of 9"),
        ("Succeeded", json.dumps({"outcome": "superseded", "reason": "superseded by run b"}), "superseded by run b"),
        ("Succeeded", json.dumps({"outcome": "skipped", "reason": "run a is training"}), "run a is training"),
        ("Failed", "not JSON", "child 'x' failed"),
        ("Failed", None, "child 'x' failed"),
        ("Running", json.dumps({"outcome": "failed", "reason": "no"}), "child 'x' failed"),
    ],
)
def test_a_failed_retraining_says_what_its_verdict_says(phase: str, verdict: str | None, told: str) -> None:
    assert reason(workflow(phase, verdict)) == told


def test_a_workflow_that_has_not_begun_has_no_reason() -> None:
    assert reason({}) == ""
