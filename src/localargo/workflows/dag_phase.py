"""The phase of a dag, computed from its targets or from the tasks on which no other depends."""

from __future__ import annotations

from collections.abc import Callable

from localargo.ports import Doc
from localargo.workflows.graph import Graph
from localargo.workflows.index import BAD, COMPLETED
from localargo.workflows.work import Pass

Ids = Callable[[str], str]


def phase_of(p: Pass, node: str, graph: Graph, dag: Doc, on_exit: bool, ids: Ids) -> str:
    """Running, Succeeded, Failed or Error.

    A skipped or omitted target gets the phase of its branch: an earlier failure fails the dag, unless something
    after the failure succeeded.
    """
    if p.shutdown and not on_exit and not _hooks_open(p, graph, ids):
        if p.deeper(node):
            p.look(node)  # calls made in this assessment start first
            return "Running"
        return "Failed"
    if p.count("open", node) or p.index.owed.get(node) or _hooks_open(p, graph, ids) or _handlers_open(p, graph, ids):
        return "Running"
    fail_fast = dag.get("failFast") is None or bool(dag["failFast"])
    result = "Succeeded"
    phases = _phases(p, node, [ids(target) for target in graph.targets])
    for target in graph.targets:
        phase = phases[ids(target)]
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


def _handlers_open(p: Pass, graph: Graph, ids: Ids) -> bool:
    return any(p.count("handlers", ids(name)) for name in graph.tasks)


def _phases(p: Pass, node: str, targets: list[str]) -> dict[str, str]:
    """The phase of each target's branch; empty for one that has not started.

    Argo walks from the dag over all children, including hooks and nodes below templates, and carries along the phase of the last
    executed node. A target reached with a failure keeps it. One that is never reached, because what it depends on failed before it had a
    last node, has failed.
    """
    found = {target: p.node(target)["phase"] if p.get(target) is not None else "" for target in targets}
    if all(phase in COMPLETED or not phase for phase in found.values()):
        return found
    own = found
    found = dict.fromkeys(targets, "")
    queue = [(child, "Succeeded") for child in p.children(node)]
    seen = set(queue)
    for each, before in queue:
        doc = p.get(each)
        if doc is None:
            continue
        phase = doc["phase"] if doc["phase"] in COMPLETED else before
        if each in found and found[each] not in BAD:
            found[each] = phase
        for child in _below(p, each, doc):
            if (child, phase) not in seen:
                seen.add((child, phase))
                queue.append((child, phase))
    return {target: phase or (own[target] and "Failed") for target, phase in found.items()}


def _below(p: Pass, node: str, doc: Doc) -> list[str]:
    """The hooks of a Retry node and the children of its attempts, latest first."""
    children = list(p.children(node))
    if doc["type"] != "Retry":
        return children
    hooked = [[c] if (p.node(c).get("nodeFlag") or {}).get("hooked") else list(p.children(c)) for c in reversed(children)]
    return [each for group in hooked for each in group]
