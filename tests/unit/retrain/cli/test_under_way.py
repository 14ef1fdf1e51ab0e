"""`retrain trials --watch`: from a bucket in a folder, by the handlers, until the run has ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from retrain.cli import under_way
from retrain.cli.models import trials as verb

RUN = "retrain-late-1"
TOLD = {
    "id": "a",
    "trial": "t1",
    "params": {"alpha": 0.1},
    "epochs": 3,
    "rows_of_epoch": 100,
    "select_by": "roc_auc",
    "state": "training",
    "epoch": 0,
    "rows": 50,
    "rows_per_second": 10.0,
    "seconds_left": 25,
    "values": [],
    "best": None,
    "within": None,
    "at": 4e9,
}


def put(bucket: Path, key: str, document: dict[str, Any]) -> None:
    path = bucket / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_a_line_for_each_news_until_the_run_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = tmp_path / "bucket"
    put(bucket, f"runs/late/{RUN}/request.json", {"model": "late", "run": RUN, "at": 1.0, "decision": "train", "reason": ""})
    put(bucket, f"runs/late/{RUN}/trials/a.json", TOLD)
    later = [
        {**TOLD, "rows": 80, "rows_per_second": 11.0, "seconds_left": 20},
        {**TOLD, "epoch": 1, "rows": 110, "values": [0.61], "best": {"epoch": 1, "value": 0.61}},
        None,
    ]

    def passes(_seconds: float) -> None:
        found = later.pop(0)
        if found is not None:
            put(bucket, f"runs/late/{RUN}/trials/a.json", found)
        else:
            put(bucket, f"runs/late/{RUN}/result.json", {"outcome": "failed", "reason": "no more", "at": 2.0})

    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{bucket}")
    monkeypatch.setattr("retrain.cli.models.trials.time.sleep", passes)
    done = CliRunner().invoke(verb.trials, [RUN, "--watch", "--state", str(tmp_path / "none")])
    assert done.exit_code == 0, done.output
    first, second, *table = done.output.splitlines()
    assert first == "t1  alpha=0.1  training  epoch 0 of 3  rows/s 10  left 25s"
    assert second == "t1  alpha=0.1  training  epoch 1 of 3  roc_auc 0.6100  best epoch 1  rows/s 10  left 25s"
    assert [line.split()[0] for line in table] == ["TRIAL", "t1"]
    assert later == []


def test_watch_draws_no_json(tmp_path: Path) -> None:
    done = CliRunner().invoke(verb.trials, [RUN, "--watch", "-o", "json", "--state", str(tmp_path)])
    assert done.exit_code == 2
    assert "--watch: draws a table, not json" in done.output


def test_what_has_no_table_is_no_news() -> None:
    assert under_way.news({}, {"text": "Run r has no trials: running", "outcome": "running"}) == []
