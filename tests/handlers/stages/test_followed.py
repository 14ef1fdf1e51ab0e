"""An event can be followed to the champion and back, from the bucket alone."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from handlers import fetch, promote, why
from handlers.contracts import WrongUsage
from tests.handlers.stages.world import World, month

FIRST, SECOND, THIRD = (digit * 32 for digit in "abc")


def encoded(tree: Any) -> str:
    return base64.b64encode(json.dumps(tree).encode()).decode()


def upload(world: World, run: str, name: str, event: str) -> None:
    """The first steps of a run that this upload has started."""
    asked = {"model": "late", "key": f"incoming/late/{name}", "reason": "upload", "source": "bucket"}
    context = {"id": event, "source": "bucket", "subject": "upload", "type": "minio", "time": "2013-02-01T00:00:00Z"}
    given = ["--model", "late", "--spec", world.read_spec(), "--run", run]
    fetch.run(["snapshot", *given, "--event", encoded(asked), "--context", encoded(context)])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A champion, an upload that found the model busy, and the follow-up that was refused."""
    folder = tmp_path_factory.mktemp("told")
    world = World(folder / "bucket", folder / "out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_BUCKET", f"file://{folder}/bucket")
        patch.setenv("RETRAIN_CODE_DIGEST", "c0de")
        world.put("1.csv", month("2013-01-01", 40))
        upload(world, "a", "1.csv", FIRST)
        world.put("2.csv", month("2013-02-10", 20, seed=1))
        upload(world, "b", "2.csv", SECOND)
        promote.run(world.promote_arguments("", [], "b", "busy"))
        world.run("a")
        world.run("after")
        upload(world, "d", "2.csv", THIRD)
        promote.run(world.promote_arguments("", [], "d", "already-trained"))
        yield world


