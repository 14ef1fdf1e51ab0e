"""A run that ended badly: tried again after the data was put right, or never judged at all."""

from __future__ import annotations

import json

import pytest

from handlers import promote, why
from handlers.contracts import BadData, GaveUp
from handlers.runs import claim
from tests.handlers.stages.world import World, month

BAD = month("2013-01-01", 40).replace(b",AA,", b";AA,")


def failed(world: World, run: str) -> tuple[str, str]:
    """A run whose transform failed; its decision and snapshot."""
    world.put("1.csv", BAD)
    decision, snapshot = world.snapshot(run)
    with pytest.raises(BadData):
        world.dataset(snapshot, run)
    with pytest.raises(GaveUp, match="step transform failed"):
        promote.run(world.promote_arguments("", [], run, decision, "fetch=Succeeded transform=Failed"))
    assert world.result(run)["outcome"] == "failed"
    return decision, snapshot


def retried(world: World, run: str, decision: str, snapshot: str) -> None:
    """What a workflow repeats: everything from transform on, with the outputs of fetch as they were."""
    dataset = world.dataset(snapshot, run)
    scores = [world.evaluate(dataset, world.train(dataset, trial, run)) for trial in world.trials()]
    promote.run(world.promote_arguments(dataset, scores, run, decision, "fetch=Succeeded transform=Succeeded"))


def test_a_failed_run_is_retried_to_its_end_once_the_file_is_right(world: World) -> None:
    decision, snapshot = failed(world, "a")
    world.put("1.csv", month("2013-01-01", 40))
    retried(world, "a", decision, snapshot)
    assert world.result("a")["outcome"] == "promoted"
    assert world.request("a")["snapshot"] != snapshot
    assert claim.read(world.store, "late")[0].run == ""
    assert world.snapshot("b") == ("already-trained", world.request("a")["snapshot"])


def test_a_retried_run_holds_the_claim(world: World) -> None:
    _, snapshot = failed(world, "a")
    world.put("1.csv", month("2013-01-01", 40))
    world.dataset(snapshot, "a")
    assert claim.read(world.store, "late")[0].run == "a"
    assert world.snapshot("b")[0] == "busy"


def test_a_run_is_not_retried_beside_another(world: World) -> None:
    _, snapshot = failed(world, "a")
    world.put("1.csv", month("2013-01-01", 40))
    world.snapshot("b")
    with pytest.raises(GaveUp, match="run b is training this model; another run follows it"):
        world.dataset(snapshot, "a")
    assert [wish["run"] for wish in claim.read(world.store, "late")[0].wanted] == ["a"]


def test_retried_with_the_file_as_it_was_it_fails_again(world: World) -> None:
    decision, snapshot = failed(world, "a")
    with pytest.raises(BadData):
        world.dataset(snapshot, "a")
    with pytest.raises(GaveUp, match="step transform failed"):
        promote.run(world.promote_arguments("", [], "a", decision, "transform=Failed"))
    assert claim.read(world.store, "late")[0].run == ""


def test_a_retry_that_died_before_its_result_has_trained_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    decision, snapshot = failed(world, "a")
    world.put("1.csv", month("2013-01-01", 40))

    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(promote, "write_json", killed)
        with pytest.raises(Killed):
            retried(world, "a", decision, snapshot)
    claim.release(world.store, "late", "a")
    assert world.snapshot("b")[0] == "train"


# --------------------------------------------------------------------------------------- never judged


def report(world: World, run: str, status: str = "Failed", message: str = "Stopped with strategy 'Stop'") -> str:
    failures = json.dumps([{"displayName": "train", "phase": "Failed", "message": message}])
    given = ["report", "--model", "late", "--run", run, "--status", status, "--failures", failures]
    promote.run([*given, "--again-out", str(world.out / "again")])
    return world.output("again")


def test_a_run_that_nobody_judged_lets_go_of_its_claim(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.snapshot("a")
    assert report(world, "a") == "no"
    assert claim.read(world.store, "late")[0].run == ""
    assert (world.result("a")["outcome"], world.result("a")["reason"]) == ("failed", "Stopped with strategy 'Stop'")
    capsys.readouterr()
    why.run(["runs", "late", "-o", "json"])
    assert [row["outcome"] for row in json.loads(capsys.readouterr().out)["runs"]] == ["failed"]
    assert world.snapshot("b")[0] == "train"


def test_what_was_wanted_meanwhile_is_not_forgotten(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.snapshot("a")
    world.put("2.csv", month("2013-02-10", 5))
    assert world.snapshot("b")[0] == "busy"
    assert report(world, "a") == "yes"
    assert report(world, "a") == "yes", "told again, when the step is repeated"


def test_a_run_that_was_judged_is_not_followed_twice(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    world.put("2.csv", month("2013-02-10", 5))
    world.snapshot("b")
    promote.run(world.promote_arguments(dataset, scores, "a", decision))
    assert world.output("again") == "yes"
    assert report(world, "a", "Succeeded") == "no"
    assert world.result("a")["outcome"] == "promoted"


def test_a_claim_that_was_kept_after_the_result_is_let_go_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    world.put("2.csv", month("2013-02-10", 5))
    world.snapshot("b")
    with monkeypatch.context() as patched:
        patched.setattr(promote, "release", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            promote.run(world.promote_arguments(dataset, scores, "a", decision))
    assert report(world, "a", "Error") == "yes"
    assert claim.read(world.store, "late")[0].run == ""


def test_another_run_s_claim_is_left_alone(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.snapshot("b")
    assert report(world, "a") == "no"
    assert claim.read(world.store, "late")[0].run == "b"
