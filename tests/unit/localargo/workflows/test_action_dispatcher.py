"""Actions through a whole engine: resources and their conditions, calls, memo, locks over a restart."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from localargo.engine import Engine
from localargo.manifests.document import Document
from tests.waiting import until


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def workflow(name: str, *templates: dict[str, Any], **spec: Any) -> Document:
    named = [{"name": "main" if i == 0 else f"t{i}", **t} for i, t in enumerate(templates)]
    body = {"entrypoint": "main", "templates": named, **spec}
    return Document({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}, "spec": body}, "w.yaml")


def running(pattern: str) -> list[str]:
    return subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False).stdout.split()


def resource(action: str, manifest: str, **more: Any) -> dict[str, Any]:
    return {"resource": {"action": action, "manifest": manifest, **more}}


MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: made}, data: {x: '%s'}}"


@pytest.mark.anyio
async def test_documents_are_created_changed_read_and_removed(tmp_path: Path) -> None:
    steps = [
        ("create", resource("create", MAP % 1)),
        ("again", resource("create", MAP % 2)),
        ("apply", resource("apply", MAP % 3)),
        ("patch", resource("patch", "{apiVersion: v1, kind: ConfigMap, metadata: {name: made}, data: {z: '4'}}", mergeStrategy="merge")),
        ("get", resource("get", "{apiVersion: v1, kind: ConfigMap, metadata: {name: made}}")),
        ("delete", resource("delete", "{apiVersion: v1, kind: ConfigMap, metadata: {name: made}}")),
        ("gone", resource("get", "{apiVersion: v1, kind: ConfigMap, metadata: {name: made}}")),
    ]
    async with Engine(tmp_path / "s") as engine:
        seen = {}
        for name, template in steps:
            (ended,) = await engine.run_to_end([workflow(name, template)])
            status = ended["status"]
            seen[name] = (status["phase"], status.get("message", ""))
            if name == "get":
                assert engine.admission.get("ConfigMap", "made")["data"] == {"x": "3", "z": "4"}
    assert [name for name, (phase, _) in seen.items() if phase != "Succeeded"] == ["again", "gone"]
    assert seen["again"][1].endswith('error when creating "/tmp/manifest.yaml": configmaps "made" already exists')
    assert seen["gone"][1] == 'main: Error (exit code 64): no more retries Error from server (NotFound): configmaps "made" not found'


@pytest.mark.anyio
async def test_an_http_template_calls_this_machine(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s", listen="127.0.0.1:0") as engine:
        port = engine.listening[-1].socket.getsockname()[1]
        (good,) = await engine.run_to_end([workflow("good", {"http": {"url": f"http://127.0.0.1:{port}/healthz"}})])
        (bad,) = await engine.run_to_end([workflow("bad", {"http": {"url": f"http://127.0.0.1:{port}/localargo/v1/info"}})])
    assert good["status"]["phase"] == "Succeeded"
    assert bad["status"]["message"] == "received non-2xx response code: 401"


@pytest.mark.anyio
async def test_a_lock_is_kept_over_a_restart(tmp_path: Path) -> None:
    lock = {"synchronization": {"mutexes": [{"name": "one"}]}}
    async with Engine(tmp_path / "s") as engine:
        for name in ("first", "second"):
            engine.admission.create(workflow(name, {"suspend": {}}, **lock).doc)
        await engine.until("second", lambda run: "Waiting for" in (run.head.get("message") or ""))
        assert engine.admission.get("Workflow", "first")["status"]["phase"] == "Running"
    async with Engine(tmp_path / "s") as engine:
        assert engine.admission.get("Workflow", "second")["status"]["phase"] == "Pending"
        engine.operations.operate("resume", "first", {})
        await engine.until("second", lambda run: run.head.get("phase") == "Running")
        engine.admission.delete("Workflow", "second")
        (third,) = await engine.run_to_end([workflow("third", {"suspend": {"duration": "0"}}, **lock)])
        assert third["status"]["phase"] == "Succeeded"


@pytest.mark.anyio
async def test_a_deleted_workflow_takes_its_pods_along(tmp_path: Path) -> None:
    seconds = f"600.{os.getpid()}"  # no other process on this machine sleeps as long
    sleeper = {"container": {"image": "local/busybox", "command": ["sleep", seconds]}}
    async with Engine(tmp_path / "s", [workflow("w", sleeper)]) as engine:
        await engine.until("w", lambda run: run.nodes["w"]["phase"] == "Running" if "w" in run.nodes else False)
        engine.admission.delete("Workflow", "w")
        assert engine.admission.list("Workflow") == []
    assert not (tmp_path / "s" / "pods" / "w" / "spec.json").exists()
    await until(lambda: not running(f"^sleep {seconds}$"))
