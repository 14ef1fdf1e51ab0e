import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from retrain.project.questions import reason
from tests.committed import copy_models
from tests.unit.retrain.cli.driver import Engine, call

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("verb", [["models"], ["runs"], ["runs", "m"], ["trials", "r"], ["why", "m"]])
def test_without_a_bucket_every_question_says_what_makes_one(tmp_path: Path, verb: list[str]) -> None:
    refused = call(*verb, "--state", str(tmp_path))
    assert refused.exit_code == 1
    assert "no bucket in" in refused.stderr


def test_new_refuses_a_bad_name_a_wrong_folder_and_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("new", "Not_A_Name").exit_code == 2
    assert "no models/ here" in call("new", "fine").stderr
    (tmp_path / "models").mkdir()
    (tmp_path / "models/fine.yaml").touch()
    refused = call("new", "fine")
    assert refused.exit_code == 2
    assert "exists already: choose another name" in refused.stderr


def test_the_reason_is_the_last_message_of_the_handler() -> None:
    assert reason('{"message": "first"}\n{"message": "last"}\n') == "last"
    assert reason('{"message": "first"}\n{"other": 1}\n') == "first"
    assert reason("plain words") == "plain words"
    assert reason("") == "the handler gave no reason"


@pytest.mark.slow
def test_questions_about_what_is_not_in_the_bucket_yet(bucketed: Engine) -> None:
    head = ["MODEL", "CHAMPION", "TRIAL", "METRIC", "ON TEST", "INTERVAL", "ON NEWEST TEST", "SINCE", "RUNS", "NOTE"]
    assert re.split(" {2,}", bucketed.ok("models").strip()) == head
    assert bucketed.json("runs") == yaml.safe_load(bucketed.ok("runs", "-o", "yaml")) == {"runs": []}
    for verb, told in (
        (["runs", "nobody"], "there is no model 'nobody' in the bucket; models: none yet"),
        (["trials", "nobody"], "there is no run 'nobody'; `retrain runs` lists them"),
        (["trials", "@latest"], "there is no run yet"),
        (["why", "nobody"], "there is no model, run, trial, event or object 'nobody' in the bucket"),
    ):
        refused = bucketed.call(*verb)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert told in refused.stderr


def test_try_tells_what_a_run_over_csv_files_would_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    subprocess.run([sys.executable, str(ROOT / "docs/tutorial/orders.py")], check=True, capture_output=True)
    copy_models(tmp_path)
    call("new", "orders")
    files = ("models/orders.yaml", "orders-01.csv", "orders-02.csv")
    told = call("try", *files, "--rows", "3000", "-o", "json")
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    assert answer["verdict"]["decision"] == "promoted"
    assert 2500 < sum(answer["rows"].values()) < 3500


def test_try_of_what_is_wrong_ends_with_2_and_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    spec = str(ROOT / "models/flight-delay.yaml")
    (tmp_path / "a.csv").write_text("other\n1\n", encoding="utf-8")
    (tmp_path / "spec.yaml").write_text("kind: Workflow\n", encoding="utf-8")
    for arguments, told in (
        ([spec, str(tmp_path / "a.csv"), "-o", "json"], "is missing; the file has other"),
        ([str(tmp_path / "spec.yaml"), str(tmp_path / "a.csv"), "-o", "json"], "kind: 'Workflow' is not accepted; accepted: Model"),
        ([spec, str(tmp_path / "missing.csv"), "-o", "json"], "missing.csv: this file does not exist"),
        ([spec], "Missing argument '[SOURCE=]FILE...'"),
    ):
        refused = call("try", *arguments)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert told in refused.stderr
