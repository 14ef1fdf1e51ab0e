"""Argo Server's paths on a real engine."""

import asyncio
import getpass
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from localargo.api.app import CODES
from localargo.api.stream import lines, log_event
from localargo.engine import Engine

BASE = "/api/v1/workflows/argo"


@pytest.fixture
async def engine(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Engine]:
    async with Engine(tmp_path / "s") as started:
        yield started


@pytest.fixture
async def http(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(uds=str(engine.state / "engine.sock"))
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
        yield client


def workflow(command: str, **metadata: Any) -> dict[str, Any]:
    container = {"image": "local/busybox", "command": ["sh", "-c", command]}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata or {"name": "w"},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "container": container}]},
    }


def waiting(name: str = "w") -> dict[str, Any]:
    doc = workflow("true", name=name)
    doc["spec"]["templates"] = [{"name": "main", "suspend": {}}]
    return doc


async def create(http: httpx.AsyncClient, doc: dict[str, Any]) -> dict[str, Any]:
    answer = await http.post(BASE, json={"workflow": doc})
    assert answer.status_code == 200, answer.text
    created: dict[str, Any] = answer.json()
    return created


@pytest.mark.anyio
async def test_a_workflow_is_created_run_read_and_deleted(engine: Engine, http: httpx.AsyncClient) -> None:
    created = await create(http, workflow("echo hello", generateName="w-", labels={"model": "a"}))
    name = created["metadata"]["name"]
    assert name.startswith("w-")
    assert len(name) == 7
    assert created["metadata"]["namespace"] == "argo"
    await engine.ended(name)
    found = (await http.get(f"{BASE}/{name}")).json()
    assert found["status"]["phase"] == "Succeeded"
    assert found["metadata"]["uid"] == created["metadata"]["uid"]
    listed = (await http.get(BASE, params={"listOptions.labelSelector": "model=a"})).json()
    assert [w["metadata"]["name"] for w in listed["items"]] == [name]
    assert (await http.get(BASE, params={"listOptions.labelSelector": "model=b"})).json()["items"] == []
    pod = next(iter(found["status"]["nodes"].values()))["id"]
    log = await http.get(f"{BASE}/{name}/log", params={"podName": pod})
    assert log.headers["content-type"].startswith("text/event-stream")
    assert log.text == f'data: {{"result":{{"content":"hello","podName":"{pod}"}}}}\n\n'
    assert (await http.delete(f"{BASE}/{name}")).status_code == 200
    assert (await http.get(f"{BASE}/{name}")).status_code == 404


@pytest.mark.anyio
async def test_a_list_begins_with_the_newest_and_says_how_many_a_limit_leaves_out(http: httpx.AsyncClient) -> None:
    for number in range(5):
        doc = waiting(f"w-{number}")
        doc["metadata"]["labels"] = {"odd": str(number % 2)}
        await create(http, doc)

    async def listed(**options: str) -> tuple[list[str], Any]:
        answer = (await http.get(BASE, params={f"listOptions.{key}": value for key, value in options.items()})).json()
        return [w["metadata"]["name"] for w in answer["items"]], answer["metadata"]

    assert await listed() == (["w-4", "w-3", "w-2", "w-1", "w-0"], {})
    assert await listed(limit="0") == (["w-4", "w-3", "w-2", "w-1", "w-0"], {})
    assert await listed(limit="2") == (["w-4", "w-3"], {"remainingItemCount": 3, "continue": "2"})
    assert await listed(**{"limit": "2", "continue": "2"}) == (["w-2", "w-1"], {"remainingItemCount": 1, "continue": "4"})
    assert await listed(**{"limit": "2", "continue": "4"}) == (["w-0"], {})
    assert await listed(limit="5") == (["w-4", "w-3", "w-2", "w-1", "w-0"], {})
    assert await listed(limit="1", labelSelector="odd=1") == (["w-3"], {"remainingItemCount": 1, "continue": "1"})
    for options, said in (
        ({"limit": "x"}, "listOptions.limit"),
        ({"limit": "-1"}, "listOptions.limit"),
        ({"continue": "a"}, "listOptions.continue"),
    ):
        refused = await http.get(BASE, params={f"listOptions.{key}": value for key, value in options.items()})
        assert (refused.status_code, refused.json()["kind"]) == (400, "InvalidInput")
        assert said in refused.json()["message"]


