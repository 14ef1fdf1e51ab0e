"""The engine's own paths."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from localargo.engine import Engine


@pytest.fixture
async def http(tmp_path: Path, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    async with Engine(tmp_path / "s"):
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "s" / "engine.sock"))
        async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
            yield client


def configmap(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.mark.anyio
async def test_documents_are_applied_listed_patched_and_deleted(http: httpx.AsyncClient) -> None:
    applied = (await http.post("/localargo/v1/apply", json={"items": [configmap("a", x="1"), configmap("b")]})).json()["items"]
    assert [d["metadata"]["generation"] for d in applied] == [1, 1]
    again = (await http.post("/localargo/v1/apply", json=configmap("a", x="2"))).json()["items"][0]
    assert again["metadata"]["generation"] == 2
    assert again["metadata"]["uid"] == applied[0]["metadata"]["uid"]
    same = (await http.post("/localargo/v1/apply", json=configmap("a", x="2"))).json()["items"][0]
    assert same == again
    patched = await http.patch("/localargo/v1/objects/cm/a", json={"data": {"y": "3", "x": None}, "metadata": {"name": "renamed"}})
    assert patched.json()["data"] == {"y": "3"}
    assert (await http.get("/localargo/v1/objects/configmaps/a")).json()["data"] == {"y": "3"}
    assert [d["metadata"]["name"] for d in (await http.get("/localargo/v1/objects/ConfigMap")).json()["items"]] == ["a", "b"]
    assert (await http.delete("/localargo/v1/objects/ConfigMap/a")).status_code == 200
    assert (await http.get("/localargo/v1/objects/ConfigMap/a")).status_code == 404
    assert (await http.delete("/localargo/v1/objects/ConfigMap/a")).status_code == 404
    unknown = await http.get("/localargo/v1/objects/nonsense")
    assert unknown.status_code == 400
    assert unknown.json()["message"].startswith("there is no kind 'nonsense': use one of Workflow, WorkflowTemplate, ")


@pytest.mark.anyio
async def test_a_secret_is_kept_as_kubernetes_keeps_it(http: httpx.AsyncClient) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "v"}}
    stored = (await http.post("/localargo/v1/apply", json=secret)).json()["items"][0]
    assert stored["data"] == {"k": "dg=="}
    assert "stringData" not in stored


@pytest.mark.anyio
async def test_what_is_asked_wrongly_is_said(http: httpx.AsyncClient) -> None:
    assert (await http.post("/localargo/v1/apply", json={"items": ["x"]})).json()["kind"] == "InvalidInput"
    for wrong in ({"limit": "many"}, {"since": "monday"}, {"since": "nan"}, {"since": "-1"}):
        assert (await http.get("/localargo/v1/events", params=wrong)).status_code == 400
    assert (await http.put("/localargo/v1/sources/bucket/pause")).status_code == 404
    assert (await http.put("/localargo/v1/sources/bucket/explode")).status_code == 404
    assert (await http.post("/localargo/v1/tick/nightly")).status_code == 404
    assert (await http.get("/localargo/v1/events/none")).status_code == 404
    assert (await http.get("/localargo/v1/objects/Workflow", params={"labelSelector": "a in b"})).status_code == 400


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "sensrs"), ("GET", "sensrs/bucket"), ("DELETE", "sensrs/bucket"), ("PATCH", "sensrs/x")]
)
async def test_an_unknown_kind_is_answered_with_the_kinds_there_are(http: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await http.request(method, f"/localargo/v1/objects/{path}", json={} if method == "PATCH" else None)
    assert (answer.status_code, answer.json()["kind"]) == (400, "InvalidInput")
    assert answer.json()["message"].startswith("there is no kind 'sensrs': use one of Workflow, WorkflowTemplate, ")
    assert ", Sensor, " in answer.json()["message"]


@pytest.mark.anyio
async def test_a_kind_that_only_a_document_names_is_known(http: httpx.AsyncClient) -> None:
    await http.post("/localargo/v1/apply", json={"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}})
    assert [d["kind"] for d in (await http.get("/localargo/v1/objects/Service")).json()["items"]] == ["Service"]


@pytest.mark.anyio
async def test_the_engine_says_who_it_is(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    info = (await http.get("/localargo/v1/info")).json()
    assert info["namespace"] == "argo"
    assert info["sources"] == []
    assert (await http.get("/localargo/v1/events")).json() == {"events": [], "triggers": []}
