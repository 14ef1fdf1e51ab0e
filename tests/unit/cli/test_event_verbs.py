import json
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.driver import Engine


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
    assert engine.call("sources", "pause", "nobody").exit_code == 1


def test_a_tick_is_an_event_of_the_journal(engine: Engine) -> None:
    told = engine.ok("tick", "clock/yearly").split()
    assert told[0::2] == ["event", "of"] or told[3] == "clock/yearly"
    event = engine.json("events", "get", told[1])
    assert (event["source"], event["subject"]) == ("clock", "yearly")
    assert yaml.safe_load(engine.ok("events", "get", told[1], "-o", "yaml")) == event
    assert told[1] in engine.ok("events")
    assert len(engine.json("events", "--limit", "1")["events"]) == 1
    assert engine.call("tick", "nothing").exit_code in (1, 2)
    assert engine.call("events", "get", "nothing").exit_code == 1


def test_what_a_webhook_takes_starts_a_workflow_and_can_be_replayed(engine: Engine) -> None:
    where = {s["source"]: s for s in engine.json("sources")}["hook"]["where"]
    body = json.dumps({"message": "from afar"}).encode()
    request = urllib.request.Request(where, body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    deadline = time.monotonic() + 20
    while not (names := engine.ok("list", "-l", "heard=yes", "-o", "name").split()) and time.monotonic() < deadline:
        time.sleep(0.1)
    engine.until(names[0], lambda w: (w.get("status") or {}).get("phase") == "Succeeded")
    assert engine.ok("logs", names[0]) == "from afar\n"
    assert "ear     say" in engine.ok("events")


def test_put_without_a_bucket_says_what_makes_one(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a\n", encoding="utf-8")
    refused = engine.call("put", str(file), "--model", "m")
    assert refused.exit_code == 1
    assert "no bucket in" in refused.stderr


@pytest.mark.parametrize("arguments", [["FILE"], ["FILE", "FILE", "--model", "m", "--key", "k"], ["missing", "--model", "m"]])
def test_wrong_usage_of_put_ends_with_2(engine: Engine, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "a.csv").touch()
    assert engine.call("put", *(str(tmp_path / "a.csv") if a == "FILE" else a for a in arguments)).exit_code == 2
