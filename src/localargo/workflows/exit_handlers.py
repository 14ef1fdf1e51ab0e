"""Start and end of the whole Workflow: locks, the entry template, onExit, and the resulting phase."""

from __future__ import annotations

import contextlib

from localargo.clock import timestamp
from localargo.expressions import ExpressionError
from localargo.expressions.tags import substitute
from localargo.ports import Doc
from localargo.workflows import deadlines, hooks, labels, repository, synchronization
from localargo.workflows.index import BAD, COMPLETED, FULFILLED
from localargo.workflows.messages import FreeLock
from localargo.workflows.resolve import holder_of, local_base
from localargo.workflows.scope import global_params, resolve_parameters
from localargo.workflows.work import Blocked, Call, CallFailed, Pass

PHASE = "workflows.argoproj.io/phase"
COMPLETED_LABEL = "workflows.argoproj.io/completed"


def begin(p: Pass) -> None:
    """The first assessment of an admitted Workflow."""
    p.labels[PHASE], p.labels[COMPLETED_LABEL] = "Pending", "false"
    refused = p.hidden.get("refused")
    if refused:
        _end(p, refused["phase"], refused["message"])
        return
    try:
        p.set_head(artifactRepositoryRef=repository.resolve(p.spec.get("artifactRepositoryRef"), p.world))
    except CallFailed as error:
        _end(p, "Error", str(error))
        return
    try:
        resolve_parameters(p)
        field = synchronization.of_workflow(p)
    except CallFailed as error:
        _end(p, "Failed", str(error))
        return
    if field is None:
        run(p)
        return
    try:
        asked = synchronization.wanted(p, "", field)
    except CallFailed as error:
        _end(p, "Failed", f"Failed to acquire the synchronization lock. {error}")
        return
    p.act(asked)
    p.set_head(phase="Pending")
    p.set_hidden(lock="wanted", locks={"locks": list(asked.locks), "limits": dict(asked.limits)})


def run(p: Pass) -> None:
    """Start the Workflow: its metadata, its deadline, its entry template."""
    try:
        labels.give(p)
    except CallFailed as error:
        _end(p, "Error", str(error))
        return
    p.set_head(phase="Running", message=None, startedAt=timestamp(p.now))
    p.labels[PHASE] = "Running"
    p.annotations["workflows.argoproj.io/pod-name-format"] = "v2"
    deadlines.set_deadline(p)
    start_entry(p)


def start_entry(p: Pass) -> None:
    """Call the entry template, unless the Workflow is suspended or has started already."""
    if p.suspended or p.get(p.name) is not None:
        return
    try:
        arguments = substitute(p.spec.get("arguments") or {}, global_params(p))
    except ExpressionError as error:
        _end(p, "Error", str(error))
        return
    call = Call(
        p.name, {"template": p.spec.get("entrypoint") or ""}, local_base(p), arguments, owner="", role="entry", label=("steps.name", "")
    )
    with contextlib.suppress(CallFailed, Blocked):  # `conclude` reports an error
        p.start(call)


# ------------------------------------------------------------------------------------------ the end


def conclude(p: Pass) -> None:
    """At the end of a pass: the Workflow's exit handler and its phase."""
    entry = p.get(p.name)
    if p.head.get("phase") in COMPLETED or entry is None or p.suspended:
        return
    raised = p.priv(p.name).get("raised")
    if raised is not None:
        if not _pods_left(p):
            _end(p, "Error", f"error in entry template execution: {raised}")
            return
        p.keep(p.name, raised=None)  # Argo waits for the pods, and then treats the error as an ordinary one
    p.late = True
    if not p.fulfilled(p.name):
        return
    entry = p.node(p.name)
    on_exit = _exit_node(p)
    if on_exit == "":
        return
    if p.head.get("phase") in COMPLETED or _pods_left(p):
        return
    _finish(p, entry, p.node(on_exit) if on_exit else None)


def _pods_left(p: Pass) -> bool:
    """Whether a pod is still running: one that was told to stop, or one beside a failure."""
    return p.count("late", "") > 0 or p.count("pods", "") > 0


def _exit_node(p: Pass) -> str | None:
    """The exit handler's node once it has ended; empty before, None without an exit handler."""
    if not hooks.has_exit(p.spec):
        return None
    name = f"{p.name}.onExit"
    node = p.id(name)
    if p.get(node) is None:
        if not p.may_execute(True):
            return None
        if not _start_exit(p, name):
            return ""
    return node if p.fulfilled(node) and not p.priv(node).get("pod") else ""


def _start_exit(p: Pass, name: str) -> bool:
    arguments = p.spec.get("arguments") or {}
    hook = hooks.exit_hook({"onExit": p.spec.get("onExit"), "hooks": p.spec.get("hooks")}, arguments) or {}
    try:
        params = global_params(p, late=True)
        arguments = substitute(hook.get("arguments") or {}, params)
        holder = substitute(holder_of(hook), params)
        call = Call(name, holder, local_base(p), arguments, owner="!exit", role="exit", flag={"hooked": True}, on_exit=True)
        p.start(call)
    except Blocked:
        return False
    except (CallFailed, ExpressionError) as error:
        _end(p, "Error", f"error in exit template execution : {error}")
        return False
    return True


def _finish(p: Pass, entry: Doc, on_exit: Doc | None) -> None:
    message = entry.get("message") or ""
    raised = p.priv(on_exit["id"]).get("raised") if on_exit is not None else None
    if raised:
        _end(p, "Error", f"error in exit template execution : {raised}")
    elif entry["phase"] in BAD:
        _end(p, entry["phase"], f"Stopped with strategy '{p.shutdown}'" if p.shutdown else message)
    elif on_exit is not None and on_exit["phase"] in BAD:
        _end(p, on_exit["phase"], on_exit.get("message") or "")
    else:
        _end(p, "Succeeded", "")


def _end(p: Pass, phase: str, message: str) -> None:
    finished = timestamp(p.now)
    conditions = [c for c in p.head.get("conditions") or () if c.get("type") not in ("Completed", "PodRunning")]
    conditions += [{"type": "PodRunning", "status": "False"}, {"type": "Completed", "status": "True"}]
    p.set_head(phase=phase, message=message or None, finishedAt=finished, conditions=conditions)
    if p.head.get("startedAt") is None:
        p.set_head(startedAt=finished)
    if phase == "Error" and p.get(p.name) is not None and p.node(p.name)["phase"] == "Running":
        p.mark(p.name, "Error", "Workflow operation error")
    p.labels[PHASE], p.labels[COMPLETED_LABEL] = phase, "true"
    for node in [n for n in {**p.run.nodes, **p.nodes} if p.node(n)["phase"] not in FULFILLED]:
        for kind in ("http", "resource"):
            p.cancel(f"{kind}/{node}")
        if p.priv(node).get("lock"):
            p.cancel(f"lock/{node}")
            p.act(FreeLock(node))
    if p.hidden.get("lock"):
        p.cancel("lock/")
        p.act(FreeLock(""))


def give_up(p: Pass, message: str) -> None:
    """End the Workflow where Argo's controller panics."""
    if p.head.get("phase") not in COMPLETED:
        _end(p, "Error", message)


def stopped_before_start(p: Pass) -> bool:
    """End a Workflow that is terminated while it waits for its lock."""
    if p.head.get("phase") != "Pending" or p.shutdown != "Terminate" or p.get(p.name) is not None:
        return False
    _end(p, "Failed", f"Stopped with strategy '{p.shutdown}'")
    return True
