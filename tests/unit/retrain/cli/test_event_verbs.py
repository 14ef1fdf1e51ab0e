import json
import sqlite3
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from retrain.client.connect import bucket_of
from tests.unit.retrain.cli.driver import Engine, call
from tests.waiting import wait_until


def test_sources_in_every_shape(engine: Engine) -> None:
    table = engine.ok("sources").splitlines()
    assert table[0].split() == ["SOURCE", "EVENT", "TYPE", "STATE", "WHERE"]
    told = {s["source"]: s for s in engine.json("sources")}
    assert told["clock"]["type"] == "calendar"
    assert told["hook"]["where"].startswith("http://127.0.0.1:")
    assert [s["source"] for s in yaml.safe_load(engine.ok("sources", "-o", "yaml"))] == ["clock", "hook"]


def test_a_source_is_paused_and_resumed(engine: Engine) -> None:
    assert engine.ok("sources", "pause", "clock") == "source clock paused\n"
    assert {s["source"]: s["state"] for s in engine.json("sources")}["clock"] == "paused"
    assert engine.ok("sources", "resume", "clock") == "source clock resumed\n"
    assert {s["source"]: s["state"] for s in engine.json("sources")}["clock"] == "running"
    for name in ("nobody", "clock/yearly", "a b?c"):
        refused = engine.call("sources", "pause", name)
        assert refused.exit_code == 1
        assert refused.stderr.endswith(": `retrain sources` shows the sources there are\n")


def test_a_tick_is_an_event_of_the_journal(engine: Engine) -> None:
    told = engine.ok("tick", "clock/yearly").split()
    assert (told[0], *told[2:]) == ("event", "of", "clock/yearly")
    event = engine.json("events", "get", told[1])
    assert (event["source"], event["subject"]) == ("clock", "yearly")
    assert yaml.safe_load(engine.ok("events", "get", told[1], "-o", "yaml")) == event
    assert told[1][:12] in engine.ok("events")
    assert told[1] in engine.ok("events", "-o", "wide")
    assert len(engine.json("events", "--limit", "1")["events"]) == 1
    assert engine.ok("tick", "yearly").split()[3] == "clock/yearly"


@pytest.mark.parametrize("event", ["nothing", "clock/nothing", "nobody/yearly", "hook/said"])
def test_a_tick_of_what_is_no_calendar_event_names_those_there_are(engine: Engine, event: str) -> None:
    refused = engine.call("tick", event)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.endswith("; there are clock/yearly\n")


def test_an_event_is_found_by_the_beginning_of_its_id_and_one_that_is_not_there_is_named(engine: Engine) -> None:
    number = engine.ok("tick", "clock/yearly").split()[1]
    assert engine.json("events", "get", number[:12])["id"] == number
    refused = engine.call("events", "get", "nothing")
    assert (refused.exit_code, refused.stderr) == (1, "retrain: no event nothing: `retrain events` shows the events there are\n")
    for limit in ("0", "-1", "10001", "x"):
        assert engine.call("events", "--limit", limit).exit_code == 2


