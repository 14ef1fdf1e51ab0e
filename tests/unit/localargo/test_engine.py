"""The engine as a whole, with real pods and without its bucket."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from localargo.engine import Engine, run_files
from localargo.errors import InvalidInput, NotFound, Unavailable, Unsupported
from localargo.manifests.document import Document
from localargo.manifests.yaml import load_documents
from localargo.settings import Settings
from localargo.workflows import reconcile
from localargo.workflows.messages import Run


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def workflow(command: str, name: str = "hello", **spec: Any) -> Document:
    container = {"image": "local/busybox", "command": ["sh", "-c", command]}
    return Document(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": name},
            "spec": {"entrypoint": "main", "templates": [{"name": "main", "container": container}], **spec},
        },
        "hello.yaml",
    )


def configmap(name: str, namespace: str = "") -> Document:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return Document({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}, "map.yaml")


def runs(run: Run) -> bool:
    return any(node["type"] == "Pod" and node["phase"] == "Running" for node in run.nodes.values())


def client(state: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(state / "engine.sock")), base_url="http://engine")


@pytest.mark.anyio
async def test_workflows_of_files_run_to_their_end_in_file_order(tmp_path: Path) -> None:
    documents = [configmap("m"), workflow("sleep 0.3", "slow"), workflow("exit 3", "bad"), workflow("true", "good")]
    ended = await run_files(tmp_path / "s", documents)
    assert [(w["metadata"]["name"], w["status"]["phase"]) for w in ended] == [
        ("slow", "Succeeded"),
        ("bad", "Failed"),
        ("good", "Succeeded"),
    ]
    assert ended[1]["status"]["message"] == "main: Error (exit code 3)"
    assert ended[0]["metadata"]["labels"] == {
        "workflows.argoproj.io/phase": "Succeeded",
        "workflows.argoproj.io/completed": "true",
    }


@pytest.mark.anyio
async def test_a_second_engine_names_the_first(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s"):
        about = json.loads((tmp_path / "s" / "engine.json").read_text())
        assert about["pid"] == os.getpid()
        with pytest.raises(Unavailable, match=f"process id {os.getpid()}"):
            await Engine(tmp_path / "s").__aenter__()
    assert not (tmp_path / "s" / "engine.sock").exists()
    assert not (tmp_path / "s" / "engine.json").exists()
    async with Engine(tmp_path / "s"):
        pass


@pytest.mark.anyio
async def test_wrong_documents_start_nothing(tmp_path: Path) -> None:
    typo = workflow("true")
    typo.doc["spec"]["entypoint"] = typo.doc["spec"].pop("entrypoint")
    with pytest.raises(InvalidInput, match="entypoint"):
        await Engine(tmp_path / "s", [typo]).__aenter__()
    daemon = workflow("true")
    daemon.doc["spec"]["templates"][0]["daemon"] = True
    with pytest.raises(Unsupported, match="daemon"):
        await Engine(tmp_path / "s", [daemon]).__aenter__()
    async with Engine(tmp_path / "s") as engine:
        assert engine.admission.list("Workflow") == []


@pytest.mark.anyio
async def test_what_was_running_goes_on_after_a_stop(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s", [workflow("sleep 1; echo done")]) as engine:
        await engine.until("hello", runs)
    async with Engine(tmp_path / "s") as engine:
        await asyncio.wait_for(engine.ended("hello"), 60)
        assert engine.admission.get("Workflow", "hello")["status"]["phase"] == "Succeeded"


@pytest.mark.anyio
async def test_a_detached_engine_leaves_its_pods_to_the_next(tmp_path: Path) -> None:
    once = tmp_path / "once"
    engine = await Engine(tmp_path / "s", [workflow("sleep 0.5")]).__aenter__()
    await engine.until("hello", runs)
    started = next((tmp_path / "s" / "pods").glob("*/started.json")).read_text()
    once.write_text(started)
    await engine.stop(detach=True)
    async with Engine(tmp_path / "s") as engine:
        found = list((tmp_path / "s" / "pods").glob("*/started.json"))
        assert [f.read_text() for f in found] in ([once.read_text()], [])
        await asyncio.wait_for(engine.ended("hello"), 60)
        assert engine.admission.get("Workflow", "hello")["status"]["phase"] == "Succeeded"


@pytest.mark.anyio
async def test_the_namespace_is_the_documents_and_stays(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s", [configmap("a"), configmap("b", "ml")]) as engine:
        assert engine.info()["namespace"] == "ml"
        assert engine.admission.get("ConfigMap", "a")["metadata"]["namespace"] == "ml"
    async with Engine(tmp_path / "s") as engine:
        assert engine.info()["namespace"] == "ml"


@pytest.mark.anyio
async def test_the_webhook_token_is_made_once(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s") as engine:
        await engine.provide([])
        first = engine.admission.get("Secret", "webhook-token")["data"]
    async with Engine(tmp_path / "s") as engine:
        assert engine.admission.get("Secret", "webhook-token")["data"] == first
    assert (tmp_path / "s" / "engine.db").stat().st_mode & 0o077 == 0


@pytest.mark.anyio
async def test_run_until_returns_when_the_api_asks_for_it(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s", listen="127.0.0.1:0") as engine:
        async with client(tmp_path / "s") as http:
            assert (await http.post("/localargo/v1/shutdown")).status_code == 200
        await asyncio.wait_for(engine.run_forever(), 60)


@pytest.mark.anyio
async def test_a_failed_reconcile_ends_its_workflow_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = reconcile.reconcile

    def broken(run: Any, *rest: Any) -> Any:
        if run.workflow["metadata"]["name"] == "bad":
            raise ZeroDivisionError("by design")
        return real(run, *rest)

    monkeypatch.setattr(reconcile, "reconcile", broken)
    async with Engine(tmp_path / "s") as engine:
        bad, good = await engine.run_to_end([workflow("true", "bad"), workflow("true", "good")])
    assert bad["status"]["phase"] == "Error"
    assert bad["status"]["message"] == "internal error: ZeroDivisionError: by design"
    assert good["status"]["phase"] == "Succeeded"
    assert "ZeroDivisionError: by design" in (tmp_path / "s" / "engine.log").read_text()


@pytest.mark.anyio
async def test_a_document_that_is_refused_takes_none_of_its_company_in(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s") as engine:
        nameless = Document({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {}}).doc
        with pytest.raises(InvalidInput):
            await engine.apply_all([configmap("first").doc, nameless])
        with pytest.raises(NotFound):
            engine.admission.get("ConfigMap", "first")


@pytest.mark.anyio
async def test_an_invalid_spec_is_a_failed_workflow_as_in_argo(tmp_path: Path) -> None:
    wrong = load_documents((Path(__file__).parents[2] / "conformance/workflows/missing-param/case.yaml").read_text(), "case.yaml")
    (ended,) = await run_files(tmp_path / "s", wrong)
    assert ended["status"]["phase"] == "Failed"
    assert ended["status"]["message"].startswith("invalid spec: spec.arguments.needed.value")
    assert "nodes" not in ended["status"]


SOURCES = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: clock}
spec:
  calendar:
    nightly: {schedule: "17 2 * * *", metadata: {model: m}}
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: hook}
spec:
  webhook:
    call: {port: "12000", endpoint: /call, method: POST, authSecret: {name: webhook-token, key: token}}
"""


