"""What a run saw, or a process read, before others were faster: it is looked at again, and what is stale changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from handlers import fetch, promote
from handlers.contracts import GaveUp
from handlers.events import outbox
from handlers.runs import champion as champions
from handlers.runs import claim, exports, pacing, requests
from handlers.storage import write_json
from tests.handlers.stages.world import World, month


def between_look_and_claim(world: World, monkeypatch: pytest.MonkeyPatch, happens: Any) -> tuple[str, str]:
    """What run `late` decides when something happens between its look at the bucket and its claim."""
    real = fetch._claim

    def first(*asked: Any, **how: Any) -> tuple[str, str, bool]:
        monkeypatch.setattr(fetch, "_claim", real)
        happens()
        return real(*asked, **how)

    monkeypatch.setattr(fetch, "_claim", first)
    return world.snapshot("late")


def test_a_state_that_another_run_trained_before_the_claim_is_not_trained_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, _ = between_look_and_claim(world, monkeypatch, lambda: world.run("first"))
    assert (decision, world.request("late")["reason"]) == ("already-trained", "already trained by run first")
    promote.run(world.promote_arguments("", [], "late", decision))
    assert world.result("late")["outcome"] == "already-trained"
    assert claim.read(world.store, "late")[0].run == "", "it is released, though nothing was trained"


def test_what_was_wanted_of_a_run_that_found_nothing_to_train_is_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, _ = between_look_and_claim(world, monkeypatch, lambda: world.run("first"))
    world.put("2.csv", month("2013-02-10", 5))
    assert world.snapshot("next")[0] == "busy"
    promote.run(world.promote_arguments("", [], "late", decision))
    assert world.output("again") == "yes"


def test_data_that_changed_before_the_claim_is_what_is_trained(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, snapshot = between_look_and_claim(world, monkeypatch, lambda: world.put("2.csv", month("2013-02-10", 5)))
    assert decision == "train"
    assert len(world.store.get(f"snapshots/late/{snapshot}.json").split(b".csv")) == 3
    assert world.request("late")["snapshot"] == snapshot


def test_a_step_that_is_repeated_long_after_its_run_lost_the_claim_looks_anew(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    _, old = world.snapshot("a")
    gone(world, "a")
    world.put("2.csv", month("2013-02-10", 20))
    world.run("b")
    decision, snapshot = world.snapshot("a")
    assert (decision, snapshot) == ("already-trained", world.request("b")["snapshot"])
    assert (world.request("a")["decision"], world.request("a")["before"]) == ("already-trained", [old])


def gone(world: World, run: str) -> None:
    """The run's last heartbeat was long ago."""
    held, etag = claim.read(world.store, "late")
    assert held.run == run
    write_json(world.store, claim.claim_key("late"), {**held.to_json(), "heartbeat": 0.0}, if_match=etag)


def test_a_run_that_lost_its_claim_promotes_nothing(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 25, rows=10, signal=0.3))
    decision, dataset, scores = world.prepare("slow")
    gone(world, "slow")
    world.put("2.csv", month("2013-01-26", 40))
    assert world.run("fast")["outcome"] == "promoted"
    with pytest.raises(GaveUp, match="run fast has had the model since"):
        promote.run(world.promote_arguments(dataset, scores, "slow", decision))
    assert world.result("slow")["outcome"] == "failed"
    assert [entry["run"] for entry in champions.history(world.store, "late")] == ["fast"]
    assert world.snapshot("next")[0] == "already-trained"


