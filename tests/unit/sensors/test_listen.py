"""The listener: every event reaches every trigger once, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retrain.eventbus.journal import Journal
from retrain.ports import Event
from retrain.sensors.listen import SensorListener
from retrain.sensors.triggers import Actor
from retrain.store import open_store

NOW = 1_760_000_000.0


def event(number: int, body: Any = None, subject: str = "hook") -> Event:
    data = json.dumps({"body": {"id": str(number)} if body is None else body}).encode()
    return Event(f"{number:032x}", "e", subject, "webhook", "2026-11-22T10:00:00Z", data)


def create(name: str = "", operation: str = "create", **more: Any) -> dict[str, Any]:
    """A k8s trigger whose Workflow is named by the event, or gets a name that is made for it."""
    metadata = {"name": "w-"} if not name else {"generateName": name}
    dest = "metadata.name" if not name else "metadata.annotations.id"
    parameter = {"src": {"dependencyName": "d", "dataKey": "body.id"}, "dest": dest, "operation": "append"}
    resource = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": {}}
    return {"operation": operation, "source": {"resource": resource}, "parameters": [parameter], **more}


def trigger(name: str = "t", conditions: str = "", action: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    template: dict[str, Any] = {"name": name, **({"conditions": conditions} if conditions else {}), **(action or {"k8s": create()})}
    return {"template": template, **more}


def sensor(*triggers: dict[str, Any], dependencies: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    bound = dependencies or {"d": "hook"}
    return {
        "kind": "Sensor",
        "metadata": {"name": "s"},
        "spec": {
            "dependencies": [{"name": n, "eventSourceName": "e", "eventName": s, **more.get(n, {})} for n, s in bound.items()],
            "triggers": list(triggers or (trigger(),)),
        },
    }


class World:
    def __init__(self, db: sqlite3.Connection, shelf: Any, document: dict[str, Any], allowed: tuple[str, ...] = ()) -> None:
        self.bus = Journal(db, lambda: NOW)
        self.shelf = shelf
        self.listener = SensorListener(db, self.bus, Actor(shelf, shelf, allowed), lambda: NOW)
        self.listener.open([document])

    async def told(self, *events: Event) -> None:
        """Publish, and wait until nothing waits any more."""
        await asyncio.gather(*(self.bus.publish(e) for e in events))
        await self.drained()

    async def drained(self) -> None:
        for _ in range(1000):
            if not any(row["lag"] for row in self.bus.lag(self.listener.subjects())):
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"events are left: {self.bus.lag(self.listener.subjects())}")

    def error(self, name: str = "t") -> str:
        (row,) = [row for row in self.bus.lag({}) if row["trigger"] == name]
        return str(row["error"])


Make = Callable[..., World]


@pytest.fixture
async def make(db: sqlite3.Connection, shelf: Any) -> Any:
    made: list[World] = []

    def build(document: dict[str, Any], allowed: tuple[str, ...] = ()) -> World:
        made.append(World(db, shelf, document, allowed))
        return made[-1]

    yield build
    for world in made:
        await world.listener.close()


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
async def test_update_and_patch_change_what_is_there_without_labels(make: Make) -> None:
    world = make(
        sensor(
            trigger("u", action={"k8s": create(operation="update")}),
            trigger(
                "p", action={"k8s": {**create(operation="patch"), "source": {"inline": "kind: Workflow\nmetadata: {name: p-}\nspec: {}\n"}}}
            ),
        )
    )
    await world.told(event(1), event(2, {"id": "1"}))
    assert sorted(world.shelf.names()) == ["p-1", "w-1"]
    assert "labels" not in world.shelf.get("Workflow", "w-1")["metadata"]
    assert (world.error("u"), world.error("p")) == ("", "")


@pytest.mark.anyio
async def test_delete_of_what_is_gone_is_no_error(make: Make) -> None:
    world = make(
        sensor(trigger("c"), trigger("x", "gone", action={"k8s": create(operation="delete")}), dependencies={"d": "hook", "gone": "gone"})
    )
    await world.told(event(1))
    assert world.error("x") == ""


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


RETRY = {"steps": 3, "duration": "1ms", "factor": 1, "jitter": 0}


def refused() -> dict[str, Any]:
    return {"k8s": {**create(), "parameters": [{"src": {"dependencyName": "d", "dataKey": "body.name"}, "dest": "metadata.name"}]}}


def letter(**more: Any) -> dict[str, Any]:
    return trigger("dlq", action={"k8s": create("dlq-")}, atLeastOnce=True, **more)


@pytest.mark.anyio
async def test_at_least_once_tries_again_and_then_writes_the_dead_letter(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    world = make(sensor(trigger(action=refused(), atLeastOnce=True, retryStrategy=RETRY, dlqTrigger=letter())))
    with caplog.at_level("ERROR", "retrain"):
        await world.told(event(1, {"name": "Not A Name!", "id": "1"}), event(2, {"name": "good", "id": "2"}))
    assert sum("Invalid value" in r.message for r in caplog.records) == 3
    names = world.shelf.names()
    assert names[0].startswith("dlq-")
    assert names[1:] == ["good"]


@pytest.mark.anyio
async def test_without_at_least_once_there_is_neither_retry_nor_dead_letter(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    world = make(sensor(trigger(action=refused(), retryStrategy=RETRY, dlqTrigger=letter())))
    with caplog.at_level("ERROR", "retrain"):
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
    more = {"d": {"filters": {"data": [{"path": "body.id", "type": "string", "value": ["^[13]$"]}]}, "transform": {"jq": "{body: .body}"}}}
    world = make(sensor(**more))
    await world.told(*(event(n) for n in range(5)), event(9, [1]))
    assert world.shelf.names() == ["w-1", "w-3"]


@pytest.mark.anyio
async def test_a_rate_delays_and_drops_nothing(make: Make) -> None:
    world = make(sensor(trigger(rateLimit={"unit": "Second", "requestsPerUnit": 100})))
    await world.told(*(event(n) for n in range(5)))
    assert len(world.shelf.names()) == 5


@pytest.mark.anyio
async def test_argo_operations_and_their_options(make: Make) -> None:
    def argo(operation: str, kind: str = "Workflow", **more: Any) -> dict[str, Any]:
        resource = {"kind": kind, "metadata": {"name": "target"}, "spec": {"arguments": {"parameters": [{"name": "a", "value": "0"}]}}}
        return {"argoWorkflow": {"operation": operation, "source": {"resource": resource}, **more}}

    stop = argo("stop", args=["--message", "enough", "--node-field-selector=displayName=x"])
    retry = argo("retry", args=["--restart-successful", "-p", "a=b"])
    submit = argo("submit", args=["-p", "a=1", "-p", "b=2", "--name", "given", "-l", "x=y", "--priority", "5", "--entrypoint=go"])
    from_template = argo("submit-from", "WorkflowTemplate")
    wrong = argo("resume", args=["--force"])
    named = {"stop": stop, "retry": retry, "submit": submit, "from": from_template, "wrong": wrong}
    world = make(sensor(*(trigger(name, "d", action) for name, action in named.items())))
    await world.told(event(1))
    assert sorted(world.shelf.operated) == [
        ("retry", "target", {"restartSuccessful": True, "parameters": ["a=b"]}),
        ("stop", "target", {"message": "enough", "nodeFieldSelector": "displayName=x"}),
    ]
    given = world.shelf.get("Workflow", "given")
    assert given["spec"] == {
        "arguments": {"parameters": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]},
        "priority": 5,
        "entrypoint": "go",
    }
    assert given["metadata"]["labels"]["x"] == "y"
    assert given["metadata"]["labels"]["events.argoproj.io/trigger"] == "submit"
    (other,) = [d for d in world.shelf.list("Workflow") if d["metadata"]["name"] != "given"]
    assert other["spec"]["workflowTemplateRef"] == {"name": "target"}
    assert other["metadata"]["generateName"] == "target-"
    assert "'--force' is not taken" in world.error("wrong")


async def serve(answers: list[bytes]) -> tuple[asyncio.Server, int, list[bytes]]:
    """A server that answers each request with the next of these."""
    asked: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        asked.append(head + (await reader.readexactly(length[0]) if length else b""))
        writer.write(answers.pop(0) + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1], asked


@pytest.mark.anyio
async def test_a_request_has_its_payload_headers_and_credentials(make: Make, shelf: Any) -> None:
    server, port, asked = await serve([b"HTTP/1.1 200 OK", b"HTTP/1.1 500 No"])
    shelf.apply({"kind": "Secret", "metadata": {"name": "c"}, "data": {"u": "bWU=", "p": "cHc=", "t": "dG9rZW4="}})
    shelf.apply({"kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "v"}})

    def key(name: str) -> dict[str, str]:
        return {"name": "c", "key": name}

    http = {
        "url": f"http://127.0.0.1:{port}/x?y=1",
        "method": "PUT",
        "headers": {"X-Plain": "1"},
        "secureHeaders": [
            {"name": "X-Secret", "valueFrom": {"secretKeyRef": key("t")}},
            {"name": "X-Map", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
        ],
        "dynamicHeaders": [{"src": {"dependencyName": "d", "dataKey": "body.id"}, "dest": "X-Id"}],
        "basicAuth": {"username": key("u"), "password": key("p")},
        "payload": [{"src": {"dependencyName": "d", "dataKey": "body.id"}, "dest": "a.id"}],
        "timeout": 5,
    }
    world = make(sensor(trigger(action={"http": http})))
    await world.told(event(1), event(2))
    head = asked[0].decode()
    assert head.startswith("PUT /x?y=1 HTTP/1.1")
    for line in ("x-plain: 1", "x-secret: token", "x-map: v", "x-id: 1", "authorization: basic bwu6chc="):
        assert line in head.lower()
    assert head.endswith('{"a":{"id":"1"}}')
    assert world.error() == ""  # any answer is success for Argo while there is no policy
    server.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://169.254.169.254/latest",
        "http://127.0.0.1.example.com/",
        "file:///etc/passwd",
        "http://[::ffff:10.0.0.1]/",
    ],
)
async def test_no_request_leaves_this_machine_unless_it_is_allowed(make: Make, url: str) -> None:
    world = make(sensor(trigger(action={"http": {"url": url, "payload": []}})))
    await world.told(event(1))
    assert "http.url" in world.error()


@pytest.mark.anyio
async def test_a_request_to_nobody_is_tried_again(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    server, port, _ = await serve([])
    server.close()
    await server.wait_closed()
    world = make(
        sensor(trigger(action={"http": {"url": f"http://localhost:{port}/", "payload": []}}, atLeastOnce=True, retryStrategy=RETRY))
    )
    with caplog.at_level("ERROR", "retrain"):
        await world.told(event(1))
    assert sum("http.url" in r.message for r in caplog.records) == 3


@pytest.mark.anyio
async def test_a_log_trigger_logs_but_not_too_often(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    world = make(sensor(trigger("often", action={"log": {}}), trigger("seldom", action={"log": {"intervalSeconds": 3600}})))
    with caplog.at_level("INFO", "retrain"):
        await world.told(event(1), event(2, {"id": "two\nlines"}))
    lines = [r.message for r in caplog.records if r.message.startswith("trigger ")]
    assert sum("often" in line for line in lines) == 2
    assert sum("seldom" in line for line in lines) == 1
    assert not any("\n" in line for line in lines)


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
async def test_a_resource_may_stand_in_a_configmap(make: Make, shelf: Any) -> None:
    shelf.apply({"kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "kind: Workflow\nmetadata: {name: w-}\nspec: {}\n"}})
    world = make(
        sensor(
            trigger("there", action={"k8s": {**create(), "source": {"configmap": {"name": "m", "key": "k"}}}}),
            trigger("gone", action={"k8s": {**create(), "source": {"configmap": {"name": "m", "key": "other"}}}}),
        )
    )
    await world.told(event(1))
    assert world.shelf.names() == ["w-1"]
    assert "no key other" in world.error("gone")


@pytest.mark.anyio
async def test_parameters_of_the_trigger_change_its_template(make: Make) -> None:
    change = [{"src": {"dependencyName": "d", "value": "delete"}, "dest": "k8s.operation"}]
    world = make(sensor(trigger(parameters=change)))
    world.shelf.apply({"kind": "Workflow", "metadata": {"name": "w-1"}, "spec": {}})
    await world.told(event(1))
    assert world.shelf.names() == []


@pytest.mark.anyio
async def test_a_journal_that_cannot_be_written_is_tried_again(make: Make, db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrain.sensors.listen.AGAIN", 0.01)
    world = make(sensor())
    db.execute("CREATE TRIGGER broken BEFORE UPDATE ON cursor BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    await world.bus.publish(event(1))
    await asyncio.sleep(0.05)
    assert world.shelf.names() == []  # the effect does not stand without its acknowledgement
    db.execute("DROP TRIGGER broken")
    await world.drained()
    assert world.shelf.names() == ["w-1"]


# ---------------------------------------------------------------------------------------------- crashes


class Mortal(sqlite3.Connection):
    """A connection whose process is gone at a chosen commit: before it is on disk, or right after."""

    left = 0  # commits until the end, 0: none
    after = False

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql != "COMMIT" or not Mortal.left:
            return super().execute(sql, *parameters)
        Mortal.left -= 1
        if Mortal.left == 0 and not Mortal.after:
            os._exit(9)
        done = super().execute(sql, *parameters)
        if Mortal.left == 0:
            os._exit(9)
        return done


def everything() -> dict[str, Any]:
    """A Sensor with every way in which an event is kept, joined, repeated or refused."""
    both = create("both-")
    both["parameters"] = [{"src": {"dependencyName": n, "dataKey": "body.id"}, "dest": f"metadata.annotations.{n}"} for n in ("d", "other")]
    twice = create("twice-")
    twice["parameters"] = [{"src": {"dependencyName": n, "dataKey": "body.id"}, "dest": f"metadata.annotations.{n}"} for n in ("d", "also")]
    return sensor(
        trigger("named", "d"),
        trigger("made", "d", {"k8s": create("made-")}),
        trigger("twice", "d || also", {"k8s": twice}),
        trigger("both", "d && other", {"k8s": both}),
        trigger("refused", "d", refused(), atLeastOnce=True, dlqTrigger=letter()),
        dependencies={"d": "hook", "also": "hook", "other": "other"},
    )


EVENTS = [event(1), event(2), event(3, subject="other"), event(4, {"id": "1", "name": "fine"}), event(5, subject="other"), event(6)]


async def life(path: Path, schemas: list[str], shelf: type[Any]) -> None:
    """Publish what is not published yet, and act until nothing waits. Events come one by one, as a caller who waits for each answer."""
    db = open_store(path, schemas, factory=Mortal)
    world = World(db, shelf(db), everything())
    for e in EVENTS:
        await world.bus.publish(e)
        await world.drained()
    await world.listener.close()
    db.close()


def lives(path: Path, schemas: list[str], shelf: type[Any], commits: int, after: bool) -> bool:
    """Whether a process that dies at that commit came to the end before it."""
    child = os.fork()
    if child == 0:
        try:
            Mortal.left, Mortal.after = commits, after
            asyncio.run(life(path, schemas, shelf))
            os._exit(0)
        finally:
            os._exit(1)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in (0, 9)
    return ended == 0


def outcome(path: Path, schemas: list[str], shelf: type[Any]) -> list[str]:
    """Every Workflow, without the part of its name that is made up."""
    db = open_store(path, schemas)
    found = []
    for document in shelf(db).list("Workflow"):
        metadata = document["metadata"]
        found.append(f"{metadata.get('generateName') or metadata['name']} {json.dumps(metadata.get('annotations'))}")
    db.close()
    return sorted(found)


def test_a_process_that_dies_at_any_commit_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, schemas: list[str], new_shelf: type[Any]
) -> None:
    whole = tmp_path / "whole.db"
    assert lives(whole, schemas, new_shelf, 0, False)
    expected = outcome(whole, schemas, new_shelf)
    assert len(expected) > 15
    deaths = 0
    for after in (False, True):
        commits = 1
        while True:
            path = tmp_path / f"{after}-{commits}.db"
            if lives(path, schemas, new_shelf, commits, after):
                break
            deaths += 1
            assert lives(path, schemas, new_shelf, 0, False)
            assert outcome(path, schemas, new_shelf) == expected, f"died {'after' if after else 'before'} commit {commits}"
            commits += 1
    assert deaths > 60
