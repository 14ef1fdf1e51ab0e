"""Documents as the API server takes them in."""

from pathlib import Path
from typing import Any

import pytest

from localargo.engine import Engine
from localargo.errors import AlreadyExists, InvalidInput, NotFound, Unsupported


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def waiting(**metadata: Any) -> dict[str, Any]:
    spec = {
        "entrypoint": "main",
        "arguments": {"parameters": [{"name": "p", "value": "1"}]},
        "templates": [{"name": "main", "suspend": {}}],
    }
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}


@pytest.mark.anyio
async def test_generated_names_are_short_enough_and_served_fields_are_filled(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s") as engine:
        made = [engine.admission.create(waiting(generateName="x" * 80 + "-"))["metadata"] for _ in range(3)]
        assert len({m["name"] for m in made}) == 3
        assert all(len(m["name"]) == 63 for m in made)
        assert all(m["uid"] and m["creationTimestamp"].endswith("Z") and m["generation"] == 1 for m in made)
        assert sorted(made, key=lambda m: int(m["resourceVersion"])) == made


@pytest.mark.anyio
async def test_what_is_not_a_document_is_refused(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s") as engine:
        for wrong in ({}, {"kind": 3}, {"kind": "ConfigMap"}, {"kind": "ConfigMap", "metadata": {}}):
            with pytest.raises(InvalidInput):
                engine.admission.create(wrong)
        with pytest.raises(InvalidInput, match="use create for generateName"):
            engine.admission.apply({"kind": "ConfigMap", "metadata": {"generateName": "x-"}})
        cron = {"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "metadata": {"name": "c"}, "spec": {}}
        with pytest.raises(Unsupported):
            await engine.apply_all([cron])
        engine.admission.create(waiting(name="w"))
        with pytest.raises(AlreadyExists, match=r'workflows\.argoproj\.io "w" already exists'):
            engine.admission.create(waiting(name="w"))


@pytest.mark.anyio
async def test_a_live_workflow_is_patched_and_applied(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s") as engine:
        engine.admission.create(waiting(name="w"))
        await engine.until("w", lambda run: run.head.get("phase") == "Running")
        patched = engine.admission.patch("workflows", "w", {"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Failed"}})
        assert patched["metadata"]["labels"]["a"] == "b"
        assert patched["status"]["phase"] == "Running"
        changed = waiting(name="w")
        changed["spec"]["arguments"]["parameters"][0]["value"] = "2"
        applied = engine.admission.apply(changed)
        assert applied["spec"]["arguments"]["parameters"] == [{"name": "p", "value": "2"}]
        assert applied["metadata"]["uid"] == patched["metadata"]["uid"]
        assert applied["metadata"]["labels"]["a"] == "b"
    async with Engine(tmp_path / "s") as engine:
        assert engine.admission.get("Workflow", "w")["spec"] == applied["spec"]
        with pytest.raises(NotFound):
            engine.admission.patch("Workflow", "none", {})


@pytest.mark.anyio
async def test_operations_inside_a_transaction_take_effect_after_it(tmp_path: Path) -> None:
    from localargo.store import transaction

    async with Engine(tmp_path / "s") as engine:
        with transaction(engine.controller._db):
            engine.admission.create(waiting(name="w"))
        await engine.until("w", lambda run: run.head.get("phase") == "Running")
        with transaction(engine.controller._db):
            engine.operations.operate("stop", "w", {})
        await engine.ended("w")
        with pytest.raises(RuntimeError), transaction(engine.controller._db):
            engine.admission.create(waiting(name="never"))
            raise RuntimeError
        await engine.run_to_end([])
        with pytest.raises(NotFound):
            engine.admission.get("Workflow", "never")
        unknown: Any = "explode"
        with pytest.raises(InvalidInput, match="is not one of submit"):
            engine.operations.operate(unknown, "w", {})


@pytest.mark.anyio
async def test_a_workflow_is_labelled_with_the_template_that_it_comes_from(tmp_path: Path) -> None:
    async with Engine(tmp_path / "s") as engine:
        library = {**waiting(name="lib"), "kind": "WorkflowTemplate"}
        engine.admission.create(library)
        engine.admission.create({**library, "kind": "ClusterWorkflowTemplate"})
        for cluster, label in ((False, "workflow-template"), (True, "cluster-workflow-template")):
            spec = {"workflowTemplateRef": {"name": "lib", "clusterScope": cluster}}
            made = engine.admission.create({**waiting(generateName="a-"), "spec": spec})
            found = {k: v for k, v in made["metadata"]["labels"].items() if k.endswith("workflow-template")}
            assert found == {f"workflows.argoproj.io/{label}": "lib"}
