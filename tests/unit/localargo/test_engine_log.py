"""What the engine writes to its log while Workflows run: every transition and action once, and nobody's secrets."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from localargo.engine import Engine
from localargo.logs import BYTES, FIELDS, FILES
from localargo.manifests.yaml import load_documents
from localargo.ports import Event
from localargo.workflows import reconcile
from tests.waiting import until

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "logs.md"
SECRET, PAYLOAD = "hush-hush-0b9c", "payload-7f3a"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def lines(state: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (state / "engine.log").read_text(encoding="ascii").splitlines()]


WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  ttlStrategy: {secondsAfterCompletion: 1}
  podGC: {strategy: OnPodSuccess, deleteDelayDuration: 0s}
  templates:
  - name: main
    steps: [[{name: good, template: good}, {name: bad, template: bad, continueOn: {failed: true}}], [{name: made, template: made}]]
  - name: good
    synchronization: {mutexes: [{name: one}]}
    container: {image: local/busybox, command: [sh, -c, "printf said > /tmp/o"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
  - {name: bad, retryStrategy: {limit: "1"}, container: {image: local/busybox, command: [sh, -c, exit 3]}}
  - {name: made, resource: {action: create, manifest: "{apiVersion: v1, kind: ConfigMap, metadata: {name: made}}"}}
"""