def test_what_a_webhook_takes_starts_a_workflow_and_can_be_replayed(engine: Engine) -> None:
    where = {s["source"]: s for s in engine.json("sources")}["hook"]["where"]
    body = json.dumps({"message": "from afar"}).encode()
    request = urllib.request.Request(where, body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert answer.status == 200
    wait_until(lambda: engine.ok("list", "-l", "heard=yes", "-o", "name"))
    names = engine.ok("list", "-l", "heard=yes", "-o", "name").split()
    engine.until(names[0], lambda w: (w.get("status") or {}).get("phase") == "Succeeded")
    assert engine.ok("logs", names[0]) == "from afar\n"
    assert "ear     say" in engine.ok("events")
    wide = engine.ok("events", "-o", "wide").splitlines()
    assert wide[0].split() == ["ID", "SOURCE", "EVENT", "TIME", "ABOUT", "TYPE", "DATA", "BECAME"]
    (row,) = [line for line in wide if " hook " in line]
    assert '  webhook   {"' in row
    assert "from afar" in row or "…" in row
    (told,) = [each for each in engine.json("events")["events"] if each["source"] == "hook"]
    became = {"sensor": "ear", "trigger": "say", "became": "started", "run": names[0], "reason": ""}
    assert told["became"] == [became]
    assert f"started {names[0]}" in row


def test_events_are_chosen_by_model_and_time(engine: Engine) -> None:
    number = engine.ok("tick", "clock/yearly").split()[1]
    assert engine.json("events", "--since", "5m")["events"][0]["id"] == number
    for since in ("2013-01-31T06:00:00Z", "2013-01-31", "9d"):
        assert engine.json("events", "--since", since)["events"]
    assert engine.json("events", "--since", "2999-01-31")["events"] == []
    assert engine.json("events")["journal"] is True
    none = engine.call("events", "--model", "nobody")
    assert (none.exit_code, none.stderr) == (0, "no events that match: `retrain events` without --model and --since shows all\n")
    assert "no Sensor listens to it" in engine.ok("events")
    refused = engine.call("events", "--since", "yesterday")
    assert refused.exit_code == 2
    assert "'yesterday' is neither a duration such as 30s, 15m, 2h or 7d nor a time such as" in refused.stderr


def test_put_without_a_bucket_says_what_makes_one(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a\n", encoding="utf-8")
    refused = engine.call("put", str(file), "--model", "m")
    assert refused.exit_code == 1
    assert "no bucket in" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["FILE"], "give either --model or --key"),
        (["FILE", "--model", "m", "--key", "k"], "give either --model or --key"),
        (["FILE", "FILE", "--key", "k"], "--key names one object"),
        (["FILE", "FILE", "--model", "m"], "two of the files are called a.csv"),
        (["FILE", "--key", "k", "--batch", "b"], "give --batch with --model"),
        (["FILE", "--model", "m", "--batch", "../b"], "'../b' has an empty part"),
        (["FILE", "--key", "a//b"], "'a//b' has an empty part"),
        (["FILE", "--key", "incoming/../b"], "has an empty part, `.` or `..`"),
        (["missing", "--model", "m"], "'missing' does not exist"),
        ([".", "--model", "m"], "is a directory"),
    ],
)
def test_wrong_usage_of_put_ends_with_2(engine: Engine, tmp_path: Path, arguments: list[str], told: str) -> None:
    (tmp_path / "a.csv").touch()
    refused = engine.call("put", *(str(tmp_path / "a.csv") if a == "FILE" else a for a in arguments))
    assert refused.exit_code == 2
    assert told in refused.stderr