def text(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    why.run(list(words))
    return capsys.readouterr().out


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    return json.loads(text(capsys, *words, "-o", "json"))


def test_an_event_leads_to_the_champion(told: World, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, FIRST)
    assert (found["kind"], found["event"]["key"], found["event"]["source"]) == ("event", "incoming/late/1.csv", "bucket")
    (run,) = found["runs"]
    assert (run["run"], run["decision"], run["outcome"]) == ("a", "train", "promoted")
    assert run["snapshot"]["objects"] == 1
    assert run["parts"] == {"objects": 1, "parts": 38, "rows": 1520}
    assert {role: of["rows"] for role, of in run["dataset"]["roles"].items()} == {"train": 1040, "valid": 240, "test": 240}
    assert run["verdict"]["winner"] in [each["trial"] for each in run["trials"]]
    assert run["champion"] == {"number": 1, "trial": run["verdict"]["winner"], "run": "a", "at": run["champion"]["at"], "current": True}
    assert "champion  number 1" in text(capsys, FIRST)
    assert found["next"] == ["retrain why a"]


def test_an_event_that_found_the_model_busy_leads_to_the_run_that_took_it_up(told: World, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, SECOND[:5])
    assert [(run["run"], run["outcome"]) for run in found["runs"]] == [("b", "busy"), ("after", "refused")]
    assert found["runs"][1]["took_up"] == [{"run": "b", "event": found["runs"][0]["event"]}]
    said = text(capsys, SECOND)
    assert "another run follows it; run after took it up" in said
    assert f"run b, which found the model busy: event {SECOND}" in text(capsys, "after")


def test_an_event_that_brought_nothing_new_leads_to_the_run_that_had_trained_it(told: World, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, THIRD)
    assert [(run["run"], run["outcome"]) for run in found["runs"]] == [("d", "already-trained"), ("after", "refused")]
    assert found["runs"][0]["by"] == "after"


def test_a_run_says_what_started_it_and_the_champion_too(told: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "a")["chain"]["event"]["id"] == FIRST
    assert answer(capsys, "late")["chain"]["event"]["id"] == FIRST
    assert f"event     {FIRST}, bucket/upload at 2013-02-01T00:00:00Z: incoming/late/1.csv, upload" in text(capsys, "late")
    assert "event     none: a follow-up, or submitted by hand" in text(capsys, "after")


def test_an_object_is_found_in_runs_and_in_what_the_champion_learned(told: World, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "s3://retrain/incoming/late/1.csv")
    assert found["object"]["there"]
    assert [event["id"] for event in found["events"]] == [FIRST]
    (model,) = found["models"]
    assert [run["run"] for run in model["runs"]] == ["d", "after", "b", "a"]
    assert model["first"] == "a"
    learned = model["champion"]
    assert (learned["number"], learned["content"]) == (1, model["runs"][0]["content"])
    assert learned["roles"]["train"] == {"rows": 1040, "first": "2013-01-01", "last": "2013-01-26"}
    assert sum(part["rows"] for part in learned["parts"]) == 1520
    said = text(capsys, "incoming/late/1.csv")
    assert "champion 1 (run a) has it, as it was in the newest run: train 1,040 rows (2013-01-01 to 2013-01-26); valid 240 rows" in said
    assert "33 more parts" in said
    assert "champion 1 (run a) has not learned it" in text(capsys, "incoming/late/2.csv")


def test_a_trial_says_where_it_came_from(told: World, capsys: pytest.CaptureFixture[str]) -> None:
    trial = told.champion()["trial"]
    found = answer(capsys, trial[:9])
    assert [(run["run"], run["winner"]) for run in found["runs"]] == [("a", True)]
    assert [event["id"] for event in found["events"]] == [FIRST]
    assert found["dataset"]["digest"] == told.champion()["dataset"]
    assert found["became"]["number"] == 1
    assert "run       a (promoted), which it won" in text(capsys, trial)


@pytest.mark.parametrize("key", ["runs/late/a/verdict.json", "models/late/champion.json", "s3://retrain/runs/late/a/report.html"])
def test_what_a_run_has_written_stands_for_it(told: World, capsys: pytest.CaptureFixture[str], key: str) -> None:
    assert answer(capsys, key) == answer(capsys, "late" if key.startswith("models/") else "a")


def test_a_cloudevent_is_found_by_the_id_that_its_sender_gave(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    attributes = {"specversion": "1.0", "id": "day-42", "source": "/shop", "type": "com.example.day.closed"}
    asked = {"model": "late", "reason": "the day is closed", "source": "webhook", "cloudevent": attributes}
    context = {"id": FIRST, "source": "webhook", "subject": "retrain", "type": "webhook", "time": "2013-02-01T00:00:00Z"}
    given = ["--model", "late", "--spec", world.read_spec(), "--run", "a", "--event", encoded(asked), "--context", encoded(context)]
    fetch.run(["snapshot", *given])
    with pytest.raises(WrongUsage):
        why.run(["day"])
    for name in ("day-42", FIRST):
        found = answer(capsys, name)
        assert (found["kind"], found["event"]["id"], [run["run"] for run in found["runs"]]) == ("event", FIRST, ["a"])
    assert found["event"]["ce_id"] == "day-42"
    assert "(CloudEvent day-42 of /shop)" in text(capsys, "a")
    dropped = {"id": SECOND, "source": "webhook", "subject": "retrain", "type": "webhook", "time": "", "model": "late", "key": ""}
    journal = [{**dropped, "reason": "", "ce_id": "day-43", "became": []}]
    assert answer(capsys, "day-43", "--journal", json.dumps(journal))["event"]["id"] == SECOND


def test_the_journal_tells_what_the_bucket_cannot(told: World, capsys: pytest.CaptureFixture[str]) -> None:
    about: dict[str, Any] = {"source": "bucket", "subject": "upload", "type": "minio", "time": "t", "model": "late", "reason": "upload"}
    sensor = {"sensor": "bucket", "trigger": "upload"}
    dropped = {"id": "d" * 32, **about, "key": "incoming/x/1.csv"}
    dropped["became"] = [{**sensor, "became": "dropped", "run": "", "reason": "data: no"}]
    joined = {"id": "e" * 32, **about, "key": "incoming/late/3.csv", "became": [{**sensor, "became": "joined", "run": "a", "reason": "x"}]}
    fresh = {"id": "f" * 32, **about, "key": "incoming/late/4.csv", "became": [{**sensor, "became": "started", "run": "new", "reason": ""}]}
    journal = ["--journal", json.dumps([dropped, joined, fresh])]
    assert "sensor    bucket: dropped: data: no" in text(capsys, "dd", *journal)
    assert [run["run"] for run in answer(capsys, "ee", *journal)["runs"]] == ["a"]
    assert f"joined    {'e' * 32}, bucket/upload at t: incoming/late/3.csv, upload" in text(capsys, "a", *journal)
    assert "new has not ended; it has taken no snapshot yet" in text(capsys, "new", *journal)
    assert answer(capsys, "ff", *journal)["next"] == ["retrain get new"]


def test_what_may_be_two_things_is_answered_with_both(told: World, capsys: pytest.CaptureFixture[str]) -> None:
    trial = told.champion()["trial"]
    about: dict[str, Any] = dict.fromkeys(("source", "subject", "type", "time", "model", "key", "reason"), "x") | {"became": []}
    journal = ["--journal", json.dumps([{"id": f"{trial[:4]}{'0' * 28}", **about}])]
    with pytest.raises(WrongUsage, match=rf"may be one of 2: `retrain why {trial} --kind trial`; `retrain why {trial[:4]}0+ --kind event`"):
        why.run([trial[:4], *journal])
    assert answer(capsys, "trial", trial[:4], *journal)["kind"] == "trial"
    with pytest.raises(WrongUsage, match="no event has an id that begins with 'zz'"):
        why.run(["event", "zz"])
    with pytest.raises(WrongUsage, match=r"no object 'incoming/late/nothing\.csv' in the bucket, and no run had one"):
        why.run(["incoming/late/nothing.csv"])


def test_events_that_runs_name_are_listed(told: World, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "events")
    assert [(each["id"], each["became"][0]["run"]) for each in found["events"]] == [(THIRD, "d"), (SECOND, "b"), (FIRST, "a")]
    assert answer(capsys, "events", "--limit", "1")["more"] == 2
    assert answer(capsys, "events", "--since", "9e9")["events"] == []
    assert text(capsys, "events").splitlines()[1].split() == [THIRD, "bucket", "upload", "2013-02-01T00:00:00Z", "late", "d"]


def test_what_was_removed_is_still_known_by_the_runs_that_had_it(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.put("2.csv", month("2013-02-10", 2))
    world.run("a")
    world.store.delete("incoming/late/1.csv")
    capsys.readouterr()
    said = text(capsys, "incoming/late/1.csv")
    assert said.startswith("Object incoming/late/1.csv: not in the bucket any more.")
    assert "champion 1 (run a) has it" in said
