"""What became of each event is on disk with its acknowledgement."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from localargo.eventbus.journal import Asked, Journal
from localargo.eventbus.outcomes import READ
from tests.unit.localargo.sensors.world import NOW, RETRY, World, create, event, letter, refused, sensor, trigger

Make = Callable[..., World]
FILTERED: dict[str, Any] = {"d": {"filters": {"data": [{"path": "body.id", "type": "string", "value": ["1", "2"]}]}}}


def told(world: World, number: int) -> list[dict[str, Any]]:
    (found,) = world.bus.told(1, Asked(id=event(number).id), world.listener.subjects())
    outcomes: list[dict[str, Any]] = found["outcomes"]
    return outcomes


def brief(world: World, number: int) -> list[tuple[str, str, str]]:
    return [(each["outcome"], each["kind"], each["name"]) for each in told(world, number)]


@pytest.mark.anyio
async def test_an_event_made_a_workflow_or_found_its_name_or_did_not_pass(make: Make) -> None:
    world = make(sensor(**FILTERED))
    await world.told(event(1), event(2, {"id": "1"}), event(3))
    assert brief(world, 1) == [("created", "Workflow", "w-1")]
    assert brief(world, 2) == [("exists", "Workflow", "w-1")]
    assert brief(world, 3) == [("rejected", "", "")]
    (rejected,) = told(world, 3)
    assert (rejected["sensor"], rejected["trigger"], rejected["dependency"]) == ("s", "t", "d")
    assert rejected["reason"].startswith("data: ")
    assert "already exists" in told(world, 2)[0]["reason"]
    assert [e.event.id for e in world.bus.latest(9, Asked(name="w-1"))] == [event(2).id, event(1).id]


@pytest.mark.anyio
async def test_a_name_that_is_made_is_told(make: Make) -> None:
    world = make(sensor(trigger(action={"k8s": create("made-")})))
    await world.told(event(1))
    assert brief(world, 1) == [("created", "Workflow", world.shelf.names()[0])]


@pytest.mark.anyio
async def test_an_event_that_waits_is_told_what_it_made_with_the_other(make: Make) -> None:
    both = create("both-")
    both["parameters"] = []
    world = make(sensor(trigger("and", "a && b", {"k8s": both}), dependencies={"a": "a", "b": "b"}))
    await world.told(event(1, subject="a"))
    assert brief(world, 1) == [("waits", "", "")]
    await world.told(event(2, subject="b"))
    (name,) = world.shelf.names()
    assert brief(world, 1) == brief(world, 2) == [("created", "Workflow", name)]


@pytest.mark.anyio
async def test_a_failed_action_says_why_and_a_dead_letter_what_it_made(make: Make) -> None:
    world = make(sensor(trigger(action=refused())))
    await world.told(event(1, {"name": "Not A Name!", "id": "1"}))
    assert told(world, 1)[0]["outcome"] == "failed"
    assert "Invalid value" in told(world, 1)[0]["reason"]
    saved = make(
        {**sensor(trigger(action=refused(), atLeastOnce=True, retryStrategy=RETRY, dlqTrigger=letter())), "metadata": {"name": "u"}}
    )
    await saved.told(event(2, {"name": "Not A Name!", "id": "2"}))
    (dead,) = [each for each in told(saved, 2) if each["sensor"] == "u"]
    assert (dead["outcome"], dead["name"][:4]) == ("created", "dlq-")


@pytest.mark.anyio
async def test_what_no_trigger_has_read_is_not_told_as_done(make: Make) -> None:
    world = make(sensor())
    subjects = world.listener.subjects()
    await world.listener.close()
    await world.bus.publish(event(1))
    (found,) = world.bus.told(9, Asked(), subjects)
    assert [(each["trigger"], each["outcome"]) for each in found["outcomes"]] == [("t", "not yet")]
    (nobody,) = world.bus.told(9, Asked(), {})
    assert nobody["outcomes"] == []


@pytest.mark.anyio
async def test_outcomes_go_with_their_event(make: Make, db: sqlite3.Connection) -> None:
    world = make(sensor())
    await world.told(event(1))
    world.bus.retention = world.bus.retention.__class__(messages=1)
    await world.told(event(2))
    assert [e.event.id for e in world.bus.latest(9)] == [event(2).id]
    assert db.execute(READ, (1,)).fetchall() == []
    assert db.execute("SELECT count(*) FROM outcome").fetchone() == (1,)


@pytest.mark.anyio
async def test_events_are_found_by_time_place_id_and_data(db: sqlite3.Connection) -> None:
    now = [NOW]
    bus = Journal(db, lambda: now[0])
    for number in (1, 2, 3):
        now[0] = NOW + number
        await bus.publish(event(number))

    def ids(**asked: Any) -> list[int]:
        return [int(entry.event.id, 16) for entry in bus.latest(9, Asked(**asked))]

    assert ids() == [3, 2, 1]
    assert ids(before=event(3).id) == [2, 1]
    assert ids(before="nobody") == []
    assert ids(id=event(2).id[:31]) == [3, 2, 1]
    assert ids(id=event(2).id) == [2]
    assert ids(contains='"id": "3"') == [3]
    assert ids(since=NOW + 2) == [3, 2]
