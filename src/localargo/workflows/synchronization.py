"""Mutexes and semaphores of a node or of the whole Workflow: requests for locks, and the status while waiting."""

from __future__ import annotations

import re

from localargo.expressions import ExpressionError
from localargo.expressions.tags import substitute
from localargo.ports import Doc
from localargo.workflows.locks import shown
from localargo.workflows.messages import LockWaiting, WantLock
from localargo.workflows.scope import global_params
from localargo.workflows.status import text
from localargo.workflows.work import CallFailed, Pass

NUMBER = re.compile(r"[+-]?[0-9]+")


def wanted(p: Pass, node: str, field: Doc) -> WantLock:
    """The request for all locks of a `synchronization` field; an empty node id means the run. Raises CallFailed."""
    items = [*(field.get("semaphores") or ()), *(field.get("mutexes") or ())]  # in the order in which Argo requests them
    if any(item in items[:place] for place, item in enumerate(items)):
        raise CallFailed("requested configuration is invalid: duplicate synchronization item found")
    references = {f"Semaphore/{_semaphore(p, s)}": s["configMapKeyRef"] for s in field.get("semaphores") or ()}
    mutexes = [f"Mutex/{m.get('namespace') or p.namespace}/{m.get('name', '')}" for m in field.get("mutexes") or ()]
    limits = {name: _limit(p, name, reference) for name, reference in references.items()}
    return WantLock(node, (*references, *mutexes), limits, int(p.spec.get("priority") or 0))


def _semaphore(p: Pass, semaphore: Doc) -> str:
    reference = semaphore.get("configMapKeyRef")
    if not reference:
        why = "cannot get LockName for a Semaphore without a ConfigMapRef or Database"
        raise CallFailed(f"requested configuration is invalid: {why}")
    return f"{semaphore.get('namespace') or p.namespace}/{reference.get('name', '')}/{reference.get('key', '')}"


def _limit(p: Pass, lock: str, reference: Doc) -> int:
    """The semaphore's size. Argo has one message for a missing ConfigMap or key, an invalid number, and no reference."""
    found = p.world.configmaps.get(reference.get("name", "")) or {}
    value = text((found.get("data") or {}).get(reference.get("key", ""), "0"))
    limit = int(value) if NUMBER.fullmatch(value) else 0
    if limit == 0:
        raise CallFailed(f"failed to initialize semaphore {shown(lock)} with limit")
    return limit


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
    """Show which lock the node, or the Workflow, waits for."""
    if not fact.node_id:
        p.set_head(phase=p.head.get("phase") or "Pending", message=fact.message)
        p.labels["workflows.argoproj.io/phase"] = p.head["phase"]
        return
    node = p.get(fact.node_id)
    if node is not None and node["phase"] == "Pending" and p.priv(fact.node_id).get("stage") == "lock":
        p.set(fact.node_id, synchronizationStatus={"waiting": shown(fact.lock)}, message=fact.message)


def granted(p: Pass, node: str) -> None:
    """The node no longer waits."""
    p.set(node, synchronizationStatus=None, message=None)
