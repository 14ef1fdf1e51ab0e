"""Which event a run was started by, and which runs that found the model busy it has taken up."""

from __future__ import annotations

import base64
import json

import pytest

from handlers.runs import claim
from tests.handlers.stages.test_fetch import reason
from tests.handlers.stages.world import World, month


def test_the_request_says_which_event_it_was_and_the_champion_which_one_made_it(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    event = {"model": "late", "key": "incoming/late/1.csv", "reason": "upload"}
    context = {"id": "3f0c", "source": "bucket", "type": "minio", "subject": "upload", "time": "2013-02-10T00:00:00Z"}
    given = [base64.b64encode(json.dumps(each).encode()).decode() for each in (event, context)]
    reason(world, "r1", "--event", given[0], "--context", given[1])
    assert world.request("r1")["context"] == context
    assert world.run("r1")["outcome"] == "promoted"
    assert world.champion()["event"] == {**context, "key": "incoming/late/1.csv", "reason": "upload"}


def test_a_run_names_those_that_found_the_model_busy_and_they_name_it(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    assert reason(world, "r1")[0] == "train"
    world.put("2.csv", month("2013-02-10", 10))
    assert [reason(world, name)[0] for name in ("r2", "r3")] == ["busy", "busy"]
    assert (world.request("r2")["by"], world.request("r2")["took_up"]) == ("r1", [])
    assert claim.release(world.store, "late", "r1").wanted
    assert reason(world, "r4")[0] == "train"
    assert world.request("r4")["took_up"] == ["r2", "r3"]
    assert [world.request(name)["taken_up_by"] for name in ("r2", "r3")] == ["r4", "r4"]
    world.put("3.csv", month("2013-02-20", 10))
    assert reason(world, "r5")[0] == "busy"
    claim.release(world.store, "late", "r4")
    assert reason(world, "r6")[0] == "train"
    assert world.request("r6")["took_up"] == ["r5"]


def test_who_takes_over_from_a_dead_run_takes_up_what_was_wanted_before_it_looked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    reason(world, "r1")
    world.put("2.csv", month("2013-02-10", 10))
    assert reason(world, "r2")[0] == "busy"
    monkeypatch.setattr(claim, "DEAD_AFTER_SECONDS", -1.0)
    assert reason(world, "r3")[0] == "train"
    assert (world.request("r3")["took_up"], world.request("r2")["taken_up_by"]) == (["r2"], "r3")
