"""Why a step failed stays in the bucket, and is what the run's result, `why` and the report say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from handlers import failures, promote
from handlers.contracts import BadData, GaveUp, TryAgain, main
from handlers.report.run_report import write_report
from handlers.storage import Temporary
from handlers.why import run as why
from tests.committed import ROOT
from tests.handlers.stages.world import World, month

BAD = b"day,carrier,distance,late\n2013-01-01,AA,far,true\n"
SENTENCE = "incoming/late/2.csv"


def step(world: World, name: str, *arguments: str) -> int:
    """Run a step as a pod does."""
    command = [sys.executable, "-m", f"handlers.{name}", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RETRAIN_BUCKET": f"file://{world.folder}"}
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=120).returncode


def transform(world: World, run: str, snapshot: str) -> int:
    given = ["--model", "late", "--spec", world.read_spec(), "--snapshot", snapshot, "--run", run]
    return step(world, "transform", *given, "--dataset-out", str(world.out / "dataset"))


def failed(world: World, run: str) -> tuple[str, dict[str, Any]]:
    world.put("1.csv", month("2013-01-01", 40))
    world.put("2.csv", BAD)
    decision, snapshot = world.snapshot(run)
    assert transform(world, run, snapshot) == 65
    (kept,) = failures.of_run(world.store, "late", run)
    return decision, kept


def test_the_sentence_of_a_failed_step_is_kept_and_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    decision, kept = failed(world, "a")
    assert (kept["step"], kept["error"], kept["exit_code"]) == ("transform", "BadData", 65)
    assert SENTENCE in kept["message"]
    why(["run", "a"])
    assert f"Step transform failed: {kept['message']}." in capsys.readouterr().out  # before the run has ended
    with pytest.raises(GaveUp, match="step transform failed: incoming/late/2"):
        promote.run(world.promote_arguments("", [], "a", decision, "spec=Succeeded transform=Failed"))
    reason = f"step transform failed: {kept['message']}"
    assert world.result("a")["reason"] == reason
    for asked in (["run", "a"], ["runs", "late"]):
        why(asked)
        assert reason in capsys.readouterr().out
    assert kept["message"].split("'")[0] in world.store.get(write_report(world.store, "late", "a", "Failed", "null")).decode()


def test_a_report_without_a_result_has_the_sentence_too(world: World) -> None:
    _, kept = failed(world, "a")
    page = world.store.get(write_report(world.store, "late", "a", "Failed", json.dumps([{"message": "Error (exit code 65)"}]))).decode()
    assert kept["message"].split("'")[0] in page


def test_a_first_step_that_fails_is_told_of(world: World) -> None:
    text = json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": {"task": "binary"}})
    assert step(world, "fetch", "spec", "--model", "late", "--spec", text, "--run", "a") == 78
    arguments = world.promote_arguments("", [], "a", "", "spec=Failed")
    arguments[arguments.index("--spec") + 1] = ""
    with pytest.raises(GaveUp, match=r"first step failed: .*spec\.data"):
        promote.run(arguments)


def fail(world: World, error: Exception, *words: str) -> int:
    def run(_: list[str]) -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        main(run, ["--model", "late", "--run", "a", *words])
    return int(str(ended.value.code))


def test_a_step_that_is_tried_again_leaves_its_last_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/handlers/train.py"])
    assert fail(world, TryAgain("one"), "--trial", "t", "--result-out", "/pod-1/x") == 75
    assert fail(world, Temporary("two"), "--trial", "t", "--result-out", "/pod-2/x") == 75
    assert fail(world, BadData("three"), "--trial", "u") == 65
    found = failures.of_run(world.store, "late", "a")
    assert [(each["message"], each["exit_code"]) for each in found] == [("the bucket could not be reached: two", 75), ("three", 65)]
    last = failures.of_step(found, "train")
    assert last is not None
    assert last["message"] == "three"
    assert failures.of_step(found, "transform") is None


def test_an_error_that_nobody_expected_is_kept_too(world: World) -> None:
    def run(_: list[str]) -> None:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError):
        main(run, ["--model", "late", "--run", "a"])
    assert failures.of_run(world.store, "late", "a")[0]["message"] == "ZeroDivisionError: division by zero"


def test_a_bucket_that_is_away_changes_no_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], world: World
) -> None:
    monkeypatch.setenv("RETRAIN_BUCKET", "away")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    assert fail(world, BadData("why")) == 65
    assert "reason not kept in the bucket" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--model", "late"], ["--model", "../late", "--run", "a"], ["--run", "a"]])
def test_what_belongs_to_no_run_is_not_kept(world: World, words: list[str]) -> None:
    def run(_: list[str]) -> None:
        raise BadData("x")

    with pytest.raises(SystemExit):
        main(run, words)
    assert list(world.store.list("")) == []
