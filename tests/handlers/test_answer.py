"""A process that stays answers line by line, and no question ends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from handlers.storage import FolderStore, write_json

ROOT = Path(__file__).parents[2]


def told(bucket: Path, *asked: list[str]) -> list[Any]:
    lines = "".join(json.dumps({"id": i, "ask": words}) + "\n" for i, words in enumerate(asked))
    environment = {**os.environ, "RETRAIN_BUCKET": f"file://{bucket}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "handlers.answer"], input=lines, capture_output=True, text=True, check=True, env=environment, cwd=bucket
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_question_is_answered_and_what_has_no_answer_says_why(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    write_json(store, "runs/m/r/request.json", {"run": "r", "model": "m", "at": 1.0, "decision": "train", "event": {}, "context": {}})
    look, models, nobody, nonsense, damaged, report, again = told(
        tmp_path, ["look"], ["models"], ["run", "nobody"], ["runs", "--wrong"], ["curves", "r"], ["report", "m", "r"], ["models"]
    )
    assert len(look["answer"]["version"]) == 16
    assert [row["model"] for row in models["answer"]["models"]] == ["m"]
    assert (nobody["exit_code"], "there is no run 'nobody'" in nobody["error"]) == (2, True)
    assert (nonsense["exit_code"], nonsense["error"]) == (2, "not a question: runs --wrong")
    assert damaged["answer"]["trials"] == []
    assert report["error"] == "run r of model m has no report yet"
    assert again["answer"] == models["answer"]
    assert [each["id"] for each in (look, models, nobody)] == [0, 1, 2]