@pytest.mark.anyio
async def test_errors_have_a_code_a_message_and_a_class(http: httpx.AsyncClient) -> None:
    async def refused(method: str, path: str, body: Any = None) -> tuple[int, str, str]:
        answer = await http.request(method, path, json=body)
        told = answer.json()
        assert told["code"] == CODES[answer.status_code]  # gRPC's code, as Argo's clients read it
        return answer.status_code, told["kind"], told["message"]

    await create(http, waiting())
    assert await refused("POST", BASE, {"workflow": waiting()}) == (409, "AlreadyExists", 'workflows.argoproj.io "w" already exists')
    assert await refused("GET", f"{BASE}/none") == (404, "NotFound", 'workflows.argoproj.io "none" not found')
    assert (await refused("GET", "/api/v1/workflows/other"))[:2] == (404, "NotFound")
    assert (await refused("POST", BASE, {}))[:2] == (400, "InvalidInput")
    assert (await refused("POST", BASE, {"workflow": {"kind": "Pod"}}))[:2] == (400, "InvalidInput")
    assert (await refused("PUT", f"{BASE}/w/explode"))[:2] == (404, "NotFound")
    assert (await refused("PUT", f"{BASE}/w/retry"))[:2] == (400, "InvalidInput")
    assert (await refused("GET", "/nothing"))[:2] == (404, "NotFound")
    sidecar = workflow("true", name="s")
    sidecar["spec"]["templates"][0]["sidecars"] = [{"name": "x", "image": "y", "command": ["z"]}]
    assert (await refused("POST", BASE, {"workflow": sidecar}))[:2] == (422, "Unsupported")
    answer = await http.post(BASE, content=b"{nonsense")
    assert (answer.status_code, answer.json()["kind"]) == (400, "InvalidInput")
    answer = await http.post(BASE, content=b'{"workflow": NaN}')
    assert answer.status_code == 400


@pytest.mark.anyio
async def test_operations(engine: Engine, http: httpx.AsyncClient) -> None:
    await create(http, waiting())
    await wait_for(engine, "w", "Running")
    await http.put(f"{BASE}/w/resume", json={})
    await asyncio.wait_for(engine.ended("w"), 60)
    again = (await http.put(f"{BASE}/w/resubmit", json={})).json()
    name = again["metadata"]["name"]
    assert name != "w"
    await wait_for(engine, name, "Running")
    stopped = (await http.put(f"{BASE}/{name}/stop", json={"message": "enough"})).json()
    await asyncio.wait_for(engine.ended(name), 60)
    assert stopped["spec"]["shutdown"] == "Stop"
    assert (await http.get(f"{BASE}/{name}")).json()["status"]["phase"] == "Failed"
    assert (await http.put(f"{BASE}/{name}/stop", json={})).status_code == 400
    assert (await http.put(f"{BASE}/w/retry", json={})).status_code == 400


@pytest.mark.anyio
async def test_a_stopped_pod_is_retried_and_terminated(engine: Engine, http: httpx.AsyncClient) -> None:
    await create(http, workflow("sleep 60"))
    for operation in ("stop", "terminate"):
        await wait_for(engine, "w", "Running")
        await http.put(f"{BASE}/w/{operation}", json={})
        await asyncio.wait_for(engine.ended("w"), 60)
        node = (await http.get(f"{BASE}/w")).json()["status"]["nodes"]["w"]
        assert node["phase"] == "Failed"
        if operation == "stop":
            retried = await http.put(f"{BASE}/w/retry", json={})
            assert (retried.status_code, retried.json()["status"]["phase"]) == (200, "Running")


