"""Loops of a dag's tasks: calls the items in order, runs the task's exit handler after each, and ends the group after the last."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localargo.ports import Doc
from localargo.workflows import dag_hooks, hooks
from localargo.workflows.index import BAD
from localargo.workflows.loops import Calls, expand, item_name, resolve_references, should_execute
from localargo.workflows.scope import params_at
from localargo.workflows.work import Blocked, CallFailed, Pass

if TYPE_CHECKING:
    from localargo.workflows.dag import Dag


@dataclass(slots=True)
class Loop:
    """The calls of one task, and their progress."""

    calls: Calls
    made: int = 0
    ended: list[str] = field(default_factory=list)  # ended items whose exit handler has not been called


def begin(dag: Dag, name: str, group: str, calls: Calls) -> None:
    """Make the first calls of a new group."""
    dag.frame.loops[group] = Loop(calls)
    go_on(dag, name, group)


def go_on(dag: Dag, name: str, group: str) -> None:
    """Run exit handlers of ended items, make the calls that `parallelism` allows, and end the group when all of that is done."""
    p = dag.p
    try:
        loop = dag.frame.loops.get(group)
        if loop is None:
            scope, params = dag.local_scope(name), params_at(p, dag.name)
            resolved = resolve_references(dag.graph.tasks[name], scope, params, dag=True)
            loop = dag.frame.loops[group] = Loop(expand(resolved, {**params, **scope.params}, dag=True))
            _recall(dag, group, loop)
    except CallFailed as error:
        p.mark(group, "Error", str(error))
        return
    _note_ends(dag, name, group, loop)
    try:
        _leave(dag, name, loop)
        while loop.made < len(loop.calls):
            child = _make_item(dag, group, loop.calls, loop.made)
            loop.made += 1
            if p.fulfilled(child) and p.completed(child) and hooks.has_exit(dag.graph.tasks[name]):
                loop.ended.append(child)
                _leave(dag, name, loop)
    except Blocked:
        p.index.blocked[group] = None
        return
    except CallFailed as error:
        p.mark(group, "Error", str(error))
        return
    if not p.count("open", group) and not loop.ended:
        p.mark(group, _phase(p, group))


def _recall(dag: Dag, group: str, loop: Loop) -> None:
    """The progress of a loop that began before the run was loaded."""
    p = dag.p
    p.changed.setdefault(group, {}).update(dict.fromkeys(p.children(group)))
    for index, item in enumerate(loop.calls.items or ()):
        child = dag.id(item_name(loop.calls.step["name"], index, item))
        if p.get(child) is None or p.reused(child):
            break
        loop.made += 1


def _note_ends(dag: Dag, name: str, group: str, loop: Loop) -> None:
    p = dag.p
    changed = p.changed.pop(group, {})
    if not hooks.has_exit(dag.graph.tasks[name]):
        return
    for node in changed:
        if p.priv(node).get("role") == "item" and p.fulfilled(node) and p.completed(node):
            loop.ended.append(node)


def _leave(dag: Dag, name: str, loop: Loop) -> None:
    """Call the exit handlers of ended items; those without a parallelism slot are called later."""
    loop.ended = [item for item in loop.ended if not dag_hooks.leave(dag, name, item)]


def _phase(p: Pass, group: str) -> str:
    if not p.count("Failed", group) and not p.count("Error", group):
        return "Succeeded"
    found = [p.node(c)["phase"] for c in p.children(group) if p.priv(c).get("role") == "item"]
    return str(next(f for f in reversed(found) if f in BAD))


def _make_item(dag: Dag, group: str, calls: Calls, index: int) -> str:
    """Create the item's node. Raises Blocked, and CallFailed for arguments that cannot be replaced."""
    p = dag.p
    shown = item_name(calls.step["name"], index, (calls.items or [])[index])
    child = dag.id(shown)
    if p.get(child) is not None and not p.reused(child):
        return child
    step = calls.call(index)
    when = step.get("when") or ""
    try:
        if not should_execute(when):
            return _skip_item(dag, group, step, f"when '{when}' evaluated false", "Skipped")
    except CallFailed as error:
        return _skip_item(dag, group, step, str(error), "Error")
    with contextlib.suppress(CallFailed):  # its node shows why
        p.start(dag.call(step, group, "item"))
    p.link(group, child, new=True)
    return child


def _skip_item(dag: Dag, group: str, step: Doc, why: str, phase: str) -> str:
    child = dag.p.create(dag.call(step, group, "item"), "Skipped", phase, why)
    dag.p.link(group, child, new=True)
    return child
