"""What one does to Workflows of a running engine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from localargo.engine import Engine
from localargo.ports import Doc
from localargo.workflows.messages import Run
from localargo.workflows.operations import finished_refusal

HALF: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"name": "w"},
    "spec": {
        "entrypoint": "main",
        "arguments": {"parameters": [{"name": "code", "value": "3"}]},
        "templates": [
            {"name": "main", "steps": [[{"name": "ok", "template": "ok"}], [{"name": "bad", "template": "bad"}]]},
            {"name": "ok", "container": {"image": "local/busybox", "command": ["true"]}},
            {"name": "bad", "container": {"image": "local/busybox", "command": ["sh", "-c", "exit {{workflow.parameters.code}}"]}},
        ],
    },
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def by_display_name(workflow: dict[str, Any]) -> dict[str, Any]:
    return {n["displayName"]: n for n in workflow["status"]["nodes"].values()}


@pytest.mark.anyio
async def test_a_memoized_resubmit_brings_along_what_succeeded(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s") as engine:
        engine.admission.create({**HALF, "status": {"resubmittedFrom": "x", "nodes": {"x": {}}}})  # nobody's word but ours
        await engine.ended("w")
        again = engine.operations.operate("resubmit", "w", {"memoized": True, "parameters": ["code=0"]})
        await engine.ended(again["metadata"]["name"])
        nodes = by_display_name(engine.admission.get("Workflow", again["metadata"]["name"]))
        old = by_display_name(engine.admission.get("Workflow", "w"))
    assert (nodes["ok"]["type"], nodes["ok"]["phase"], nodes["ok"]["message"]) == ("Skipped", "Skipped", f"original pod: {old['ok']['id']}")
    assert (nodes["bad"]["type"], nodes["bad"]["phase"]) == ("Pod", "Succeeded")


@pytest.mark.anyio
async def test_a_workflow_of_which_nothing_was_executed_is_retried_from_its_beginning(tmp_path: Path) -> None:
    head: Doc = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
    lost: Doc = {**head, "metadata": {"name": "lost"}, "spec": {"workflowTemplateRef": {"name": "later"}}}
    spec = {"entrypoint": "main", "templates": [{"name": "main", "suspend": {"duration": "{{workflow.parameters.p}}"}}]}
    wrong: Doc = {**head, "metadata": {"name": "wrong"}, "spec": {**spec, "arguments": {"parameters": [{"name": "p"}]}}}
    async with Engine(tmp_path / "s") as engine:
        for workflow in (lost, wrong):
            engine.admission.create(workflow)
            await engine.ended(workflow["metadata"]["name"])
        told = [engine.admission.get("Workflow", name)["status"]["message"] for name in ("lost", "wrong")]
        for name in ("lost", "wrong"):
            engine.operations.operate("retry", name, {})
            await engine.ended(name)
        assert [engine.admission.get("Workflow", name)["status"]["message"] for name in ("lost", "wrong")] == told
        template = {"name": "later", "namespace": "default"}
        engine.admission.create({**head, "kind": "WorkflowTemplate", "metadata": template, "spec": {**HALF["spec"], "entrypoint": "ok"}})
        engine.operations.operate("retry", "lost", {})
        engine.operations.operate("retry", "wrong", {"parameters": ["p=0"]})
        for name in ("lost", "wrong"):
            await engine.ended(name)
            assert engine.admission.get("Workflow", name)["status"]["phase"] == "Succeeded"


@pytest.mark.anyio
@pytest.mark.parametrize("strategy", ["Stop", "Terminate"])
async def test_who_sets_the_shutdown_of_a_running_workflow_stops_its_pods(tmp_path: Path, strategy: str) -> None:
    long = {"name": "long", "container": {"image": "local/busybox", "command": ["sleep", "100"]}}
    async with Engine(tmp_path / "s") as engine:
        runs = asyncio.Event()

        def look(name: str) -> None:
            if engine.controller.run_of(name).nodes.get("w", {}).get("phase") == "Running":
                runs.set()

        engine.controller.listeners.append(look)
        engine.admission.create({**HALF, "spec": {"entrypoint": "long", "templates": [long]}})
        await runs.wait()
        engine.admission.patch("Workflow", "w", {"spec": {"shutdown": strategy}})
        await engine.ended("w")
        shown = engine.admission.get("Workflow", "w")
    assert (shown["status"]["phase"], shown["status"]["message"]) == ("Failed", f"Stopped with strategy '{strategy}'")


@pytest.mark.parametrize(
    ("operation", "selector", "words"),
    [
        ("stop", "", 'cannot shutdown a completed workflow: workflow: "w", namespace: "ns"'),
        ("terminate", "", 'cannot shutdown a completed workflow: workflow: "w", namespace: "ns"'),
        ("stop", "id=x", "currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector: id=x"),
        ("suspend", "", "cannot suspend completed workflows"),
        ("set", "", "'set' currently only targets suspend nodes, use a node field selector to target them"),
        ("set", "id=x", "currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector: id=x"),
        ("resume", "", ""),
        ("resume", "id=x", "currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector: id=x"),
    ],
)
def test_what_is_said_of_a_workflow_that_has_ended(operation: str, selector: str, words: str) -> None:
    workflow: Doc = {"metadata": {"name": "w", "namespace": "ns"}}
    assert finished_refusal(operation, Run(workflow, {"phase": "Failed"}, {}, {}, {}), selector) == words