@pytest.mark.anyio
async def test_a_template_is_stored_and_submitted(engine: Engine, http: httpx.AsyncClient) -> None:
    container = {"image": "local/busybox", "command": ["echo", "{{workflow.parameters.p}}"]}
    spec = {
        "entrypoint": "main",
        "arguments": {"parameters": [{"name": "p", "value": "d"}]},
        "templates": [{"name": "main", "container": container}],
    }
    template = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": "t"}, "spec": spec}
    assert (await http.post("/api/v1/workflow-templates/argo", json={"template": template})).status_code == 200
    assert (await http.get("/api/v1/workflow-templates/argo/t")).json()["spec"] == spec
    assert len((await http.get("/api/v1/workflow-templates/argo")).json()["items"]) == 1
    await templates_are_replaced_and_removed(http, template)
    options = {"parameters": ["p=given"], "labels": {"from": "test"}}
    submitted = await http.post(f"{BASE}/submit", json={"resourceKind": "WorkflowTemplate", "resourceName": "t", "submitOptions": options})
    created = submitted.json()
    assert created["metadata"]["name"].startswith("t-")
    assert created["metadata"]["labels"] == {"from": "test", "workflows.argoproj.io/workflow-template": "t"}
    assert created["spec"]["arguments"] == {"parameters": [{"name": "p", "value": "given"}]}
    await asyncio.wait_for(engine.ended(created["metadata"]["name"]), 60)
    wrong = await http.post(f"{BASE}/submit", json={"resourceName": "t", "submitOptions": {"parameters": ["nonsense"]}})
    assert (wrong.status_code, wrong.json()["kind"]) == (400, "InvalidInput")


async def templates_are_replaced_and_removed(http: httpx.AsyncClient, template: dict[str, Any]) -> None:
    path = "/api/v1/workflow-templates/argo"
    other = {**template, "metadata": {"name": "other"}}
    assert (await http.put(f"{path}/other", json={"template": other})).status_code == 404
    assert (await http.post(path, json={"template": other})).status_code == 200
    changed = {**other, "spec": {**other["spec"], "arguments": {}, "entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]}}
    assert (await http.put(f"{path}/other", json={"template": changed})).status_code == 200
    assert (await http.get(f"{path}/other")).json()["spec"]["templates"] == [{"name": "main", "suspend": {}}]
    misnamed = await http.put(f"{path}/other", json={"template": template})
    assert (misnamed.status_code, misnamed.json()["message"]) == (400, "template.metadata.name is 't', expected 'other'")
    assert (await http.delete(f"{path}/other")).status_code == 200
    assert (await http.get(f"{path}/other")).status_code == 404


@pytest.mark.anyio
async def test_cluster_templates_are_listed(http: httpx.AsyncClient) -> None:
    spec = {"templates": [{"name": "main", "suspend": {}}]}
    template = {"apiVersion": "argoproj.io/v1alpha1", "kind": "ClusterWorkflowTemplate", "metadata": {"name": "everywhere"}, "spec": spec}
    assert (await http.post("/localargo/v1/apply", json=template)).status_code == 200
    found = (await http.get("/api/v1/cluster-workflow-templates")).json()
    assert (found["kind"], [t["metadata"]["name"] for t in found["items"]]) == ("ClusterWorkflowTemplateList", ["everywhere"])


@pytest.mark.anyio
async def test_who_answers_is_told_as_argo_server_tells_it(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/info")).json()["managedNamespace"] == "argo"
    assert (await http.get("/api/v1/version")).json()["version"].startswith("localargo-")
    assert (await http.get("/api/v1/userinfo")).json()["name"] == getpass.getuser()


@pytest.mark.anyio
async def test_log_entries_are_whole_lines_whatever_the_chunks_were() -> None:
    async def chunks(*given: bytes) -> AsyncIterator[bytes]:
        for chunk in given:
            yield chunk

    text = "zwölf\nzwei\nende".encode()
    for cut in range(len(text)):
        told = b"".join([log_event(line) async for line in lines(chunks(text[:cut], text[cut:]), "p")]).decode()
        assert [json.loads(line[6:])["result"] for line in told.split("\n\n") if line] == [
            {"content": line, "podName": "p"} for line in ("zwölf", "zwei", "ende")
        ]


@pytest.mark.anyio
async def test_changes_are_streamed_until_the_end(engine: Engine, http: httpx.AsyncClient) -> None:
    await create(http, waiting())
    phases = []
    async with http.stream("GET", "/api/v1/workflow-events/argo", params={"name": "w"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                phases.append(json.loads(line[6:])["result"]["object"]["status"].get("phase"))
                if phases[-1] == "Succeeded":
                    break
                if phases[-1] == "Running" and phases.count("Running") == 1:
                    assert (await http.put(f"{BASE}/w/resume", json={})).status_code == 200
    assert "Running" in phases


async def wait_for(engine: Engine, name: str, phase: str) -> None:
    await asyncio.wait_for(engine.until(name, lambda run: run.head.get("phase") == phase), 60)
