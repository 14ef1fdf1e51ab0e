"""Runs a WorkflowTemplate in an engine in this process, with a temporary state folder, and tells how it ended."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localargo.engine import Engine
from localargo.errors import NotFound
from localargo.manifests.document import Document
from localargo.ports import Doc, Json, PodListener, PodSpec
from localargo.reading import read_paths
from localargo.services import S3_NAME, secret
from localargo.settings import DEFAULTS, Settings
from localargo.testing.delivery import MadeWorkflow
from localargo.testing.documents import Given, Load, gather
from localargo.testing.fakes import Call, Fake, FakePods

KINDS = (
    "WorkflowTemplate",
    "ClusterWorkflowTemplate",
    "ConfigMap",
    "Secret",
)  # EventSources and Sensors stay closed
TIMEOUT = 60.0  # seconds


@dataclass(frozen=True)
class Ended:
    """A Workflow that has ended.

    `document`: in Argo's shape. `calls`: the fakes' calls, in order. `created`: other Workflows that exist at that moment.
    """

    document: Doc
    calls: list[Call]
    created: list[MadeWorkflow]

    @property
    def phase(self) -> str:
        """Succeeded, Failed or Error."""
        return str(self.document["status"]["phase"])

    @property
    def message(self) -> str:
        """The message of the Workflow; empty when it has none."""
        return str(self.document["status"].get("message") or "")

    @property
    def phases(self) -> dict[str, str]:
        """The phase of every node by its display name (`train(1:...)`, `promote(0)`); of equal names the last."""
        return {str(n["displayName"]): str(n["phase"]) for n in self.document["status"].get("nodes", {}).values()}

    def of(self, template: str) -> list[Mapping[str, str]]:
        """The input parameters of each pod of the template that ran, in order."""
        return [call.inputs for call in self.calls if call.template == template]


class Workflows:
    """Documents, and runs of them. Every run has its own engine and state folder, which end with it."""

    def __init__(self, load: Load = read_paths, settings: Settings = DEFAULTS) -> None:
        self._load = load
        self._settings = settings
        self.documents: list[Document] = []

    def given(self, *documents: Given) -> Workflows:
        """Add WorkflowTemplates and what they refer to (ConfigMaps, Secrets): files, folders, YAML text, trees.

        EventSources and Sensors may be among them and are ignored. Raises InvalidInput or Unsupported for what `check` refuses.
        """
        self.documents += gather(documents, self.documents, self._load)
        return self

    def when(
        self,
        template: str,
        parameters: Mapping[str, Json] | None = None,
        fakes: Mapping[str, Fake] | None = None,
        timeout: float = TIMEOUT,
    ) -> Ended:
        """Run the WorkflowTemplate to its end.

        `fakes`: functions by template name that replace the pods' containers; every template with a pod then needs one. Without
        `fakes` the pods are real processes. Waiting (`suspend`, `backoff`) takes its real time. Raises the first mistake of a fake,
        NotFound when there is no such template, TimeoutError after `timeout` seconds with the nodes that had not ended.
        """
        if not any(d.kind == "WorkflowTemplate" and d.name == template for d in self.documents):
            there = ", ".join(d.name for d in self.documents if d.kind == "WorkflowTemplate") or "none"
            raise NotFound(f"no WorkflowTemplate {template!r} is given; there are {there}")
        return asyncio.run(self._run(_workflow(template, parameters or {}), fakes, timeout))

    async def _run(self, workflow: Doc, fakes: Mapping[str, Fake] | None, patience: float) -> Ended:
        documents = [d for d in self.documents if d.kind in KINDS]
        if fakes is not None and not any(d.kind == "Secret" and d.name == S3_NAME for d in documents):
            documents.append(Document(secret(S3_NAME, {})))  # no fake uses the bucket, so it is not started
        with tempfile.TemporaryDirectory(prefix="localargo-") as folder:
            made: list[FakePods] = []

            def pods(on_exit: PodListener, on_running: Any) -> FakePods:
                made.append(FakePods(fakes or {}, lambda pod: _inputs(engine, pod), on_exit, on_running))
                return made[0]

            engine = Engine(Path(folder), documents, settings=self._settings, pods=None if fakes is None else pods)
            async with engine:
                name = engine.admission.create(workflow)["metadata"]["name"]
                try:
                    await asyncio.wait_for(engine.ended(name), patience)
                except TimeoutError:
                    raise TimeoutError(_late(engine.admission.get("Workflow", name), patience)) from None
                ended = engine.admission.get("Workflow", name)
                others = [MadeWorkflow(w) for w in engine.admission.list("Workflow") if w["metadata"]["name"] != name]
                calls = [call for each in made for call in each.calls]
        for mistake in (m for each in made for m in each.mistakes):
            raise mistake
        return Ended(ended, calls, others)


def _workflow(template: str, parameters: Mapping[str, Json]) -> Doc:
    arguments = {"parameters": [{"name": name, "value": value} for name, value in parameters.items()]}
    spec = {"workflowTemplateRef": {"name": template}, "arguments": arguments}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": f"{template}-"}, "spec": spec}


def _inputs(engine: Engine, pod: PodSpec) -> dict[str, str]:
    """The input parameters of the pod's node."""
    node = engine.controller.run_of(pod.workflow).nodes[pod.node_id]
    given = (node.get("inputs") or {}).get("parameters") or []
    return {str(p["name"]): str(p["value"]) for p in given if p.get("value") is not None}


def _late(workflow: Doc, patience: float) -> str:
    nodes = workflow["status"].get("nodes", {}).values()
    waiting = ", ".join(f"{n['displayName']} {n['phase']}" for n in nodes if n["phase"] in ("Pending", "Running"))
    return f"{workflow['metadata']['name']} has not ended after {patience:g} seconds: {waiting or 'no node has started'}"
