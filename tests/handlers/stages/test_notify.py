"""What a run tells of its end, from the step that decides to the receiver, whoever dies where."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest

from handlers import heal, notify, promote, why
from handlers.contracts import GaveUp
from tests.handlers.events.receiving import Receiver, receiving, status
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.world import World, month

KEY = "0123456789abcdef"


@pytest.fixture
def receiver(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    world.spec["notify"] = [{"to": "ops"}]
    with receiving() as kept:
        monkeypatch.setenv("RETRAIN_NOTIFY", json.dumps({"ops": {"url": kept.url, "key": KEY}}))
        yield kept


def types(receiver: Receiver) -> list[str]:
    return sorted(event["type"] for event in receiver.taken)


def test_a_promoted_run_and_then_a_refused_one_are_told_with_their_numbers(world: World, receiver: Receiver) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    world.put("2.csv", month("2013-02-10", 4, seed=1))
    world.run("b")
    notify.run(["deliver"])
    assert types(receiver) == ["dev.retrain.model.promoted", "dev.retrain.model.refused"]
    by = {event["subject"]: event["data"] for event in receiver.taken}
    verdict = world.verdict("a")
    assert by["a"]["test"] == {name: verdict["metrics"]["roc_auc"]["challenger"][name] for name in ("value", "low", "high", "confidence")}
    assert (by["a"]["champion"], by["a"]["trial"], by["a"]["trials"], by["a"]["lost"]) == (1, verdict["winner"]["trial"], 2, 0)
    assert by["b"]["difference"]["value"] == world.verdict("b")["metrics"]["roc_auc"]["difference"]["value"]
    assert by["b"]["reason"] == world.result("b")["reason"]
    world.run("c")
    notify.run(["deliver"])
    assert len(receiver.taken) == 2, "nothing is told of a run that found all trained already"


def test_lost_trials_are_told_beside_the_decision(world: World, receiver: Receiver) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    promote.run(world.promote_arguments(dataset, scores[:1], "a", decision))
    notify.run(["deliver"])
    assert types(receiver) == ["dev.retrain.model.promoted", "dev.retrain.trials.lost"]
    assert {(event["data"]["trials"], event["data"]["lost"]) for event in receiver.taken} == {(1, 1)}


@pytest.mark.parametrize(
    ("content", "type_", "code"),
    [(b"day,carrier,distance,late\n2013-01-01,AA,far,true\n", "dev.retrain.data.refused", 65), (b"", "dev.retrain.data.refused", 65)],
)
def test_data_that_cannot_be_used_are_told_with_the_sentence_of_the_step(
    world: World, receiver: Receiver, content: bytes, type_: str, code: int
) -> None:
    from handlers import transform
    from handlers.contracts import main

    world.put("1.csv", content)
    _, snapshot = world.snapshot("a")
    words = ["--model", "late", "--spec", world.read_spec(), "--snapshot", snapshot, "--run", "a", "--dataset-out", str(world.out / "d")]
    with pytest.raises(SystemExit) as ended, pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.argv", ["transform.py"])
        patched.setattr("signal.signal", lambda *_: None)  # the test's own process is asked to stop as ever
        main(transform.run, words)
    assert ended.value.code == code
    with pytest.raises(GaveUp):
        promote.run(world.promote_arguments("", [], "a", "train", "spec=Succeeded fetch=Succeeded transform=Failed"))
    notify.run(["deliver"])
    (event,) = receiver.taken
    assert (event["type"], event["data"]["step"], event["data"]["exit_code"]) == (type_, "transform", code)
    assert event["data"]["reason"] == world.result("a")["reason"]


def test_a_run_that_nobody_judged_is_told_by_its_exit_handler(world: World, receiver: Receiver) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.snapshot("a")
    notified = world.out / "notify"
    given = ["report", "--model", "late", "--run", "a", "--status", "Failed", "--failures", '[{"message": "stopped"}]']
    promote.run([*given, "--again-out", str(world.out / "again"), "--notify-out", str(notified)])
    assert notified.read_text() == "yes"
    notify.run(["deliver", "--model", "late"])
    assert [(event["type"], event["data"]["reason"]) for event in receiver.taken] == [("dev.retrain.run.failed", "stopped")]
    promote.run([*given, "--again-out", str(world.out / "again"), "--notify-out", str(notified)])
    assert notified.read_text() == "no"


def test_a_run_without_a_spec_is_told_to_those_of_the_run_before_it(world: World, receiver: Receiver) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.snapshot("a")
    arguments = world.promote_arguments("", [], "b", "", "spec=Failed")
    arguments[arguments.index("--spec") + 1] = ""
    with pytest.raises(GaveUp):
        promote.run(arguments)
    notify.run(["deliver"])
    assert [(event["type"], event["subject"]) for event in receiver.taken] == [("dev.retrain.run.failed", "b")]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_write_of_the_decision_each_event_arrives_once(
    world: World, receiver: Receiver, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly the events of the result, whichever write was the last; what a dead process left is neither lost nor told twice."""
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    before = {key: world.store.get(key) for key in world.keys("")}
    given = world.promote_arguments(dataset, scores[:1], "a", decision)
    killed = 0
    for write in range(1, 12):
        for key in world.keys(""):
            world.store.delete(key)
        for key, content in before.items():
            world.store.put(key, content)
        receiver.taken.clear()
        dying = Dying(world.folder)
        dying.left, dying.after = write, after
        with monkeypatch.context() as patched:
            patched.setattr(promote, "open_store", lambda dying=dying: dying)
            patched.setattr(promote, "Heartbeat", lambda *_: nullcontext())  # whose writes come when they like
            try:
                promote.run(given)
            except Killed:
                killed += 1
        notify.run(["deliver"])
        told = len(receiver.taken)
        promote.run(given)
        notify.run(["deliver"])
        assert types(receiver) == ["dev.retrain.model.promoted", "dev.retrain.trials.lost"], f"killed at write {write}"
        assert told in (0, 2), "told before it was decided"
        assert world.keys("outbox/") == []
    assert killed >= 6, "verdict, history, pointer, two events, result"


def test_what_waits_is_seen_by_heal_and_by_why(world: World, receiver: Receiver, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    receiver.answers = lambda _: status(503)
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    (tmp_path / "models").mkdir()

    def waits() -> str:
        outputs = [word for name in ("starts", "notify") for word in (f"--{name}-out", str(world.out / name))]
        heal.run(["--models", str(tmp_path / "models"), "--window", "1", *outputs])
        return world.output("notify")

    assert waits() == "yes"
    notify.run(["deliver"])
    capsys.readouterr()
    for name in ("a", "late"):
        why.run([name])
        assert (
            "ops has not been told that run a of late was promoted (promoted): 1 attempt, the last: it answered 503."
            in capsys.readouterr().out
        )
    for key in world.keys("outbox/"):
        world.store.delete(key)
    assert waits() == "no"
    why.run(["a"])
    assert "ops" not in capsys.readouterr().out


def test_who_is_told_changes_no_name_of_a_result(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    world.spec["notify"] = [{"to": "ops", "on": ["failed"]}]
    assert world.snapshot("b")[0] == "already-trained"
