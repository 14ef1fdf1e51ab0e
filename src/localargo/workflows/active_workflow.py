"""An unfinished Workflow in memory: its run, its unread facts, and its open actions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from localargo.clock import timestamp
from localargo.ports import Doc
from localargo.workflows.messages import (
    Action,
    Answered,
    EnsurePod,
    Fact,
    LockGranted,
    Outcome,
    OutputsStored,
    PodExited,
    Run,
    StopPod,
)

_MISSING = re.compile(r'invalid spec: ((?:cluster)?workflowtemplate)s(\.argoproj\.io ".*" not found)')
FINAL = ("Succeeded", "Failed", "Error", "Skipped", "Omitted")


@dataclass(slots=True)
class ActiveWorkflow:
    """`outbox` mirrors the table; `learnt`: the keys whose answer is in `facts` already (a second answer is dropped)."""

    wf: int
    run: Run
    next_node: int
    next_edge: int
    finished: bool = False
    facts: list[tuple[int, Fact]] = field(default_factory=list)  # number in the fact table (0: not stored) and the fact
    outbox: dict[str, Action] = field(default_factory=dict)
    learnt: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        name: str = self.run.workflow["metadata"]["name"]
        return name

    def queue(self, fact: Fact, number: int = 0) -> bool:
        """Add the fact, unless it answers no open action. Returns whether it was added."""
        key = self.answers(fact)
        if key:
            if key not in self.outbox or key in self.learnt:
                return False
            self.learnt.add(key)
        self.facts.append((number, fact))
        return True

    def answers(self, fact: Fact) -> str:
        """The outbox key of the action that the fact answers; empty for other facts."""
        match fact:
            case PodExited():
                return f"pod/{fact.node_id}"
            case OutputsStored():
                return f"outputs/{fact.node_id}"
            case LockGranted():
                return f"lock/{fact.node_id}"
            case Answered():
                http = f"http/{fact.node_id}"
                return http if http in self.outbox else f"resource/{fact.node_id}"
            case _:
                return ""

    def take(self, most: int) -> list[tuple[int, Fact]]:
        """Remove and return the oldest facts, at most `most`."""
        taken, self.facts = self.facts[:most], self.facts[most:]
        return taken

    def pods(self) -> Iterator[EnsurePod]:
        """The pods that were requested and have not ended yet."""
        return (a for a in self.outbox.values() if isinstance(a, EnsurePod))


def defect(active: ActiveWorkflow, error: Exception, now: float) -> Outcome:
    """The end of a Workflow whose reconcile raised an exception: Error, with the exception as message; its pods are stopped."""
    message = f"internal error: {type(error).__name__}: {error}"
    end = {"phase": "Error", "message": message, "finishedAt": timestamp(now)}
    open_nodes = {n: {**doc, **end} for n, doc in active.run.nodes.items() if doc.get("phase") not in FINAL}
    return Outcome(
        nodes=open_nodes,
        private={},
        edges=[],
        head={**active.run.head, **end},
        actions=[StopPod(p.node_id, p.pod.name, p.pod.grace_seconds) for p in active.pods()],
        cancel=[key for key in active.outbox if not key.startswith(("pod/", "stop/"))],
        wake_at=None,
        labels=ended("Error"),
    )


def refused(workflow: Doc, message: str, now: float) -> Run:
    """A Workflow that Argo's validation refuses: stored as Failed, without nodes.

    Error when the template of its spec does not exist: Argo's controller looks for it before it validates.
    """
    at = timestamp(now)
    missing = _MISSING.fullmatch(message)
    phase, message = ("Error", f"{missing[1]}{missing[2]}") if missing else ("Failed", message)
    labels = {**(workflow["metadata"].get("labels") or {}), **ended(phase)}
    head: Doc = {"phase": phase, "message": message, "startedAt": at, "finishedAt": at}
    return Run({**workflow, "metadata": {**workflow["metadata"], "labels": labels}}, head, {}, {}, {})


def ended(phase: str) -> dict[str, str]:
    """The labels of a Workflow that has ended."""
    return {"workflows.argoproj.io/phase": phase, "workflows.argoproj.io/completed": "true"}
