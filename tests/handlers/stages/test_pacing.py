"""Cooldown, budget, new rows and skip, through the stages: what is refused says why and when, and nothing that is refused is lost."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from handlers import fetch, heal, promote, transform, why
from handlers.contracts import BadData
from handlers.modelspec.parse import parse
from handlers.runs import claim, trainings
from handlers.storage import read_json
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.world import World, month

HOUR = 3600.0


@pytest.fixture
def late(world: World) -> World:
    """A model that was trained once, on 1,600 rows."""
    world.spec["search"]["grid"]["alpha"] = [0.01]
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    return world


def more(world: World, rows: int = 40) -> None:
    world.put("2.csv", month("2013-02-10", 1, rows=rows, seed=2))


def healed(world: World, after: float) -> str:
    """What heal says so many seconds from now."""
    text = json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": world.model}, "spec": world.spec})
    undone = heal.startable(world.store, parse(text), world.store.server_time() + after)
    return undone.reason if undone else ""


def submitted(world: World, run: str, **event: str) -> str:
    """A run as `retrain submit --now` asks for it; its decision."""
    asked = base64.b64encode(json.dumps({"model": "late", "source": "submit", "now": "yes", **event}).encode()).decode()
    given = ["--model", "late", "--spec", world.read_spec(), "--run", run, "--event", asked]
    fetch.run(["snapshot", *given, "--decision-out", str(world.out / "decision"), "--snapshot-out", str(world.out / "snapshot")])
    return world.output("decision")


def ended(world: World, run: str, decision: str) -> dict[str, Any]:
    """The result of a run that trains nothing."""
    promote.run([*world.promote_arguments("", [], run, decision), "--event-out", str(world.out / "event")])
    return world.result(run)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    why.run(words)
    return capsys.readouterr().out


def priced(world: World, money: float) -> None:
    """A processor hour costs so much that every run costs something."""
    world.spec["trigger"] = {"daily_budget": {"money": money}, "price": {"cpu_hour": 1e6, "currency": "EUR"}}


def test_a_run_over_the_money_of_a_day_is_deferred_and_heal_starts_one_the_next_day(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.spec["search"]["grid"]["alpha"] = [0.01]
    priced(world, 1e12)
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    cost = world.result("a")["cost"]
    assert cost["money"] == pytest.approx(cost["processor_seconds"] / 3600 * 1e6)
    kept = {info.key.split("/")[-1].split("-")[0] for info in world.store.list("runs/late/a/spent/")}
    assert kept == {"transform", "train", "evaluate"}
    assert f"It cost {cost['money']:,.2f} EUR" in told(capsys, "run", "a")

    more(world)
    priced(world, cost["money"] * 0.9)
    decision, _ = world.snapshot("b")
    result = ended(world, "b", decision)
    assert (decision, result["outcome"], result["rule"], "cost" in result) == ("deferred", "deferred", "daily_budget", False)
    assert f"1 run of this model on {trainings.read(world.store, 'late').day} (UTC) cost {cost['money']:,.2f} EUR" in result["reason"]
    assert result["reason"] in told(capsys, "run", "b")
    now = world.store.server_time()
    assert healed(world, 0) == ""
    assert healed(world, result["next_possible_at"] - now) == "run b was deferred (daily_budget)"

    priced(world, cost["money"] * 1.1)
    assert healed(world, 0) == "run b was deferred (daily_budget)", "there is money left"

    priced(world, cost["money"] * 0.9)
    assert submitted(world, "c", reason="the fair is on Monday") == "train"
    assert "cost" in told(capsys, "run", "c").split("It was submitted with --now: the fair is on Monday")[1]


def test_within_the_cooldown_a_run_is_deferred_and_heal_starts_one_after_it(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    late.spec["trigger"] = {"cooldown": "6h"}
    more(late)
    decision, _ = late.snapshot("b")
    result = ended(late, "b", decision)
    over = trainings.read(late.store, "late").history.ended + 6 * HOUR
    assert (result["outcome"], result["rule"], result["next_possible_at"]) == ("deferred", "cooldown", over)
    assert result["reason"].startswith("run a trained until 20")
    assert claim.read(late.store, "late")[0].run == ""
    assert result["reason"] in told(capsys, "run", "b")
    (row,) = [line for line in told(capsys, "runs", "late").splitlines() if "\tb\t" in line]
    assert result["reason"] in row
    assert (healed(late, HOUR), healed(late, 6 * HOUR + 1)) == ("", "run b was deferred (cooldown)")
    late.spec["trigger"] = {}
    assert late.run("c")["decision"] == "train"
    assert healed(late, 6 * HOUR + 1) == ""


def test_an_upload_that_nobody_noticed_waits_for_the_cooldown_too(late: World) -> None:
    late.spec["trigger"] = {"cooldown": "6h"}
    more(late)
    assert (healed(late, HOUR), healed(late, 7 * HOUR)) == ("", "no run has taken the data, spec and code that are there now")


def test_a_changed_gate_is_decided_in_the_cooldown_for_it_trains_nothing(late: World) -> None:
    late.spec["trigger"] = {"cooldown": "6h", "daily_budget": {"runs": 1}}
    late.spec["promote"]["gate"]["at_least"] = 0.56
    assert late.snapshot("b")[0] == "redecide"


def test_runs_that_failed_are_counted_and_start_no_cooldown(late: World) -> None:
    late.spec["trigger"] = {"daily_budget": {"runs": 2}}
    more(late)
    decision, snapshot = late.snapshot("b")
    late.dataset(snapshot, "b")
    with pytest.raises(Exception, match="no trial"):
        ended(late, "b", decision)
    assert trainings.read(late.store, "late").history.last == "a"
    late.put("3.csv", month("2013-02-11", 1, seed=3))
    decision, _ = late.snapshot("c")
    result = ended(late, "c", decision)
    assert (result["outcome"], result["rule"]) == ("deferred", "daily_budget")
    assert result["next_possible_at"] % 86400 == 0
    assert healed(late, result["next_possible_at"] - late.store.server_time()) == "run c was deferred (daily_budget)"


def test_the_last_place_of_a_day_goes_to_one_of_two(late: World) -> None:
    """Both asked before either was counted: the second finds no place when its rows are there."""
    late.spec["trigger"] = {"daily_budget": {"runs": 2}}
    more(late)
    _, snapshot = late.snapshot("b")
    late.dataset(snapshot, "b")
    claim.release(late.store, "late", "b")  # as if its pod had died
    store, dead = late.store, trainings.read(late.store, "late")
    late.put("3.csv", month("2013-02-11", 1, seed=3))
    store.put("runs/late/trainings.json", json.dumps({**dead.to_json(), "counted": ["a"]}).encode())
    _, snapshot = late.snapshot("c")
    store.put("runs/late/trainings.json", json.dumps(dead.to_json()).encode())
    assert prepared(late, "c", snapshot) == "deferred"
    assert ended(late, "c", "train")["rule"] == "daily_budget"


def prepared(world: World, run: str, snapshot: str) -> str:
    """Transform as the workflow calls it; whether the run trains."""
    outputs = [word for name in ("dataset", "decision") for word in (f"--{name}-out", str(world.out / name))]
    transform.run(["--model", "late", "--spec", world.read_spec(), "--snapshot", snapshot, "--run", run, *outputs])
    return world.output("decision")


def test_too_few_new_rows_end_a_run_before_it_trains(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    late.spec["trigger"] = {"min_new_rows": 100}
    more(late, 40)
    decision, snapshot = late.snapshot("b")
    assert (decision, prepared(late, "b", snapshot)) == ("train", "deferred")
    assert prepared(late, "b", snapshot) == "deferred", "a step that is repeated says the same"
    result = ended(late, "b", decision)
    assert result["outcome"] == "deferred"
    assert result["reason"] == "too few new rows: 40 of 100 (trigger.min_new_rows); the next training is possible after 60 more rows"
    assert (result["rule"], result["next_possible_at"]) == ("min_new_rows", None)
    assert trainings.read(late.store, "late").counted == ("a",)
    assert claim.read(late.store, "late")[0].run == ""
    assert "too few new rows" in told(capsys, "run", "b")
    assert healed(late, 100 * HOUR) == "", "the state is the same: a run would refuse it again"
    late.put("3.csv", month("2013-02-11", 1, rows=60, seed=3))
    decision, snapshot = late.snapshot("c")
    assert (decision, prepared(late, "c", snapshot)) == ("train", "train")


def test_a_lower_limit_starts_what_was_refused(late: World) -> None:
    late.spec["trigger"] = {"min_new_rows": 100}
    more(late, 40)
    _, snapshot = late.snapshot("b")
    prepared(late, "b", snapshot)
    ended(late, "b", "train")
    late.spec["trigger"] = {"min_new_rows": 40}
    assert healed(late, HOUR) == "run b was deferred (min_new_rows)"
    _, snapshot = late.snapshot("c")
    assert prepared(late, "c", snapshot) == "train"


@pytest.mark.parametrize("what", ["spec", "gone", "again"])
def test_what_is_not_about_new_rows_is_trained_with_few_of_them(late: World, what: str) -> None:
    """Another spec; an object that is gone, whose rows are not to be learned any more; an object put again counts with all its rows."""
    more(late)
    late.put("3.csv", month("2013-02-11", 1, seed=3))
    late.run("b")
    late.spec["trigger"] = {"min_new_rows": 100}
    if what == "spec":
        late.spec["training"]["epochs"] = 2
    elif what == "gone":
        late.store.delete("incoming/late/2.csv")
    else:
        late.put("1.csv", month("2013-01-01", 40, seed=9))
    decision, snapshot = late.snapshot("c")
    assert (decision, prepared(late, "c", snapshot)) == ("train", "train")


def test_skip_drops_an_event_while_a_run_trains(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    late.spec["trigger"] = {"in_flight": "skip"}
    more(late)
    assert late.snapshot("b")[0] == "train"
    late.put("3.csv", month("2013-02-11", 1, seed=3))
    decision, _ = late.snapshot("c")
    result = ended(late, "c", decision)
    assert (result["outcome"], result["rule"]) == ("skipped", "in_flight")
    assert "run b is training this model and trigger.in_flight is skip: this event is dropped" in told(capsys, "run", "c")
    assert claim.read(late.store, "late")[0].wanted == (), "nothing follows the run"
    assert late.run("b")["decision"] == "train"
    assert healed(late, HOUR) == "", "what was dropped is left to the next event"
    assert late.snapshot("d")[0] == "train"


def test_what_was_skipped_for_a_run_that_failed_is_started_by_heal(late: World) -> None:
    late.spec["trigger"] = {"in_flight": "skip"}
    more(late)
    late.snapshot("b")
    late.put("3.csv", month("2013-02-11", 1, seed=3))
    late.snapshot("c")
    assert healed(late, HOUR) == "run b has died"
    with pytest.raises(Exception, match="transform failed"):
        promote.run(late.promote_arguments("", [], "b", "train", "fetch=Succeeded transform=Failed"))
    assert healed(late, HOUR) == "run c was skipped for run b, which has failed"


@pytest.mark.parametrize(
    "rule", [{"cooldown": "6h"}, {"daily_budget": {"runs": 1}}, {"min_new_rows": 100}], ids=lambda rule: next(iter(rule))
)
def test_now_sets_a_rule_aside_and_the_run_says_so(late: World, rule: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    late.spec["trigger"] = rule
    more(late)
    assert submitted(late, "b", reason="the fair is on Monday") == "train"
    assert prepared(late, "b", late.output("snapshot")) == "train"
    request = late.request("b")
    assert (request["event"]["now"], request["event"]["reason"]) == ("yes", "the fair is on Monday")
    assert request["overrode"]["rule"] == next(iter(rule))
    said = told(capsys, "run", "b")
    assert f"It was submitted with --now: the fair is on Monday (set aside: {request['overrode']['reason']})." in said
    (row,) = [line for line in told(capsys, "runs", "late").splitlines() if "\tb\t" in line]
    assert "submitted with --now: the fair is on Monday" in row


def test_now_waits_for_who_trains_and_what_follows_it_is_asked_now_too(late: World) -> None:
    late.spec["trigger"] = {"in_flight": "skip", "cooldown": "6h"}
    more(late)
    assert submitted(late, "b", reason="first") == "train"
    late.put("3.csv", month("2013-02-11", 1, seed=3))
    assert submitted(late, "c", reason="second") == "busy"
    ended(late, "c", "busy")
    assert late.output("event") == ""
    decision, dataset, scores = late.prepare("b")
    promote.run([*late.promote_arguments(dataset, scores, "b", decision), "--event-out", str(late.out / "event")])
    assert late.output("again") == "yes"
    event = json.loads(base64.b64decode(late.output("event")))
    assert event == {"model": "late", "reason": "second", "source": "followup", "now": "yes"}


def test_now_without_a_reason_is_refused(late: World) -> None:
    with pytest.raises(BadData, match="who sets `now` says why"):
        submitted(late, "b", reason=" ")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3])
def test_killed_at_any_write_between_the_parts_and_the_training(
    late: World, write: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made: the parts, the dataset. Counted: the run. Deferred: its request. Repeated, each is there once."""
    late.spec["trigger"] = {"min_new_rows": 41, "daily_budget": {"runs": 9}}
    more(late, 40 if write == 3 else 41)
    _, snapshot = late.snapshot("b")
    late.dataset(snapshot, "other")  # its parts and dataset are made already
    dying = Dying(late.folder)
    dying.left, dying.after = write, after
    with monkeypatch.context() as patched:
        patched.setattr(transform, "open_store", lambda: dying)
        patched.setattr(transform, "Heartbeat", _NoHeartbeat)
        try:
            prepared(late, "b", snapshot)
        except Killed as at:
            assert str(at).startswith(("datasets/", "runs/late/trainings.json", "runs/late/b/request.json"))
    expected = "deferred" if write == 3 else "train"
    assert prepared(late, "b", snapshot) == expected
    assert trainings.read(late.store, "late").counted == (("a",) if expected == "deferred" else ("a", "b"))
    assert read_json(late.store, "runs/late/b/request.json")["decision"] == expected


class _NoHeartbeat:
    def __init__(self, *given: Any) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *given: Any) -> None: ...
