"""One Workflow's part of a turn: the changes of its reconcile, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass

from localargo.ports import Doc
from localargo.workflows.active_workflow import ActiveWorkflow
from localargo.workflows.ledger import Ledger
from localargo.workflows.messages import Action, Fact, FreeLock, LockGranted, Outcome, SaveMemo, WantLock
from localargo.workflows.objects import Documents


@dataclass(slots=True)
class Step:
    """`facts`: the consumed facts; `workflow`: the document with new labels and annotations, None if unchanged."""

    active: ActiveWorkflow
    facts: list[tuple[int, Fact]]
    outcome: Outcome
    finished: bool
    workflow: Doc | None


def prepare(active: ActiveWorkflow, facts: list[tuple[int, Fact]], outcome: Outcome) -> Step:
    """Compute what will be written. Changes nothing."""
    head = outcome.head if outcome.head is not None else active.run.head
    workflow = None
    if outcome.labels or outcome.annotations:
        metadata = dict(active.run.workflow["metadata"])
        for field, values in (("labels", outcome.labels), ("annotations", outcome.annotations)):
            if values:
                metadata[field] = {**(metadata.get(field) or {}), **values}
        workflow = {**active.run.workflow, "metadata": metadata}
    return Step(active, facts, outcome, head.get("phase") in ("Succeeded", "Failed", "Error"), workflow)


def write(ledger: Ledger, documents: Documents, step: Step, now: float) -> None:
    """Write to the open transaction: nodes and edges, head and document, the outbox, locks and memoized outputs."""
    active, outcome = step.active, step.outcome
    order = {}
    for node in outcome.nodes:
        new = node not in active.run.nodes or node in outcome.removed
        order[node] = active.next_node if new else 0
        active.next_node += new
    ledger.drop(active.wf, [key for key in (active.answers(fact) for _, fact in step.facts) if key])
    for _, fact in step.facts:
        wanted = active.outbox.get(f"lock/{fact.node_id}") if isinstance(fact, LockGranted) else None
        if isinstance(wanted, WantLock):
            ledger.hold(active.wf, wanted.node_id, wanted.locks)
    ledger.drop_facts(number for number, _ in step.facts if number)
    ledger.save(active.wf, outcome, step.workflow, step.finished, order, active.next_edge)
    active.next_edge += len(outcome.edges)
    for action in outcome.actions:
        if isinstance(action, FreeLock):
            ledger.free(active.wf, action.node_id)
    documents.remember([a for a in outcome.actions if isinstance(a, SaveMemo)], now)
    ledger.put(active.wf, durable(outcome.actions))
    if step.finished:
        ledger.free_all(active.wf)


def durable(actions: list[Action]) -> list[Action]:
    """The actions that need a row: those carried out in the transaction itself do not."""
    return [a for a in actions if not isinstance(a, FreeLock | SaveMemo)]
