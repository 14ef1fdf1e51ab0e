"""The listener: every event reaches every trigger once, whatever happens in between."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from localargo.eventbus.journal import Journal
from tests.unit.localargo.sensors.world import NOW, RETRY, World, create, event, letter, refused, sensor, trigger
from tests.waiting import until

Make = Callable[..., World]


@pytest.mark.anyio
async def test_every_event_acts_once_in_order_and_is_labelled(make: Make) -> None:
    world = make(sensor())
    await world.told(*(event(n) for n in range(20)))
    assert world.shelf.names() == [f"w-{n}" for n in range(20)]
    assert world.shelf.get("Workflow", "w-0")["metadata"]["labels"] == {
        "events.argoproj.io/sensor": "s",
        "events.argoproj.io/trigger": "t",
        "events.argoproj.io/action-timestamp": "1760000000000",
    }


@pytest.mark.anyio
async def test_a_name_that_exists_is_refused_acknowledged_and_told(make: Make) -> None:
    world = make(sensor())
    await world.told(event(1), event(2, {"id": "1"}))
    assert world.shelf.names() == ["w-1"]
    assert "already exists" in world.error()
    await world.told(event(3))
    assert world.error() == ""


@pytest.mark.anyio
@pytest.mark.parametrize("body", [{}, {"id": "Not A Name"}, {"id": "../../etc"}, {"id": "{{workflow.name}}"}, [1], 5])
async def test_an_event_that_cannot_be_acted_on_stops_nobody(make: Make, body: Any) -> None:
    world = make(sensor())
    await world.told(event(1, body), event(2))
    assert world.shelf.names() == ["w-2"]


@pytest.mark.anyio
async def test_with_and_the_latest_of_each_waits(make: Make) -> None:
    both = create("both-")
    both["parameters"] = [
        {"src": {"dependencyName": name, "dataKey": "body.id"}, "dest": f"metadata.annotations.{name}"} for name in ("a", "b")
    ]
    world = make(sensor(trigger("and", "a && b", {"k8s": both}), dependencies={"a": "a", "b": "b"}))
    for number, subject in ((1, "a"), (2, "a"), (3, "b"), (4, "b"), (5, "a")):
        await world.told(event(number, subject=subject))
    found = [(d["metadata"]["annotations"]["a"], d["metadata"]["annotations"]["b"]) for d in world.shelf.list("Workflow")]
    assert found == [("2", "3"), ("5", "4")]


@pytest.mark.anyio
async def test_the_slots_are_cleared_though_the_action_fails(make: Make, db: sqlite3.Connection) -> None:
    failing = create(operation="nonsense")
    failing["parameters"] = []
    world = make(sensor(trigger("and", "a && b", {"k8s": failing}), dependencies={"a": "a", "b": "b"}))
    await world.told(event(1, subject="a"), event(2, subject="b"))
    assert "nonsense" in world.error("and")
    assert world.bus.slots("s", "and") == {}


@pytest.mark.anyio
async def test_two_dependencies_on_one_event_both_act(make: Make) -> None:
    actions = {name: {"k8s": create(f"{name}-")} for name in ("x",)}
    actions["x"]["k8s"]["parameters"] = []
    world = make(sensor(trigger("or", "d || also", actions["x"]), dependencies={"d": "hook", "also": "hook"}))
    await world.told(event(1))
    assert len(world.shelf.names()) == 2


@pytest.mark.anyio
async def test_a_new_trigger_sees_what_is_new(make: Make, db: sqlite3.Connection) -> None:
    await Journal(db, lambda: NOW).publish(event(1))
    world = make(sensor())
    await world.told(event(2))
    assert world.shelf.names() == ["w-2"]


@pytest.mark.anyio
async def test_what_waits_when_the_engine_ends_is_done_by_the_next(make: Make, db: sqlite3.Connection) -> None:
    world = make(sensor())
    await world.listener.close()
    await world.bus.publish(event(1))
    again = make(sensor())
    await again.drained()
    assert again.shelf.names() == ["w-1"]


@pytest.mark.anyio
async def test_at_least_once_tries_again_and_then_writes_the_dead_letter(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    world = make(sensor(trigger(action=refused(), atLeastOnce=True, retryStrategy=RETRY, dlqTrigger=letter())))
    with caplog.at_level("ERROR", "localargo"):
        await world.told(event(1, {"name": "Not A Name!", "id": "1"}), event(2, {"name": "good", "id": "2"}))
    assert sum("Invalid value" in r.message for r in caplog.records) == 3
    names = world.shelf.names()
    assert names[0].startswith("dlq-")
    assert names[1:] == ["good"]


@pytest.mark.anyio
async def test_without_at_least_once_there_is_neither_retry_nor_dead_letter(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    world = make(sensor(trigger(action=refused(), retryStrategy=RETRY, dlqTrigger=letter())))
    with caplog.at_level("ERROR", "localargo"):
        await world.told(event(1, {"name": "Not A Name!", "id": "1"}))
    assert sum("Invalid value" in r.message for r in caplog.records) == 1
    assert world.shelf.names() == []


@pytest.mark.anyio
async def test_a_factor_written_as_text_sends_every_event_to_the_dead_letter(make: Make) -> None:
    world = make(sensor(trigger(atLeastOnce=True, retryStrategy={**RETRY, "factor": "1"}, dlqTrigger=letter())))
    await world.told(event(1))
    (name,) = world.shelf.names()
    assert name.startswith("dlq-")


@pytest.mark.anyio
async def test_a_dead_letter_that_fails_too_is_the_end_of_it(make: Make) -> None:
    world = make(
        sensor(
            trigger(
                action=refused(),
                atLeastOnce=True,
                dlqTrigger=letter(parameters=[{"src": {"dependencyName": "d", "dataKey": "x"}, "dest": "name"}]),
            )
        )
    )
    await world.told(event(1, {"name": "Bad One"}), event(2, {"name": "good"}))
    assert world.shelf.names() == ["good"]


@pytest.mark.anyio
async def test_filters_and_transforms_come_first(make: Make) -> None:
    data = {"path": "body.id", "type": "string", "value": ["^[13]$"]}
    more: Any = {"d": {"filters": {"data": [data]}, "transform": {"jq": "{body: .body}"}}}
    world = make(sensor(**more))
    await world.told(*(event(n) for n in range(5)), event(9, [1]))
    assert world.shelf.names() == ["w-1", "w-3"]


@pytest.mark.anyio
async def test_a_rate_delays_and_drops_nothing(make: Make) -> None:
    world = make(sensor(trigger(rateLimit={"unit": "Second", "requestsPerUnit": 100})))
    await world.told(*(event(n) for n in range(5)))
    assert len(world.shelf.names()) == 5


@pytest.mark.anyio
async def test_a_reset_forgets_what_waits(make: Make, db: sqlite3.Connection) -> None:
    waiting = trigger("and", "a && b", {"k8s": create("x-")})
    waiting["template"]["conditionsReset"] = [{"byTime": {"cron": "0 0 * * *", "timezone": "UTC"}}]
    document = sensor(waiting, dependencies={"a": "a", "b": "b"})
    world = make(document)
    await world.told(event(1, subject="a"))
    assert set(world.bus.slots("s", "and")) == {"a"}
    await world.listener.close()
    db.execute("UPDATE slot SET at = ?", (NOW - 2 * 86400,))
    again = make(document)
    assert again.bus.slots("s", "and") == {}


@pytest.mark.anyio
async def test_a_journal_that_cannot_be_written_is_tried_again(
    make: Make, db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("localargo.sensors.listen.RETRY_SECONDS", 0.01)
    world = make(sensor())
    db.execute("CREATE TRIGGER broken BEFORE UPDATE ON cursor BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    await world.bus.publish(event(1))
    await until(lambda: "the journal cannot be written" in caplog.text)
    assert world.shelf.names() == []  # the effect does not stand without its acknowledgement
    db.execute("DROP TRIGGER broken")
    await world.drained()
    assert world.shelf.names() == ["w-1"]


@pytest.mark.anyio
async def test_a_sensor_that_was_changed_while_an_event_was_half_done_goes_on(make: Make) -> None:
    two = trigger("or", "d || also", {"k8s": {**create("x-"), "parameters": []}})
    world = make(sensor(two, dependencies={"d": "hook", "also": "hook"}))
    await world.listener.close()
    await world.bus.publish(event(1))
    world.bus.acknowledge_part("s", "or", world.bus.latest(1)[0].seq, "d")
    again = make(sensor(two, dependencies={"also": "hook", "d": "hook"}))
    await again.drained()
    assert len(again.shelf.names()) == 1


@pytest.mark.anyio
async def test_what_has_no_effect_is_acknowledged_with_its_batch(make: Make) -> None:
    world = make(sensor(d={"filters": {"data": [{"path": "body.id", "type": "string", "value": ["^never$"]}]}}))
    await world.told(*(event(n) for n in range(250)))
    assert world.shelf.names() == []
