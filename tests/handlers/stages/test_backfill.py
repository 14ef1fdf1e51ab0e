"""Runs over past states: which data they learn, that they move no champion unless asked, and which of them are to be asked for."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers import backfill, fetch, promote, transform, why
from handlers.contracts import BadData, BadSpec, WrongUsage
from handlers.data.manifest import load_dataset
from handlers.runs import claim
from handlers.runs.champion import current
from handlers.storage import read_json, write_json
from tests.handlers.stages.world import World, month


@pytest.fixture
def late(world: World) -> World:
    world.put("1.csv", month("2013-01-01", 40))
    world.put("2.csv", month("2013-02-10", 30, seed=1))
    return world


def steps(world: World, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    backfill.run([world.model, "--spec", text(world), *options])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["steps"]
    return found


def text(world: World) -> str:
    return json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": world.model}, "spec": world.spec})


def encoded(event: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(event).encode()).decode()


def carry_out(world: World, run: str, event: dict[str, Any]) -> dict[str, Any]:
    """A whole run for the event; its result."""
    decision, snapshot = snapshot_of(world, run, event)
    dataset, scores = "", []
    if decision == "train":
        dataset = world.dataset(snapshot, run)
        scores = [world.evaluate(dataset, world.train(dataset, trial, run)) for trial in world.trials()]
    promote.run(world.promote_arguments(dataset, scores, run, decision))
    return world.result(run)


def snapshot_of(world: World, run: str, event: dict[str, Any]) -> tuple[str, str]:
    where = [word for name in ("decision", "snapshot") for word in (f"--{name}-out", str(world.out / name))]
    fetch.run(["snapshot", "--model", world.model, "--spec", world.read_spec(), "--run", run, "--event", encoded(event), *where])
    return world.output("decision"), world.output("snapshot")


def test_a_past_state_has_the_days_before_it_and_moves_no_champion(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    late.run("now")
    (first, second) = steps(late, capsys, "--from", "2013-02-20", "--to", "2013-03-01T00:00:00Z", "--every", "9d")
    assert (first["as_of"], first["run"], second["as_of"]) == ("2013-02-20T00:00:00Z", "", "2013-03-01T00:00:00Z")
    result = carry_out(late, "past", first["event"])
    assert result["outcome"] == "backfilled"
    assert result["reason"].startswith("as of 2013-02-20T00:00:00Z the winner passes the gate, judged alone; no champion is moved: ")
    assert late.verdict("past")["compared"] == "240 rows of 6 test days, 2013-02-14 to 2013-02-19"
    dataset = load_dataset(late.store, "late", result["dataset"])
    assert dataset.split["test"] == ["2013-02-14", "2013-02-19"]
    assert late.verdict("past")["as_of"] == first["as_of"]
    record = current(late.store, "late").record
    assert record is not None
    assert (record["run"], record["number"]) == ("now", 1)
    why.run(["runs", "late"])
    assert "backfilled" in (row := next(line for line in capsys.readouterr().out.splitlines() if "\tpast\t" in line))
    assert row.endswith("as of 2013-02-20T00:00:00Z")
    why.run(["late"])
    assert "past" not in capsys.readouterr().out


def test_what_was_judged_is_not_asked_for_again_but_for_another_spec_it_is(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--from", "2013-02-20", "--to", "2013-02-20"]
    (todo,) = steps(late, capsys, *asked)
    carry_out(late, "past", todo["event"])
    trained = late.keys("trials/")
    (done,) = steps(late, capsys, *asked)
    assert (done["run"], done["outcome"]) == ("past", "backfilled")
    assert snapshot_of(late, "twice", todo["event"])[0] == "duplicate"
    assert late.keys("trials/") == trained
    late.spec["search"]["grid"]["alpha"] = [0.5]
    assert steps(late, capsys, *asked)[0]["run"] == ""


def test_asked_to_promote_the_same_state_trains_nothing_and_is_promoted(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--from", "2013-02-20", "--to", "2013-02-20"]
    carry_out(late, "past", steps(late, capsys, *asked)[0]["event"])
    assert current(late.store, "late").record is None
    (todo,) = steps(late, capsys, *asked, "--promote")
    result = carry_out(late, "again", todo["event"])
    assert (result["decision"], result["outcome"]) == ("redecide", "promoted")
    record = current(late.store, "late").record
    assert record is not None
    assert record["run"] == "again"


def test_a_busy_model_is_asked_again_later(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    (todo,) = steps(late, capsys, "--from", "2013-02-20", "--to", "2013-02-20")
    claim.take(late.store, "late", "other", {"run": "other"})
    assert carry_out(late, "past", todo["event"])["outcome"] == "busy"
    assert not claim.release(late.store, "late", "other").wanted, "no run that knows nothing of the past state follows"
    assert steps(late, capsys, "--from", "2013-02-20", "--to", "2013-02-20")[0]["run"] == ""
    assert carry_out(late, "past-2", todo["event"])["outcome"] == "backfilled"


def test_what_holds_back_a_run_of_the_present_does_not_hold_back_one_of_the_past(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    late.spec["trigger"] = {"cooldown": "30d", "min_new_rows": 1_000_000}
    late.run("now")
    counted = read_json(late.store, "runs/late/trainings.json")
    (todo,) = steps(late, capsys, "--from", "2013-02-20", "--to", "2013-02-20")
    assert carry_out(late, "past", todo["event"])["outcome"] == "backfilled"
    assert read_json(late.store, "runs/late/trainings.json")["last"] == counted["last"], "what comes next is measured by the present"


def test_a_spent_budget_holds_back_a_past_state_until_the_next_day(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    late.spec["trigger"] = {"daily_budget": {"runs": 1}}
    late.run("now")
    (todo,) = steps(late, capsys, "--from", "2013-02-20", "--to", "2013-02-20")
    refused = carry_out(late, "past", todo["event"])
    tomorrow = (datetime.fromtimestamp(late.store.server_time(), UTC) + timedelta(days=1)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    assert (refused["outcome"], refused["next_possible_at"]) == ("deferred", tomorrow.timestamp())
    assert "daily_budget" in refused["reason"]
    (again,) = steps(late, capsys, "--from", "2013-02-20", "--to", "2013-02-20")
    assert (again["run"], again["outcome"]) == ("", ""), "the same command asks for it again"
    known = read_json(late.store, "runs/late/trainings.json")
    write_json(late.store, "runs/late/trainings.json", {**known, "day": "2013-01-01"})
    assert carry_out(late, "past-2", again["event"])["outcome"] == "backfilled"


def test_without_days_a_past_state_has_what_had_landed_by_then(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    late.spec["data"]["split"] = {"by": "random", "valid": 0.2, "test": 0.2}
    (todo,) = steps(late, capsys, "--from", "2013-02-20", "--to", "2013-02-20")
    assert snapshot_of(late, "past", todo["event"])[0] == "no-data"
    just_now = datetime.fromtimestamp(int(late.store.server_time()) - 3600, UTC)
    os.utime(late.folder / "incoming/late/1.csv", (0, just_now.timestamp() - 1))
    as_of = just_now.strftime("%Y-%m-%dT%H:%M:%SZ")
    (todo,) = steps(late, capsys, "--from", as_of, "--to", as_of)
    decision, snapshot = snapshot_of(late, "past-2", todo["event"])
    assert (decision, [o[0] for o in read_json(late.store, f"snapshots/late/{snapshot}.json")["objects"]]) == (
        "train",
        ["incoming/late/1.csv"],
    )


def test_a_retried_run_learns_the_past_state_again(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    (todo,) = steps(late, capsys, "--from", "2013-02-20", "--to", "2013-02-20")
    late.put("3.csv", b"day,carrier,distance,late\n2013-02-01,AA,far,true\n")
    _, snapshot = snapshot_of(late, "past", todo["event"])
    with pytest.raises(BadData, match="far"):
        late.dataset(snapshot, "past")
    promote.run(["report", "--model", "late", "--run", "past", "--again-out", str(late.out / "again")])
    late.put("3.csv", month("2013-02-01", 1, seed=9))
    transform.run(
        ["--model", "late", "--spec", late.read_spec(), "--snapshot", snapshot, "--run", "past", "--dataset-out", str(late.out / "d")]
    )
    assert load_dataset(late.store, "late", late.output("d")).split["test"][1] == "2013-02-19"
    renewed = read_json(late.store, "runs/late/past/request.json")["snapshot"]
    assert renewed != snapshot
    assert read_json(late.store, f"snapshots/late/{renewed}.json")["before"] == "2013-02-20"


def test_looking_waits_for_nothing(late: World) -> None:
    event = {"model": "late", "as_of": "2013-02-20T00:00:00Z"}
    words = [
        "--quiet",
        "30s",
        "--at-most",
        "10m",
        "--since",
        str(late.store.server_time()),
        "--window",
        "999999999",
        "--event",
        encoded(event),
    ]
    to = ["--quiet-out", str(late.out / "quiet"), "--wait-out", str(late.out / "wait")]
    fetch.run(["look", "--model", "late", "--run", "r", "--spec", late.read_spec(), *words, *to])
    assert (late.output("quiet"), late.keys("runs/")) == ("yes", [])


def test_what_cannot_be_had_is_refused(late: World, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadData, match="in the future"):
        steps(late, capsys, "--from", "2999-01-01", "--to", "2999-01-01")
    with pytest.raises(BadData, match="in the future"):
        snapshot_of(late, "r", {"model": "late", "as_of": "2999-01-01T00:00:00Z"})
    with pytest.raises(BadData, match="promote is 'no'; accepted: yes"):
        snapshot_of(late, "r", {"model": "late", "as_of": "2013-02-20T00:00:00Z", "promote": "no"})
    late.spec["data"]["query"] = {"sql": "SELECT day, carrier, distance, late FROM incoming", "scope": "all"}
    with pytest.raises(BadSpec, match="scope: all"):
        steps(late, capsys, "--from", "2013-02-20", "--to", "2013-02-20")


@pytest.mark.parametrize(
    ("first", "last", "every", "told"),
    [
        ("yesterday", "2013-01-01", "7d", "--from is 'yesterday'"),
        ("2013-01-02", "2013-01-01", "7d", "is before --from"),
        ("2013-01-01", "2013-01-02", "0s", "at least 1"),
        ("2013-01-01", "2013-01-02", "often", "not a duration"),
        ("2013-01-01", "2014-01-01", "1h", "at most 1,000"),
    ],
)
def test_wrong_usage(first: str, last: str, every: str, told: str) -> None:
    with pytest.raises(WrongUsage, match=told):
        backfill.instants(first, last, every)


def test_the_ends_are_included() -> None:
    assert backfill.instants("2013-01-01", "2013-01-15", "7d") == [f"2013-01-{day}T00:00:00Z" for day in ("01", "08", "15")]