@pytest.mark.anyio
async def test_events_come_in_and_are_kept(tmp_path: Path) -> None:
    documents = load_documents(SOURCES, "sources.yaml")
    async with Engine(tmp_path / "s", documents, ports="free", pause=["clock"]) as engine, client(tmp_path / "s") as http:
        info = (await http.get("/localargo/v1/info")).json()
        assert [(s["source"], s["event"], s["state"]) for s in info["sources"]] == [
            ("clock", "nightly", "paused"),
            ("hook", "call", "running"),
        ]
        url, token = info["environment"]["LOCALARGO_WEBHOOK_URL"], info["environment"]["LOCALARGO_WEBHOOK_TOKEN"]
        async with httpx.AsyncClient(trust_env=False) as outside:
            assert (await outside.post(url, json={"a": 1})).status_code == 401
            assert (await outside.post(url, json={"a": 1}, headers={"Authorization": f"Bearer {token}"})).status_code == 200
        fired = (await http.post("/localargo/v1/tick/nightly")).json()
        assert (fired["source"], fired["subject"], fired["data"]["metadata"]) == ("clock", "nightly", {"model": "m"})
        told = (await http.get("/localargo/v1/events")).json()["events"]
        assert [e["source"] for e in told] == ["clock", "hook"]
        assert (await http.get(f"/localargo/v1/events/{told[1]['id']}")).json()["data"]["body"] == {"a": 1}
        assert (await http.put("/localargo/v1/sources/clock/resume")).status_code == 200
        assert {s["state"] for s in engine.info()["sources"]} == {"running"}
        assert (await http.delete("/localargo/v1/objects/EventSource/hook")).status_code == 200
        assert [s["source"] for s in engine.info()["sources"]] == ["clock"]
    async with Engine(tmp_path / "s") as engine:
        assert len(engine.journal(10)["events"]) == 2


