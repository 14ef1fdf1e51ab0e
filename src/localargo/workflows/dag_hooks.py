"""The exit handlers of a dag's tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localargo.workflows import hooks
from localargo.workflows.scope import params_at
from localargo.workflows.work import Blocked, CallFailed

if TYPE_CHECKING:
    from localargo.workflows.dag import Dag


def leave(dag: Dag, name: str, node: str) -> bool:
    """Start the exit handler of a task's or an item's node. Returns whether it need not be tried again: one that cannot be called is
    skipped, one without a parallelism slot waits.
    """
    if not hooks.has_exit(dag.graph.tasks[name]):
        return True
    p, hook_owner = dag.p, _hook_owner(dag, name, node)
    try:
        hooks.leave(p, hook_owner, dag.graph.tasks[name], dag.local_scope(name), params_at(p, dag.name))
    except CallFailed:
        return True
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