@pytest.mark.anyio
async def test_every_transition_and_every_action_is_one_line(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        (ended,) = await engine.run_to_end(load_documents(WORKFLOW, "w.yaml"))
        await until(lambda: not engine.controller.knows("w"))
    found = lines(tmp_path)
    nodes = ended["status"]["nodes"]
    last = {line["node_id"]: line for line in found if "phase" in line and "node_id" in line}
    assert {n: line["phase"] for n, line in last.items()} == {n: doc["phase"] for n, doc in nodes.items()}
    assert {n: line["node"] for n, line in last.items()} == {n: doc["displayName"] for n, doc in nodes.items()}
    for node in nodes:
        phases = [line for line in found if line.get("node_id") == node and "phase" in line]
        assert [line.get("from") for line in phases] == [None, *(line["phase"] for line in phases[:-1])]
        assert ["duration" in line for line in phases] == [False] * (len(phases) - 1) + [True]
    bad = [line for line in found if line.get("node") == "bad(1)" and line.get("phase") == "Failed"]
    assert [(line["level"], line["message"]) for line in bad] == [("warning", "main: Error (exit code 3)")]
    whole = [(line.get("from"), line["phase"]) for line in found if "phase" in line and "node_id" not in line]
    assert whole == [(None, "Running"), ("Running", ended["status"]["phase"])]
    actions = [(line["action"], line.get("node", "")) for line in found if "action" in line]
    assert sorted(actions) == [
        ("CallResource", "made"),
        ("DeleteWorkflow", ""),
        ("EnsurePod", "bad(0)"),
        ("EnsurePod", "bad(1)"),
        ("EnsurePod", "good"),
        ("FreeLock", "good"),
        ("RemovePod", ""),
        ("StoreOutputs", "good"),
        ("WantLock", "good"),
    ]
    assert {line["workflow"] for line in found if line.get("action") != "RemovePod"} == {"w"}


@pytest.mark.anyio
async def test_what_is_begun_again_after_a_start_is_told_again_and_transitions_are_not(tmp_path: Path) -> None:
    text = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec: {entrypoint: main, templates: [{name: main, container: {image: local/busybox, command: [sleep, "1"]}}]}
"""
    engine = await Engine(tmp_path, load_documents(text, "w.yaml")).__aenter__()
    await engine.until("w", lambda run: bool(run.nodes) and run.nodes["w"]["phase"] == "Running")
    await engine.stop(detach=True)
    async with Engine(tmp_path) as engine:
        await asyncio.wait_for(engine.ended("w"), 60)
    found = lines(tmp_path)
    assert [line["action"] for line in found if "action" in line] == ["EnsurePod", "EnsurePod"]
    assert [line["phase"] for line in found if line.get("node_id") == "w" and "phase" in line] == ["Pending", "Running", "Succeeded"]


SENSOR = f"""
apiVersion: v1
kind: Secret
metadata: {{name: hidden}}
stringData: {{word: {SECRET}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {{name: s}}
spec:
  dependencies: [{{name: d, eventSourceName: src, eventName: ev, filters: {{data: [{{path: go, type: string, value: ["yes"]}}]}}}}]
  triggers:
  - template:
      name: t
      k8s:
        operation: create
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {{name: w}}
            spec:
              entrypoint: main
              arguments: {{parameters: [{{name: said, value: ""}}]}}
              templates:
              - name: main
                inputs: {{parameters: [{{name: said}}]}}
                container:
                  image: local/busybox
                  command: [sh, -c, 'echo "$0 $WORD"; exit 3', "{{{{inputs.parameters.said}}}}"]
                  env: [{{name: WORD, valueFrom: {{secretKeyRef: {{name: hidden, key: word}}}}}}]
        parameters: [{{src: {{dependencyName: d, dataKey: body}}, dest: spec.arguments.parameters.0.value}}]
"""


def event(number: int, go: str) -> Event:
    data = json.dumps({"go": go, "body": PAYLOAD}).encode()
    return Event(f"{number:032x}", "src", "ev", "webhook", "2026-01-31T12:00:00Z", data)


@pytest.mark.anyio
async def test_neither_secrets_nor_payloads_of_events_are_written(tmp_path: Path) -> None:
    async with Engine(tmp_path, load_documents(SENSOR, "s.yaml")) as engine:
        await engine.bus.publish(event(1, "no"))
        await engine.bus.publish(event(2, "yes"))
        await until(lambda: engine.controller.knows("w"))
        await asyncio.wait_for(engine.ended("w"), 60)
        assert (tmp_path / "pods/w/log/main.log").read_text() == f"{PAYLOAD} {SECRET}\n"
    text = (tmp_path / "engine.log").read_text(encoding="ascii")
    assert "EnsurePod" in text
    assert "rejected" in text
    assert SECRET not in text
    assert PAYLOAD not in text


@pytest.mark.anyio
async def test_a_refused_workflow_is_told(tmp_path: Path) -> None:
    text = "{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {name: w}, spec: {workflowTemplateRef: {name: missing}}}"
    async with Engine(tmp_path) as engine:
        engine.admission.create(load_documents(text, "w.yaml")[0].doc)
        await asyncio.wait_for(engine.ended("w"), 60)
    (line,) = lines(tmp_path)
    assert (line["workflow"], line["phase"], line["level"]) == ("w", "Error", "warning")
    assert 'workflowtemplate.argoproj.io "missing" not found' in line["message"]


@pytest.mark.anyio
async def test_the_reference_lists_exactly_the_fields_that_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = reconcile.reconcile

    def broken(run: Any, *rest: Any) -> Any:
        if run.workflow["metadata"]["name"] == "broken":
            raise ZeroDivisionError("by design")
        return real(run, *rest)

    monkeypatch.setattr(reconcile, "reconcile", broken)
    async with Engine(tmp_path) as engine:
        await engine.run_to_end(load_documents(f"{WORKFLOW}\n---\n{WORKFLOW.replace('name: w}', 'name: broken}')}", "w.yaml"))
        await until(lambda: not engine.controller.knows("w"))
    written = {field for line in lines(tmp_path) for field in line}
    page = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)) == written == set(FIELDS)
    assert f"{BYTES // 1_000_000} MB" in page
    assert f"{FILES - 1} older" in page


@pytest.mark.anyio
@pytest.mark.skipif(shutil.which("jq") is None, reason="the page's questions are asked with jq")
async def test_the_questions_of_the_reference_are_answered(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        await engine.run_to_end(load_documents(WORKFLOW, "w.yaml"))
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    bad, slow = (run_shell(line.replace(".retrain/engine.log", str(tmp_path / "engine.log"))) for line in block.splitlines())
    assert {json.loads(line)["phase"] for line in bad} == {"Failed"}
    assert len(slow) == 5
    assert json.loads(slow[0])[:2] == ["w", "w"]


def run_shell(command: str) -> list[str]:
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout.splitlines()
