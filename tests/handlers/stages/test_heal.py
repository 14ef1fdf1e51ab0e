"""What a lost notification, a dead run, a failed run or a lost trial has left undone is found, and nothing else is started."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers import heal, promote
from handlers.contracts import GaveUp
from handlers.modelspec.parse import parse
from handlers.runs import claim as claims
from handlers.runs.claim import Claim, claim_key
from handlers.storage import write_json
from tests.handlers.stages.world import World, month

HOUR = 3600.0


@pytest.fixture
def late(world: World) -> World:
    world.put("1.csv", month("2013-01-01", 40))
    return world


def reason(world: World, after: float, *, poll: bool = False) -> str:
    """What heal says so many seconds from now."""
    spec = parse(spec_text(world))
    undone = heal.startable(world.store, spec, world.store.server_time() + after, poll=poll)
    return undone.reason if undone else ""


def spec_text(world: World) -> str:
    return json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": world.model}, "spec": world.spec})


def fail(world: World, run: str, status: str = "spec=Succeeded transform=Failed") -> None:
    decision, _ = world.snapshot(run)
    with pytest.raises(GaveUp):
        promote.run(world.promote_arguments("", [], run, decision, status))


def test_an_upload_that_nobody_noticed_starts_a_run_once_its_own_would_have_begun(late: World) -> None:
    assert reason(late, 60) == ""
    assert reason(late, HOUR) == "no run has taken the data, spec and code that are there now"


def test_the_files_beside_a_spec_are_read(late: World, tmp_path: Path) -> None:
    late.spec["model"] = {"estimator": "models/late.py:build", "memory": "whole"}
    (tmp_path / "late.yaml").write_text(spec_text(late), encoding="utf-8")
    assert list(heal.specs(tmp_path)) == []
    (tmp_path / "late.py").write_text("def build(params, seed):\n    return None\n", encoding="utf-8")
    assert [spec.code is not None for spec in heal.specs(tmp_path)] == [True]


def test_where_the_bucket_tells_of_nothing_new_data_starts_a_run_at_once_and_only_once(late: World) -> None:
    assert reason(late, 0, poll=True) == "no run has taken the data, spec and code that are there now"
    late.snapshot("a")
    assert reason(late, 0, poll=True) == ""
    late.run("a")
    assert reason(late, 0, poll=True) == ""
    late.put("2.csv", month("2013-02-10", 3, seed=2))
    assert reason(late, 0, poll=True) != ""


def test_nothing_is_started_where_nothing_is_new_or_nothing_is_there(world: World) -> None:
    assert reason(world, HOUR) == ""
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    assert reason(world, HOUR) == ""


def test_a_changed_gate_or_spec_that_no_run_has_taken_starts_one(late: World) -> None:
    late.run("a")
    late.spec["promote"]["gate"]["at_least"] = 0.56
    assert reason(late, HOUR) != ""
    late.run("b")
    assert reason(late, HOUR) == ""


def test_a_run_that_trains_is_left_alone_and_one_that_died_is_not(late: World) -> None:
    late.snapshot("a")
    assert reason(late, 60) == ""
    assert reason(late, HOUR) == "run a has died"


def heal_says(world: World, folder: Path, *more: str) -> tuple[list[Any], list[Any]]:
    """The runs that the handler would start, and those that it asks for."""
    models = folder / "models"
    models.mkdir(exist_ok=True)
    (models / "late.yaml").write_text(spec_text(world), encoding="utf-8")
    outputs = ["--starts-out", str(folder / "starts"), "--silent-out", str(folder / "silent")]
    heal.run(["--models", str(models), "--window", "17", *more, *outputs])
    starts, silent = (json.loads((folder / name).read_text()) for name in ("starts", "silent"))
    return [start["name"] for start in starts], silent


def between_steps(world: World, run: str, ago: float, *, waits: bool = True) -> None:
    """The run holds the claim; its last step ended well, or was last heard of, so many seconds ago."""
    world.snapshot(run)
    held, _ = claims.read(world.store, "late")
    write_json(world.store, claim_key("late"), replace(held, heartbeat=held.heartbeat - ago, waits=waits).to_json())


@pytest.mark.parametrize("waits", [True, False])
def test_a_run_that_is_silent_is_asked_for_and_its_model_is_free_where_it_has_ended(late: World, tmp_path: Path, waits: bool) -> None:
    """Between two steps or in the middle of one: a minute after its last word."""
    between_steps(late, "a", 30, waits=waits)
    assert heal_says(late, tmp_path) == ([], [])
    between_steps(late, "a", 61, waits=waits)
    assert heal_says(late, tmp_path) == ([], [{"model": "late", "run": "a"}])
    late.put("2.csv", month("2013-02-10", 3, seed=2))
    assert late.snapshot("b")[0] == "busy"
    assert heal_says(late, tmp_path, "--model", "late", "--ended", "a") == (["retrain-late-17"], [])
    assert claims.read(late.store, "late")[0].wanted, "what was wanted of it is kept"
    assert late.snapshot("c")[0] == "train"
    assert heal_says(late, tmp_path, "--model", "late", "--ended", "a") == ([], []), "the claim is another's by now"
    assert claims.read(late.store, "late")[0].run == "c"


def test_what_was_wanted_of_a_run_that_died_is_started(late: World) -> None:
    late.snapshot("a")
    late.put("2.csv", month("2013-02-10", 3, seed=2))
    assert late.snapshot("b")[0] == "busy"
    assert reason(late, HOUR) == "run a has died"


def test_a_run_that_failed_for_now_is_tried_again_later_and_not_for_ever(late: World) -> None:
    fail(late, "a")
    assert reason(late, 60) == ""
    assert reason(late, HOUR) == "run a has failed; attempt 2 of 3"
    fail(late, "b")
    assert reason(late, 1000) == ""
    assert reason(late, HOUR) == "run b has failed; attempt 3 of 3"
    fail(late, "c")
    assert reason(late, 100 * HOUR) == ""


def test_a_run_that_will_fail_again_is_not_tried_again_until_something_changes(late: World) -> None:
    kept = {"step": "transform", "error": "BadData", "message": "x", "exit_code": 65, "at": 1.0}
    write_json(late.store, "runs/late/a/failures/transform-1.json", kept)
    fail(late, "a")
    assert reason(late, 100 * HOUR) == ""
    late.put("1.csv", month("2013-01-01", 41))
    assert reason(late, HOUR) != ""


def test_lost_trials_are_trained_by_the_next_run(late: World) -> None:
    decision, dataset, scores = late.prepare("a")
    promote.run(late.promote_arguments(dataset, scores[:1], "a", decision, "spec=Succeeded train=Failed evaluate=Succeeded"))
    assert late.result("a")["outcome"] == "promoted"
    assert reason(late, HOUR) == "run a has lost trials; attempt 2 of 3"
    assert late.run("b")["decision"] == "train"
    assert reason(late, HOUR) == ""


def test_the_handler_lists_what_is_to_be_started_and_names_a_wrong_spec(
    late: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for name in ("late", "other"):  # found under the name of its prefix too
        (models / f"{name}.yaml").write_text(spec_text(late), encoding="utf-8")
    (models / "wrong.yaml").write_text("kind: Model", encoding="utf-8")
    late.snapshot("dead")
    write_json(late.store, claim_key("late"), Claim("dead", 0.0).to_json())
    monkeypatch.setattr(heal, "BETWEEN", 0.0)
    heal.run(["--models", str(models), "--window", "17", "--starts-out", str(tmp_path / "starts")])
    (start,) = json.loads((tmp_path / "starts").read_text())
    event: dict[str, Any] = json.loads(base64.b64decode(start.pop("event")))
    assert start == {"model": "late", "name": "retrain-late-17"}
    assert event == {"model": "late", "reason": "heal: run dead has died", "source": "heal"}
    lines = capsys.readouterr().err
    assert '"wrong.yaml"' in lines
    assert claims.read(late.store, "late")[0].run == "dead"  # nothing was changed
