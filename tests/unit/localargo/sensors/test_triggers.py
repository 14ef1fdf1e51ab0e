"""Actions: what triggers do to objects, whom they call, and what they may not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.localargo.sensors.world import RETRY, World, create, event, sensor, trigger

Make = Callable[..., World]


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
    assert "'--force' is not supported" in world.error("wrong")


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
    with caplog.at_level("ERROR", "localargo"):
        await world.told(event(1))
    assert sum("http.url" in r.message for r in caplog.records) == 3


@pytest.mark.anyio
async def test_a_log_trigger_logs_but_not_too_often(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    world = make(sensor(trigger("often", action={"log": {}}), trigger("seldom", action={"log": {"intervalSeconds": 3600}})))
    with caplog.at_level("INFO", "localargo"):
        await world.told(event(1), event(2, {"id": "two\nlines"}))
    lines = [r.message for r in caplog.records if r.message.startswith("trigger ")]
    assert sum("often" in line for line in lines) == 2
    assert sum("seldom" in line for line in lines) == 1
    assert not any("\n" in line for line in lines)


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
