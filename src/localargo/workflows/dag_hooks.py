"""When Argo starts the hooks and exit handlers of a dag's tasks, which is sometimes later than expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localargo.workflows import hooks
from localargo.workflows.index import COMPOSITE, FULFILLED
from localargo.workflows.scope import GLANCE, params_at
from localargo.workflows.work import Blocked, CallFailed

if TYPE_CHECKING:
    from localargo.workflows.dag import Dag


def attend(dag: Dag, name: str, node: str) -> bool:
    """Start the hooks of a task's node, then its exit handler. Returns whether all hooks have ended.

    Argo notices the end of a loop, a template or a retried task only after it has assessed their hooks: these see the end one
    reconcile later, when dependent tasks have started already; so does a loop's own exit handler.
    """
    p, task = dag.p, dag.graph.tasks[name]
    ended, kind = p.fulfilled(node), p.node(node)["type"]
    if not hooks.has_hooks(task) or not (ended or p.node(node)["phase"] == "Running"):
        return True
    just = ended and kind in COMPOSITE and p.run.nodes.get(node, {}).get("phase") not in FULFILLED and not p.priv(node).get("healed")
    try:
        if not just and not _begin(dag, name, node):
            return False
    except CallFailed as error:
        p.mark(node, "Error", str(error))
        return False
    if ended and not (just and kind == "TaskGroup"):
        leave(dag, name, node)
    if just:
        p.keep(dag.node, wake=p.now + GLANCE)
    return True


def attend_target(dag: Dag, name: str) -> None:
    """Assess the hooks of a target once more, in any phase; their errors are then errors of the dag. Raises CallFailed."""
    node = dag.id(name)
    if dag.p.get(node) is None or dag.p.reused(node):
        return
    if hooks.has_lifecycle(dag.graph.tasks[name]) and dag.p.deeper(dag.node):
        dag.p.look(dag.node)  # called templates start before hooks, so that they get the parallelism slots first
        return
    _begin(dag, name, node)


def _begin(dag: Dag, name: str, node: str) -> bool:
    """Start the hooks of a task's node except the exit handler. Returns whether all have ended. Raises CallFailed."""
    task = dag.graph.tasks[name]
    if not hooks.has_lifecycle(task):
        return True
    return hooks.begin(dag.p, _hook_owner(dag, name, node), task, dag.local_scope(name), params_at(dag.p, dag.name))


def leave(dag: Dag, name: str, node: str) -> bool:
    """Start the exit handler of a task's or an item's node. Returns whether it was started. One that cannot be called is skipped;
    one without a parallelism slot waits.
    """
    p, hook_owner = dag.p, _hook_owner(dag, name, node)
    try:
        hooks.leave(p, hook_owner, dag.graph.tasks[name], dag.local_scope(name), params_at(p, dag.name))
    except CallFailed:
        return False
    except Blocked:
        p.index.blocked[hook_owner.owner] = None
        if hook_owner.owner == dag.node:
            p.keep(node, owed=True)
            p.index.owed.setdefault(dag.node, {})[node] = None
        return False
    if p.priv(node).get("owed"):
        p.keep(node, owed=None)
    return True


def leave_owed(dag: Dag) -> None:
    """Start the exit handlers that have waited for a parallelism slot."""
    for node in dag.p.index.owed.pop(dag.node, {}):
        leave(dag, dag.p.node(node)["name"].removeprefix(f"{dag.name}."), node)


def _hook_owner(dag: Dag, name: str, node: str) -> hooks.HookOwner:
    owner, depth = dag.p.priv(node)["owner"], dag.p.priv(dag.node).get("depth", 1) + 1
    return hooks.HookOwner(node, "tasks", name, dag.frame.base, dag.node, owner, depth)
