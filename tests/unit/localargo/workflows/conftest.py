"""What tests of the pure part share: a Workflow whose pods' ends are told, not run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from localargo.manifests.yaml import load_documents
from localargo.ports import ContainerExit, Doc, PodExit, PodSpec, StoredOutputs
from localargo.workflows import status
from localargo.workflows.memoize import remembered
from localargo.workflows.messages import (
    Created,
    EnsurePod,
    Fact,
    LockGranted,
    LockWaiting,
    Operated,
    Outcome,
    OutputsStored,
    PodExited,
    PodRunning,
    SaveMemo,
    StopPod,
    StoreOutputs,
    TimerDue,
    WantLock,
    World,
)
from localargo.workflows.reconcile import reconcile
from localargo.workflows.run import apply

End = Callable[[PodSpec], tuple[int, Mapping[str, str]]]


class Told:
    """One Workflow. `end` says of each pod its exit code and what it wrote; pods in `held` do not end until they are let go."""

    def __init__(self, text: str, end: End, **world: Any) -> None:
        documents = [d.doc for d in load_documents(text, "test.yaml")]
        workflow = next(d for d in documents if d["kind"] == "Workflow")
        workflow["metadata"] = {"namespace": "ns", "uid": "u-1", "creationTimestamp": "2026-01-02T03:04:05Z", **workflow["metadata"]}
        shelf = {k: {d["metadata"]["name"]: d for d in documents if d["kind"] == k} for k in ("WorkflowTemplate", "ConfigMap", "Secret")}
        given: dict[str, Any] = {
            "namespace": "ns",
            "templates": shelf["WorkflowTemplate"],
            "cluster_templates": {},
            "configmaps": shelf["ConfigMap"],
            "secrets": shelf["Secret"],
            "artifact_repository": {},
            "workflow_defaults": {},
            "pod_environment": {"PATH": "/bin"},
        }
        self.world = World(**{**given, **world})
        self.now = 1_800_000_000.0
        self.end = end
        self.run = status.new_run(workflow, self.world, self.now)
        self.facts: deque[Fact] = deque([Created()])
        self.held: dict[str, PodSpec] = {}
        self.hold: set[str] = set()
        self.busy: set[str] = set()  # nodes that wait for their lock
        self.pods: list[PodSpec] = []
        self.stopped: list[str] = []
        self.outcomes: list[Outcome] = []
        self.reload = False  # forget between any two steps what can be worked out again

    def play(self) -> Doc:
        """Until there is nothing to learn; the Workflow as Argo's API would show it."""
        while self.facts:
            self.step()
        return status.compose(self.run)

    def step(self, count: int = 1) -> Outcome:
        """One fact, or as many as come together."""
        self.now += 0.001
        together = [self.facts.popleft() for _ in range(count)]
        outcome = reconcile(self.run, together, self.world, self.now)
        apply(self.run, outcome)
        if self.reload:
            self.run.index = None
        self.outcomes.append(outcome)
        for action in outcome.actions:
            match action:
                case EnsurePod():
                    self.pods.append(action.pod)
                    self.held[action.node_id] = action.pod
                    self.facts.append(PodRunning(action.node_id, self.now))
                    if self.shown(action.node_id) not in self.hold:
                        self.let_go(action.node_id)
                case StopPod():
                    self.stopped.append(action.node_id)
                case StoreOutputs():
                    self.facts.append(OutputsStored(action.node_id, self._stored(action.pod)))
                case WantLock():
                    self.facts.append(self._lock(action))
                case SaveMemo():
                    shelf = {**self.world.configmaps}
                    shelf[action.cache] = remembered(shelf.get(action.cache), [action], self.now)
                    self.world = replace(self.world, configmaps=shelf)
        return outcome

    def _lock(self, want: WantLock) -> Fact:
        if want.node_id and self.shown(want.node_id) in self.busy:
            return LockWaiting(want.node_id, f"Waiting for {want.locks[0]} lock. Lock status: 0/1", want.locks[0])
        return LockGranted(want.node_id)

    def shown(self, node: str) -> str:
        return str(self.run.nodes[node]["displayName"])

    def let_go(self, node: str, code: int | None = None) -> None:
        """The pod ends, as `end` says or with the code."""
        pod = self.held.pop(node)
        found = self.end(pod)[0] if code is None else code
        containers = [ContainerExit(c.name, found, "Error" if found else "Completed", self.now, self.now) for c in pod.containers]
        self.facts.append(PodExited(node, PodExit(pod.name, node, pod.workflow, self.now, self.now, containers)))

    def _stored(self, pod: PodSpec) -> StoredOutputs:
        wrote = dict(self.end(pod)[1])
        result = wrote.pop("result", None)
        return StoredOutputs(parameters=wrote, result=result if pod.capture_result else None)

    def wait(self) -> Doc:
        """Let time pass until the next timer, and go on."""
        wake = self.outcomes[-1].wake_at
        assert wake is not None
        self.now = max(self.now, wake)
        self.facts.append(TimerDue())
        return self.play()

    def operate(self, operation: Any, **options: Any) -> Doc:
        """As `argo <operation>`."""
        self.facts.append(Operated(operation, options))
        return self.play()

    def nodes(self) -> dict[str, Doc]:
        """The nodes by what is behind the Workflow's name in theirs."""
        shown = status.compose(self.run)["status"].get("nodes") or {}
        name = self.run.workflow["metadata"]["name"]
        return {n["name"].removeprefix(name): n for n in shown.values()}

    def phases(self) -> dict[str, str]:
        """Phases by name."""
        return {k: n["phase"] for k, n in self.nodes().items()}


def ends_well(pod: PodSpec) -> tuple[int, Mapping[str, str]]:
    return 0, {}


def by_argument(pod: PodSpec) -> tuple[int, Mapping[str, str]]:
    """`[exit CODE]` as the command says; the output `o` is the last argument."""
    words = list(pod.containers[0].command)
    return (int(words[1]) if words[0] == "exit" else 0), {o.name: words[-1] for o in pod.output_parameters} | {"result": words[-1]}


@pytest.fixture
def tell() -> Callable[..., Told]:
    """A Workflow from its text; pods end by their command (`[exit, CODE]`) unless said otherwise."""

    def make(text: str, end: End = by_argument, **world: Any) -> Told:
        return Told(text, end, **world)

    return make