@pytest.mark.slow
def test_what_is_put_lies_in_the_bucket_and_is_an_event(bucketed: Engine, tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("a\n1\n", encoding="utf-8")
    two.write_text("a\n22\n", encoding="utf-8")
    told = bucketed.ok("put", str(one), str(two), "--model", "fine").splitlines()
    assert told == [
        f"{one} -> s3://retrain/incoming/fine/one.csv (4 bytes)",
        f"{two} -> s3://retrain/incoming/fine/two.csv (5 bytes)",
    ]
    assert bucketed.ok("put", str(two), "--key", "batches/fine/1/two.csv").startswith(f"{two} -> s3://retrain/batches/fine/1/two.csv ")
    bucket = bucket_of(bucketed.state)
    for key, file in (("incoming/fine/one.csv", one), ("incoming/fine/two.csv", two), ("batches/fine/1/two.csv", two)):
        bucket.download(key, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == file.read_bytes()
    wait_until(lambda: len(bucketed.json("events")["events"]) >= 2)
    assert [(e["source"], e["subject"]) for e in bucketed.json("events")["events"]] == [("drop", "put"), ("drop", "put")]


@pytest.mark.slow
def test_a_batch_is_put_whole_and_ended_by_its_marker(bucketed: Engine, tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("a\n", encoding="utf-8")
    files = [str(tmp_path / "one.csv"), str(tmp_path / "two.csv")]
    told = bucketed.ok("put", *files, "--model", "visits", "--batch", "w14").splitlines()
    keys = [f"s3://retrain/batches/visits/eu/w14/{name}" for name in ("one.csv", "two.csv", "_READY")]
    assert [line.split(" -> ")[1].split()[0].rstrip(":") for line in told] == keys
    for name in ("one.csv", "two.csv", "_READY"):
        assert bucket_of(bucketed.state).exists(f"batches/visits/eu/w14/{name}")
    refused = bucketed.call("put", files[0], "--model", "visits")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "the data of visits land in batches (batches/visits/eu/): name this one by --batch NAME" in refused.stderr
    assert "leave out --batch" in bucketed.call("put", files[0], "--model", "moved", "--batch", "b").stderr


@pytest.mark.slow
def test_what_is_put_for_a_model_lands_where_its_spec_says(bucketed: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    assert " -> s3://retrain/incoming/elsewhere/a.csv " in bucketed.ok("put", str(tmp_path / "a.csv"), "--model", "moved")


@pytest.mark.slow
def test_what_is_put_where_it_starts_nothing_is_warned_of(bucketed: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    for key, told in (
        ("incoming/fine/a.csv", ""),
        ("batches/fine/1/_READY", ""),
        ("batches/fine/1/a.csv", "put an empty batches/fine/1/_READY last"),
        ("incoming/Keys/a.csv", "no Sensor takes 'incoming/Keys/a.csv'"),
        ("incoming/fien/a.csv", "there is no model 'fien'"),
    ):
        done = bucketed.call("put", str(tmp_path / "a.csv"), "--key", key)
        assert done.exit_code == 0, done.output
        assert told in done.stderr if told else not done.stderr


@pytest.mark.slow
def test_put_for_a_model_that_is_not_known_names_those_that_are(bucketed: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    for model in ("fien", "../fine", ""):
        refused = bucketed.call("put", str(tmp_path / "a.csv"), "--model", model)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert f"there is no model {model!r}; there are: fine, moved, other, visits." in refused.stderr


def test_posts_at_the_same_instant_are_a_workflow_each(engine: Engine) -> None:
    hook = next(each["where"] for each in engine.json("sources") if each["source"] == "hook")

    def post(number: int) -> int:
        body = json.dumps({"message": f"burst {number}"}).encode()
        with urllib.request.urlopen(urllib.request.Request(hook, body, {"Content-Type": "application/json"}), timeout=120) as answer:
            return int(answer.status)

    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(post, range(30))) == [200] * 30
    heard: list[str] = []

    def all_there() -> bool:
        made = engine.json("list", "-l", "heard=yes")["items"]
        words = (w["spec"]["arguments"]["parameters"][0]["value"] for w in made)
        heard[:] = [word for word in words if word.startswith("burst ")]
        return len(heard) >= 30

    wait_until(all_there)
    assert sorted(heard) == sorted(f"burst {number}" for number in range(30))


def test_events_of_an_engine_that_has_ended_are_read_from_its_journal(engine: Engine, tmp_path: Path) -> None:
    number = engine.ok("tick", "clock/yearly").split()[1]
    running = engine.json("events")["events"]
    with closing(sqlite3.connect(engine.state / "engine.db")) as there, closing(sqlite3.connect(tmp_path / "engine.db")) as copy:
        there.backup(copy)
    ended = call("events", "--state", str(tmp_path), "-o", "json")
    assert ended.exit_code == 0, ended.output
    found = json.loads(ended.stdout)
    assert found["journal"] is True
    assert "these are the events of its journal" in found["note"]
    same = [each | {"became": []} for each in running]
    assert [each | {"became": []} for each in found["events"]] == same
    (ticked,) = [each for each in found["events"] if each["id"] == number]
    assert [became["became"] for became in ticked["became"]] == ["not read yet, or no Sensor listens to it"]
    table = call("events", "--state", str(tmp_path))
    assert "not read yet, or no Sensor listens to it" in table.stdout
    got = call("events", "get", number[:12], "--state", str(tmp_path), "-o", "json")
    assert json.loads(got.stdout) == engine.json("events", "get", number)


def test_a_folder_that_no_engine_has_used_has_no_events(tmp_path: Path) -> None:
    refused = call("events", "--state", str(tmp_path))
    assert refused.exit_code != 0
    assert "Traceback" not in refused.output
