"""What a turn changed, as lines for the log: a mapping for each transition of a node or a Workflow, and for each action that is begun."""

from __future__ import annotations

from collections.abc import Iterator

from localargo.clock import seconds
from localargo.ports import Doc
from localargo.workflows.index import BAD, COMPLETED, FULFILLED
from localargo.workflows.messages import Action, EnsurePod, Outcome, Run, StopPod, StoreOutputs


def transitions(run: Run, outcome: Outcome, now: float) -> Iterator[Doc]:
    """The nodes and the Workflow that come into another phase. The outcome is not applied to the run yet."""
    workflow = run.workflow["metadata"]["name"]
    for node, doc in outcome.nodes.items():
        old, phase = run.nodes.get(node, {}).get("phase", ""), doc["phase"]
        if phase == old:
            continue
        line = {"workflow": workflow, "node": doc.get("displayName", ""), "node_id": node, **_transition(old, phase, doc.get("message"))}
        if phase in FULFILLED:
            began = (outcome.private.get(node) or run.private.get(node, {})).get("at", now)
            line["duration"] = round(max(0.0, now - began), 3)
        yield line
    if outcome.head is not None and outcome.head.get("phase") != run.head.get("phase"):
        yield {"workflow": workflow, **ended(outcome.head, run.head.get("phase") or "")}


def ended(head: Doc, old: str = "") -> Doc:
    """The Workflow's own transition. Its duration is a whole number of seconds, as its times are."""
    phase = head.get("phase") or ""
    line = _transition(old, phase, head.get("message"))
    if phase in COMPLETED and head.get("startedAt"):
        line["duration"] = seconds(head["finishedAt"]) - seconds(head["startedAt"])
    return line


def begun(run: Run, action: Action) -> Doc:
    """An action that is carried out, or is carried out again after a start of the engine."""
    line: Doc = {"workflow": run.workflow["metadata"]["name"], "action": action.kind}
    if action.node_id:
        line |= {"node": run.nodes.get(action.node_id, {}).get("displayName", ""), "node_id": action.node_id}
    match action:
        case EnsurePod() | StoreOutputs():
            line["pod"] = action.pod.name
        case StopPod():
            line["pod"] = action.pod
    return line


def _transition(old: str, phase: str, message: str | None) -> Doc:
    line: Doc = {"from": old, "phase": phase} if old else {"phase": phase}
    if phase in BAD:
        line["level"] = "warning"
    if message:
        line["message"] = message
    return line