@pytest.mark.slow
@pytest.mark.anyio
async def test_the_bucket_is_there_for_who_names_its_secret(tmp_path: Path) -> None:
    reader = workflow('test -n "$AWS_SECRET_ACCESS_KEY" && echo "$LOCALARGO_BUCKET $AWS_ENDPOINT_URL_S3"')
    reader.doc["spec"]["templates"][0]["container"]["envFrom"] = [{"secretRef": {"name": "s3"}}]
    async with Engine(tmp_path / "s") as engine:
        assert engine.info()["environment"] == {}
        (ended,) = await engine.run_to_end([reader])
        environment = engine.info()["environment"]
        logs = [line async for line in engine.pods.logs("hello", "main", False)]
    assert ended["status"]["phase"] == "Succeeded"
    assert b"".join(logs).decode().split() == ["localargo", environment["AWS_ENDPOINT_URL_S3"]]
    assert json.loads((tmp_path / "s" / "env.json").read_text()) == environment


@pytest.mark.anyio
async def test_a_larger_semaphore_lets_in_who_waits(tmp_path: Path) -> None:
    def size(number: str) -> Document:
        return Document({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sizes"}, "data": {"two": number}}, "sizes.yaml")

    semaphores = {"semaphores": [{"configMapKeyRef": {"name": "sizes", "key": "two"}}]}
    async with Engine(tmp_path / "s", [size("1")]) as engine:
        for name in ("first", "second"):
            suspended = workflow("true", name, synchronization=semaphores)
            suspended.doc["spec"]["templates"] = [{"name": "main", "suspend": {}}]
            engine.admission.create(suspended.doc)
        await asyncio.wait_for(engine.until("first", lambda run: run.head.get("phase") == "Running"), 60)
        await asyncio.wait_for(engine.until("second", lambda run: "Lock status: 0/1" in run.head.get("message", "")), 60)
        await engine.apply_all([size("2").doc])
        await asyncio.wait_for(engine.until("second", lambda run: run.head.get("phase") == "Running"), 60)


@pytest.mark.anyio
async def test_an_artifact_repository_elsewhere_is_refused_at_the_start(tmp_path: Path) -> None:
    settings = configmap("workflow-controller-configmap")
    settings.doc["data"] = {"artifactRepository": "s3: {endpoint: 'minio.elsewhere:9000', bucket: b}"}
    with pytest.raises(InvalidInput, match=r"minio\.elsewhere:9000"):
        await Engine(tmp_path / "s", [settings]).__aenter__()
    async with Engine(tmp_path / "s") as engine:
        assert engine.admission.list("ConfigMap") == []


@pytest.mark.anyio
async def test_retrying_a_stopped_wait_ends_as_before_since_nothing_was_executed(tmp_path: Path) -> None:
    """Argo's retry does again what ran and failed (pods, containers, HTTP); a stopped suspend node is none of these and stays Failed."""
    waiting = workflow("true", "waiting")
    waiting.doc["spec"]["templates"] = [{"name": "main", "steps": [[{"name": "a", "template": "w"}]]}, {"name": "w", "suspend": {}}]
    async with Engine(tmp_path / "s", [waiting]) as engine:
        await asyncio.wait_for(engine.until("waiting", lambda run: len(run.nodes) == 3), 60)
        async with client(tmp_path / "s") as http:
            for operation in ("stop", "retry"):
                answer = await http.put(f"/api/v1/workflows/{engine.namespace}/waiting/{operation}", json={})
                assert answer.status_code == 200
                await asyncio.wait_for(engine.ended("waiting"), 60)
        status = engine.admission.get("Workflow", "waiting")["status"]
        assert status["phase"] == "Failed"
        assert {n["phase"] for n in status["nodes"].values()} == {"Failed"}


@pytest.mark.anyio
async def test_who_is_in_the_same_process_hears_of_every_change(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []
    async with Engine(tmp_path / "s") as engine:

        def changed(name: str) -> None:
            try:
                seen.append((name, engine.workflow(name)["status"].get("phase") or ""))
            except NotFound:
                seen.append((name, "deleted"))

        engine.on_change(changed)
        await engine.run_to_end([workflow("true")])
        engine.admission.delete("Workflow", "hello")
    assert next(phase for _, phase in seen if phase) == "Running"
    assert seen[-2:] == [("hello", "Succeeded"), ("hello", "deleted")]
    assert {name for name, _ in seen} == {"hello"}


@pytest.mark.anyio
async def test_variables_and_the_bucket_bear_the_names_of_the_settings(tmp_path: Path) -> None:
    documents = load_documents(SOURCES, "sources.yaml")
    settings = Settings(bucket="mine", variables="MINE")
    async with Engine(tmp_path / "s", documents, ports="free", pause=["clock"], settings=settings) as engine:
        assert set(engine.info()["environment"]) == {"MINE_WEBHOOK_URL", "MINE_WEBHOOK_TOKEN"}
        assert (await engine.stand_ins.bucket()).name == "mine"
        assert engine.info()["environment"]["MINE_BUCKET"] == "mine"
        assert engine.stand_ins.secret("s3", "MINE_BUCKET") == "mine"
