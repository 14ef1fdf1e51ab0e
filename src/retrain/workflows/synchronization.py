"""Mutexes and semaphores of a node or of the whole Workflow: what is asked for, and how waiting shows."""

from __future__ import annotations

from retrain.expressions import ExpressionError
from retrain.expressions.tags import substitute
from retrain.ports import Doc
from retrain.workflows.messages import LockWaiting, WantLock
from retrain.workflows.scope import global_params
from retrain.workflows.status import text
from retrain.workflows.work import CallFailed, Pass


def wanted(p: Pass, node: str, field: Doc) -> WantLock:
    """The question for all locks of a `synchronization` field; an empty node id is the run. Raises CallFailed."""
    limits: dict[str, int] = {}
    locks = [f"Mutex/{m.get('namespace') or p.namespace}/{m.get('name', '')}" for m in field.get("mutexes") or ()]
    for semaphore in field.get("semaphores") or ():
        reference = semaphore.get("configMapKeyRef")
        if not reference:
            raise CallFailed("cannot get LockName for a Sync without a ConfigMapRef or Database")
        namespace = semaphore.get("namespace") or p.namespace
        name = f"Semaphore/{namespace}/{reference.get('name', '')}/{reference.get('key', '')}"
        locks.append(name)
        limits[name] = _limit(p, reference)
    return WantLock(node, tuple(locks), limits, int(p.spec.get("priority") or 0))


def _limit(p: Pass, reference: Doc) -> int:
    name, key = reference.get("name", ""), reference.get("key", "")
    found = p.world.configmaps.get(name)
    if found is None:
        raise CallFailed(f'configmaps "{name}" not found')
    value = (found.get("data") or {}).get(key)
    if value is None:
        raise CallFailed(f"semaphore configmap key '{key}' not found in configmap '{name}'")
    try:
        return int(text(value))
    except ValueError:
        raise CallFailed(f'strconv.Atoi: parsing "{value}": invalid syntax') from None


def of_workflow(p: Pass) -> Doc | None:
    """The Workflow's own `synchronization`, its tags replaced. Raises CallFailed."""
    field = p.spec.get("synchronization")
    if not field:
        return None
    try:
        found: Doc = substitute(field, global_params(p))
    except ExpressionError as error:
        raise CallFailed(str(error)) from error
    return found


def waiting(p: Pass, fact: LockWaiting) -> None:
    """Show what the node, or the Workflow, waits for."""
    if not fact.node_id:
        p.set_head(phase=p.head.get("phase") or "Pending", message=fact.message)
        p.labels["workflows.argoproj.io/phase"] = p.head["phase"]
        return
    node = p.get(fact.node_id)
    if node is not None and node["phase"] == "Pending" and p.priv(fact.node_id).get("stage") == "lock":
        p.set(fact.node_id, synchronizationStatus={"waiting": fact.lock}, message=fact.message)


def granted(p: Pass, node: str) -> None:
    """The node waits no more."""
    p.set(node, synchronizationStatus=None, message=None)
