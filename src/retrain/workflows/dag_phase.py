"""How a dag has ended, judged by the tasks that nothing depends on (or its targets)."""

from __future__ import annotations

from collections.abc import Callable

from retrain.ports import Doc
from retrain.workflows.graph import Graph
from retrain.workflows.index import BAD, COMPLETED
from retrain.workflows.work import Pass

Ids = Callable[[str], str]


def phase_of(p: Pass, node: str, graph: Graph, dag: Doc, on_exit: bool, ids: Ids) -> str:
    """Running, Succeeded, Failed or Error.

    A target that was skipped or omitted counts as what its branch came to: a failure before it fails the dag, unless something
    after the failure ended well.
    """
    if p.shutdown and not on_exit and not _hooks_open(p, graph, ids):
        if p.deeper(node):
            p.look(node)  # what it has called in this look begins first
            return "Running"
        return "Failed"
    if p.count("open", node) or p.index.owed.get(node) or _hooks_open(p, graph, ids):
        return "Running"
    fail_fast = dag.get("failFast") is None or bool(dag["failFast"])
    result = "Succeeded"
    branches: dict[str, str] = {}
    for target in graph.targets:
        phase = _branch(p, graph, ids, target, branches) if p.get(ids(target)) is not None else ""
        if not phase:
            result = "Running"
            if not fail_fast:
                break
        elif phase in BAD:
            policy = graph.tasks[target].get("continueOn") or {}
            if policy.get("failed" if phase == "Failed" else "error"):
                continue
            result = phase
            if fail_fast:
                break
    return result


def _hooks_open(p: Pass, graph: Graph, ids: Ids) -> bool:
    return any(p.count("hooks", ids(name)) for name in graph.tasks)


def _branch(p: Pass, graph: Graph, ids: Ids, task: str, known: dict[str, str]) -> str:
    """The phase with which the task's branch arrives at its end."""
    if task not in known:
        phase: str = p.node(ids(task))["phase"]
        known[task] = phase if phase in COMPLETED else _inherited(p, graph, ids, task, known)
    return known[task]


def _inherited(p: Pass, graph: Graph, ids: Ids, task: str, known: dict[str, str]) -> str:
    """What a task that was not executed takes over from those before it; failures win."""
    found = [_leaving(p, graph, ids, d, known) for d in graph.dependencies[task]]
    return next((f for f in found if f in BAD), "Succeeded")


def _leaving(p: Pass, graph: Graph, ids: Ids, task: str, known: dict[str, str]) -> str:
    node = p.node(ids(task))
    if node["type"] == "TaskGroup":
        return next((bad for bad in ("Failed", "Error") if p.count(bad, node["id"])), "Succeeded")
    if node["type"] in ("Steps", "DAG") and not (node.get("memoizationStatus") or {}).get("hit"):
        ends: list[str] = [p.node(o)["phase"] for o in node.get("outboundNodes") or ()]
        own: str = node["phase"]
        return next((e for e in ends if e in BAD), own)
    return _branch(p, graph, ids, task, known)
