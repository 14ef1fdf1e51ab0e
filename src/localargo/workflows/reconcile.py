"""The core of the engine: facts in, an outcome out. Pure: it reads the run and the world and changes neither.

A fact changes its node; the node's owner is put into a queue, and so on up to the Workflow itself. So the cost of a fact
depends on the nodes above it, not on the size of the run. The first reconcile after a load assesses every open node once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from localargo.workflows import dag, deadlines, execute, exit_handlers, pod_results, retry, shutdown, steps, suspend, synchronization
from localargo.workflows.index import COMPLETED, COMPOSITE, FULFILLED
from localargo.workflows.messages import (
    Answered,
    Created,
    Fact,
    LockGranted,
    LockWaiting,
    Operated,
    Outcome,
    OutputsStored,
    PodExited,
    PodRunning,
    Run,
    TimerDue,
    World,
)
from localargo.workflows.work import Pass

OF_PODS = (PodRunning, PodExited, OutputsStored)  # applied together: Argo's controller reads the state of all pods before it continues


def reconcile(run: Run, facts: Sequence[Fact], world: World, now: float) -> Outcome:
    """The changes that follow from the facts. The caller commits the outcome, then applies it (`run.apply`)."""
    p = Pass(run, world, now)
    p.start = lambda call: execute.start(p, call)
    try:
        for _, together in groupby(facts, lambda fact: isinstance(fact, OF_PODS)):
            for fact in together:
                _learn(p, fact)
                if p.shutdown:
                    shutdown.retries_above(p, getattr(fact, "node_id", ""))
                if not isinstance(fact, OF_PODS):
                    _reach_fixpoint(p)
            _reach_fixpoint(p)
        _wake_up(p)
        _reach_fixpoint(p)
        _close(p)
    except BaseException:
        run.index = None  # its caches may contain nodes that were never committed
        raise
    return p.outcome()


def _learn(p: Pass, fact: Fact) -> None:
    match fact:
        case Created():
            if p.first:
                exit_handlers.begin(p)
        case PodRunning():
            pod_results.pod_running(p, fact.node_id)
        case PodExited():
            pod_results.pod_exited(p, fact.node_id, fact.exit)
        case OutputsStored():
            pod_results.outputs_stored(p, fact.node_id, fact.outputs)
        case LockWaiting():
            synchronization.waiting(p, fact)
        case LockGranted():
            _granted(p, fact.node_id)
        case Answered():
            pod_results.answered(p, fact)
        case Operated():
            shutdown.operate(p, fact)
            exit_handlers.stopped_before_start(p)
        case TimerDue():
            pass


def _granted(p: Pass, node: str) -> None:
    if not node:
        if p.hidden.get("lock") == "wanted":
            p.set_hidden(lock="held")
            exit_handlers.run(p)
        return
    if p.get(node) is not None and p.priv(node).get("stage") == "lock" and not p.fulfilled(node):
        synchronization.granted(p, node)
        if p.suspended:
            p.keep(node, stage="granted", wake=None)
        else:
            execute.resume(p, node)


def _wake_up(p: Pass) -> None:
    """Queue nodes whose timers are due, and after a load every open node."""
    if p.head.get("phase") != "Running":
        return
    deadline = p.hidden.get("deadline")
    if deadline is not None and p.now >= deadline:
        deadlines.enforce(p)
    for node in p.index.due(p.run, p.now):
        p.look(node)
    if p.index.fresh:
        p.index.fresh = False
        for node, doc in p.run.nodes.items():
            if doc["phase"] not in FULFILLED and doc["type"] in COMPOSITE:
                p.changed.setdefault(node, {}).update(dict.fromkeys(p.run.edges.get(node, ())))
                p.look(node)


def _reach_fixpoint(p: Pass) -> None:
    """Assess queued nodes until the queue is empty; then hand out the parallelism slots that became free."""
    while True:
        _assess_all(p)
        if not p.suspended and p.head.get("phase") == "Running":
            exit_handlers.start_entry(p)
        exit_handlers.conclude(p)
        if _assess_all(p):
            continue
        if p.shutdown and shutdown.apply_to_new(p):
            continue
        if not p.free_place() or not _offer(p):
            return


def _assess_all(p: Pass) -> bool:
    """Assess all queued nodes. Returns whether there were any."""
    node = first = p.next()
    while node is not None:
        _assess(p, node)
        node = p.next()
    return first is not None


def _offer(p: Pass) -> bool:
    """Let nodes that wait for a parallelism slot try again. Returns whether there were any."""
    waiting = list(p.index.blocked)
    p.index.blocked.clear()
    for place, node in enumerate(waiting):
        _assess(p, node)
        _assess_all(p)
        limit = p.spec.get("parallelism")
        if limit is not None and p.count("pods", "") >= int(limit):
            p.index.blocked.update(dict.fromkeys(waiting[place + 1 :]))
            break
    return bool(waiting)


def _assess(p: Pass, node: str) -> None:
    doc = p.get(node)
    if doc is None or doc["phase"] in FULFILLED:
        p.changed.pop(node, None)
        if doc is not None and doc["type"] == "TaskGroup":
            p.look(doc["boundaryID"])  # an item's exit handler may have ended after its loop
        return
    if doc["type"] in COMPOSITE and (p.suspended or _left_behind(p, node)):
        return  # `resume` assesses everything again
    if p.priv(node).get("stage"):
        deadlines.assess_pending(p, node)
        return
    match doc["type"]:
        case "Steps":
            steps.assess(p, node)
        case "StepGroup":
            steps.assess_group(p, node)
        case "DAG":
            dag.assess(p, node)
        case "TaskGroup":
            dag.assess_group(p, node)
        case "Retry":
            retry.assess(p, node)
        case "Suspend":
            suspend.assess(p, node)
        case _:
            deadlines.assess_pending(p, node)


def _left_behind(p: Pass, node: str) -> bool:
    """Whether a node above has ended, or is not the last attempt: Argo no longer assesses the nodes below it."""
    above = p.priv(node).get("owner", "")
    while above and p.get(above) is not None:
        if p.fulfilled(above) or (p.node(above)["type"] == "Retry" and retry.attempts(p, above)[-1:] not in ([], [node])):
            return True
        node, above = above, p.priv(above).get("owner", "")
    return False


def _close(p: Pass) -> None:
    """Cancel the timers and open requests of an ended Workflow."""
    if p.head.get("phase") in COMPLETED:
        for key in [k for k in p.actions if not k.startswith(("free/", "save/", "stop/"))]:
            p.cancel(key)
