"""The requests of Argo's command line, recorded from argo 4.1 with `--argo-http1`, and that command line itself where it is installed.

`argo/recorded.json` has, for each command, its exit code and its requests with the status of each answer; the files that the commands
name lie beside it.
"""

import json
import os
import shlex
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import yaml

from localargo.engine import Engine

HERE = Path(__file__).parent / "argo"
RECORDED = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))
ENDED = ("Succeeded", "Failed", "Error")


@pytest.fixture
def address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
async def engine(tmp_path: Path, address: str, anyio_backend: str) -> AsyncIterator[Engine]:
    async with Engine(tmp_path / "s", listen=address) as started:
        started.admission.create(yaml.safe_load((HERE / "t.yaml").read_text(encoding="utf-8")))
        yield started


async def answered(http: httpx.AsyncClient, request: dict[str, Any]) -> tuple[int, list[Any]]:
    """The status of the answer and its body; of a stream every event, up to the end of the Workflow for one that has no end."""
    async with http.stream(request["method"], request["path"], params=request["query"], json=request.get("body")) as answer:
        if not answer.headers["content-type"].startswith("text/event-stream"):
            return answer.status_code, [json.loads(await answer.aread())]
        events: list[Any] = []
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:])["result"])
                if (events[-1].get("object") or {}).get("status", {}).get("phase") in ENDED:
                    break
        return answer.status_code, events


@pytest.mark.anyio
async def test_what_argo_asks_is_answered(engine: Engine) -> None:
    transport = httpx.AsyncHTTPTransport(uds=str(engine.state / "engine.sock"))
    told: dict[str, list[Any]] = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=60) as http:
        for command in RECORDED:
            for request in command["requests"]:
                status, events = await answered(http, request)
                assert status == request["status"], (command["command"], events)
                told[command["command"]] = events
    assert [e["content"] for e in told["argo submit w.yaml --log"]] == ["hello one", "bye one", "hello world", "bye world"]
    assert [e["content"] for e in told["argo logs @latest --grep 'hello.*x'"]] == ["hello x"]
    assert [e["content"] for e in told["argo logs @latest --tail 1"]] == ["bye one", "bye x"]
    assert names(told["argo list --running"]) == []
    assert names(told["argo list -l 'team in (a,b)'"]) == ["w"]
    assert names(told["argo list -l '!team'"]) == []
    (item,) = told["argo list"][0]["items"]
    assert (item["status"]["phase"], "nodes" in item["status"]) == ("Succeeded", False)  # `fields` leaves the nodes out
    assert "'sya' undefined" in told["argo lint bad.yaml"][0]["message"]
    assert told["argo terminate f"][0]["spec"]["shutdown"] == "Terminate"
    assert told["argo cron list"][0]["items"] == []


def test_the_commands_that_the_how_to_shows_are_recorded() -> None:
    page = Path(__file__).parents[4] / "docs" / "howto" / "argo-clients.md"
    shown = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("argo ")]
    assert len(shown) == 2
    assert {line.replace("argo -n argo", "argo") for line in shown} <= {command["command"] for command in RECORDED}


def names(answers: list[Any]) -> list[str]:
    return [each["metadata"]["name"] for each in answers[0]["items"]]


@pytest.mark.anyio
@pytest.mark.skipif(shutil.which("argo") is None, reason="Argo's command line is not installed: its recorded requests are tested")
async def test_argo_itself_works_with_the_engine(engine: Engine, address: str) -> None:
    token = (engine.state / "token").read_text(encoding="utf-8").strip()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(engine.state),
        "ARGO_SERVER": address,
        "ARGO_HTTP1": "true",
        "ARGO_SECURE": "false",
        "ARGO_TOKEN": f"Bearer {token}",
        "KUBECONFIG": os.devnull,
    }
    for command in RECORDED:
        words = ["argo", "-n", "argo", *shlex.split(command["command"])[1:]]
        with anyio.fail_after(120):
            ended = await anyio.run_process(words, env=environment, cwd=HERE, check=False)
        assert ended.returncode == command["exit"], (command["command"], ended.stdout, ended.stderr)


@pytest.mark.anyio
async def test_what_the_engine_does_not_have_is_refused_by_name(engine: Engine) -> None:
    transport = httpx.AsyncHTTPTransport(uds=str(engine.state / "engine.sock"))
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as http:

        async def refused(method: str, path: str, body: Any = None, **query: str) -> tuple[int, str]:
            answer = await http.request(method, f"/api/v1/{path}", json=body, params=query)
            return answer.status_code, answer.json()["message"]

        assert await refused("GET", "workflows/argo/@latest") == (404, "there is no Workflow yet")
        status, said = await refused("GET", "workflows/argo", **{"listOptions.fieldSelector": "status.phase=Failed"})
        assert (status, "use metadata.name=NAME" in said) == (400, True)
        status, said = await refused("GET", "workflows/argo", nameFilter="Prefix")
        assert (status, said.startswith("nameFilter")) == (422, True)
        status, said = await refused("POST", "cron-workflows/argo", {"cronWorkflow": {}})
        assert (status, "calendar EventSource" in said) == (422, True)
        options = {"resourceKind": "workflowtemplate", "resourceName": "hello", "submitOptions": {"instanceID": "x"}}
        status, said = await refused("POST", "workflows/argo/submit", options)
        assert (status, said.startswith("submitOptions.instanceID")) == (400, True)
        status, said = await refused("GET", "archived-workflows")
        assert (status, "archive" in said) == (422, True)