def test_a_run_whose_claim_another_holds_promotes_nothing(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("slow")
    gone(world, "slow")
    assert world.snapshot("fast")[0] == "train"
    with pytest.raises(GaveUp, match="run fast has had the model since"):
        promote.run(world.promote_arguments(dataset, scores, "slow", decision))
    assert world.keys("models/") == []
    assert claim.read(world.store, "late")[0].run == "fast"


def test_a_run_that_loses_its_claim_while_its_winner_is_exported_promotes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """To export takes as long as the rows need, so the claim is looked at afterwards."""
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("slow")
    real = exports.keep

    def meanwhile(*given: Any) -> str:
        gone(world, "slow")
        assert world.snapshot("fast")[0] == "train"
        return real(*given)

    monkeypatch.setattr(exports, "keep", meanwhile)
    with pytest.raises(GaveUp, match="run fast has had the model since"):
        promote.run(world.promote_arguments(dataset, scores, "slow", decision))
    assert world.keys("models/") == []


def test_a_process_that_wakes_after_its_run_was_judged_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pod was given up, another pod judged the run, another run followed: the first one goes on where it stood still."""
    world.put("1.csv", month("2013-01-01", 25, rows=10, signal=0.3))
    decision, dataset, scores = world.prepare("a")
    given = world.promote_arguments(dataset, scores, "a", decision)
    real = champions.current
    ended: list[dict[str, Any]] = []

    def asleep(*asked: Any) -> champions.Pointer:
        monkeypatch.setattr(champions, "current", real)
        promote.run(given)
        world.put("2.csv", month("2013-01-26", 40, rows=60, signal=2.0, seed=1))
        ended.extend([world.result("a"), world.run("b")])
        return real(*asked)

    monkeypatch.setattr(champions, "current", asleep)
    promote.run(given)
    assert json.loads(world.output("verdict"))["outcome"] == "promoted"
    assert [each["outcome"] for each in ended] == ["promoted", "promoted"]
    assert world.result("a") == ended[0]
    assert [entry["run"] for entry in champions.history(world.store, "late")] == ["a", "b"]


@pytest.mark.parametrize("newer", [False, True], ids=["nothing more", "newer data"])
def test_a_fetch_that_wakes_after_its_run_lost_the_claim_does_not_claim_for_it_again(
    world: World, newer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pod was given up; another pod took the snapshot and the claim, lost it to a run of newer data, and that one has ended."""
    world.put("1.csv", month("2013-01-01", 25, rows=10, signal=0.3))
    prepared: list[Any] = []

    def meanwhile() -> None:
        prepared.extend(world.prepare("late"))
        gone(world, "late")
        world.put("2.csv", month("2013-01-26", 40, rows=60, signal=2.0, seed=1))
        assert world.run("b")["outcome"] == "promoted"
        if newer:
            world.put("3.csv", month("2013-03-07", 3, seed=2))

    # it puts out what the run's request says, which the other pod has kept; promote refuses what comes of it
    assert between_look_and_claim(world, monkeypatch, meanwhile)[0] == "train"
    assert claim.read(world.store, "late")[0].run == ""
    decision, dataset, scores = prepared
    with pytest.raises(GaveUp, match="run b has had the model since"):
        promote.run(world.promote_arguments(dataset, scores, "late", decision))
    assert [entry["run"] for entry in champions.history(world.store, "late")] == ["b"]


class Killed(BaseException):
    """The process is gone."""


def promoted_and_killed(given: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The run moves the champion's pointer, and its process dies before it has said so."""

    def killed(*_: object, **_more: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(pacing, "finished", killed)
        patched.setattr(outbox, "put", killed)
        promote.run(given)


def test_what_a_run_has_promoted_is_trained_though_it_has_not_said_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    given = world.promote_arguments(dataset, scores, "a", decision)
    promoted_and_killed(given, monkeypatch)
    gone(world, "a")
    assert world.run("b") == {**world.result("b"), "outcome": "already-trained", "reason": "already trained by run a"}
    promote.run(given)
    assert (world.result("a")["outcome"], len(champions.history(world.store, "late"))) == ("promoted", 1)


def test_what_a_run_has_promoted_with_trials_lost_is_not_trained(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    promoted_and_killed(world.promote_arguments(dataset, scores[:1], "a", decision), monkeypatch)
    gone(world, "a")
    assert world.snapshot("b")[0] == "train"


def test_a_run_that_is_about_to_judge_what_another_has_promoted_does_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one moves the pointer after this run has looked whether its state is trained."""
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    gone(world, "a")
    assert world.prepare("b")[0] == "train"
    real, holder = champions.current, claim.read(world.store, "late")[0]

    def meanwhile(*asked: Any) -> champions.Pointer:
        monkeypatch.setattr(champions, "current", real)
        with monkeypatch.context() as patched:
            # it read the claim while it still had it
            patched.setattr(promote, "read_claim", lambda *_: (replace(holder, run="a"), None))
            promoted_and_killed(world.promote_arguments(dataset, scores, "a", decision), monkeypatch)
        return real(*asked)

    monkeypatch.setattr(champions, "current", meanwhile)
    promote.run(world.promote_arguments(dataset, scores, "b", decision))
    assert (world.result("b")["outcome"], world.result("b")["reason"]) == ("already-trained", "already trained by run a")
    assert [entry["run"] for entry in champions.history(world.store, "late")] == ["a"]


def test_a_run_that_was_stopped_after_it_promoted_has_promoted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    given = world.promote_arguments(dataset, scores, "a", decision)
    promoted_and_killed(given, monkeypatch)
    promote.run(["report", "--model", "late", "--run", "a", "--status", "Failed", "--failures", "null"])
    ended = world.result("a")
    assert (ended["outcome"], ended["champion"], len(ended["trials"]), ended["closed"]) == ("promoted", 1, 2, True)
    assert claim.read(world.store, "late")[0].run == ""
    promote.run(given)
    assert world.result("a") == ended


def test_a_judged_run_that_was_overtaken_before_its_result_is_promoted_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 25, rows=10, signal=0.3))
    decision, dataset, scores = world.prepare("a")
    given = world.promote_arguments(dataset, scores, "a", decision)

    promoted_and_killed(given, monkeypatch)
    gone(world, "a")
    world.put("2.csv", month("2013-01-26", 40, rows=60, signal=2.0, seed=1))
    assert world.run("b")["outcome"] == "promoted"
    promote.run(given)
    assert world.result("a")["outcome"] == "promoted"
    assert [entry["run"] for entry in champions.history(world.store, "late")] == ["a", "b"]


def test_a_failed_run_is_judged_again_while_nobody_had_the_model_since(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    with pytest.raises(GaveUp, match="no trial was trained"):
        promote.run(world.promote_arguments(dataset, [], "a", decision, "train=Failed"))
    promote.run(world.promote_arguments(dataset, scores, "a", decision))
    assert world.result("a")["outcome"] == "promoted"
    assert claim.read(world.store, "late")[0].run == ""


def test_a_failed_run_is_not_judged_again_after_another_had_the_model(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    with pytest.raises(GaveUp, match="no trial was trained"):
        promote.run(world.promote_arguments(dataset, [], "a", decision, "train=Failed"))
    world.put("2.csv", month("2013-02-10", 20))
    world.run("b")
    with pytest.raises(GaveUp, match="run b has had the model since"):
        promote.run(world.promote_arguments(dataset, scores, "a", decision))
    assert [entry["run"] for entry in champions.history(world.store, "late")] == ["b"]
    assert claim.read(world.store, "late")[0].run == ""


def test_data_that_goes_back_to_a_state_that_is_trained_is_not_judged_again(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("first")
    world.put("2.csv", month("2013-02-10", 20, seed=1))
    decision, snapshot = world.snapshot("b")
    world.store.delete("incoming/late/2.csv")
    dataset = world.dataset(snapshot, "b")
    scores = [world.evaluate(dataset, world.train(dataset, trial, "b")) for trial in world.trials()]
    promote.run(world.promote_arguments(dataset, scores, "b", decision))
    assert (world.result("b")["outcome"], world.result("b")["reason"]) == ("already-trained", "already trained by run first")
    assert claim.read(world.store, "late")[0].run == ""


def test_the_result_of_a_failed_run_gives_way_to_a_later_one_that_was_judged_and_to_no_other(world: World) -> None:
    """A process may write its result long after another of its run has; whoever was told of the run was told of that one."""
    at = {"model": "late", "run": "a", "reason": "", "outcome": "failed"}
    for result, counts in (
        ({**at, "at": 20.0}, 20.0),
        ({**at, "at": 10.0}, 20.0),
        ({**at, "at": 30.0, "closed": True}, 20.0),
        ({**at, "at": 40.0}, 40.0),
        ({**at, "at": 50.0, "outcome": "promoted"}, 50.0),
        ({**at, "at": 60.0}, 50.0),
    ):
        assert requests.end(world.store, "late", "a", result)["at"] == counts
