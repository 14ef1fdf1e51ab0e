"""Time limits: of the Workflow, of a template, and of a node that waits."""

from __future__ import annotations

from localargo.expressions import ExpressionError
from localargo.expressions.gotext import argo_duration
from localargo.ports import Doc
from localargo.workflows.index import FULFILLED
from localargo.workflows.messages import StopPod
from localargo.workflows.status import pod_name, text
from localargo.workflows.work import CallFailed, Pass

EXCEEDED = "Step exceeded its deadline"
TIMEOUT = "timeout"
ACTIVE = "Pod was active on the node longer than the specified deadline"
SHORTEST = 2.0  # seconds: Argo creates no pod that would have one whole second or less


def set_deadline(p: Pass) -> None:
    """Compute when the Workflow must have ended (its onExit may continue)."""
    seconds = p.spec.get("activeDeadlineSeconds")
    if seconds is not None:
        p.set_hidden(deadline=float(int(p.now) + int(seconds)))


def is_over(p: Pass) -> bool:
    """Whether the Workflow's deadline has passed."""
    deadline = p.hidden.get("deadline")
    return deadline is not None and p.now >= deadline


def pod_deadline(p: Pass, node: str, template: Doc) -> float | None:
    """The pod's deadline. Raises CallFailed for invalid times."""
    private = p.priv(node)
    if template.get("timeout"):  # counts from the node's start and takes precedence
        ends = float(private["at"] + _duration(template["timeout"]))
        if ends - p.now <= SHORTEST:
            raise CallFailed(f"{p.node(node)['name']} exceeded its deadline")
        return ends
    limits: list[float] = []
    if p.hidden.get("deadline") is not None and not private.get("onExit"):
        limits.append(p.hidden["deadline"])
    own = template.get("activeDeadlineSeconds")
    if own is not None:
        limits.append(p.now + _seconds(p, node, template, text(own)))
    return min(limits) if limits else None


def pod_stop(p: Pass, node: str) -> float | None:
    """When the pod's containers get SIGTERM: at the Workflow's deadline, or when no time is left for retries."""
    private = p.priv(node)
    limits: list[float] = []
    if p.hidden.get("deadline") is not None and not private.get("onExit"):
        limits.append(p.hidden["deadline"])
    until = p.priv(private["owner"]).get("until") if private.get("role") == "attempt" else None
    if until is not None:
        limits.append(until)
    return min(limits) if limits else None


def _seconds(p: Pass, node: str, template: Doc, own: str) -> int:
    try:
        seconds = int(own)
    except ValueError:
        raise CallFailed(f"value '{own}' cannot be resolved to an int") from None
    if seconds <= 0:
        pod = pod_name(p.name, p.node(node)["name"], template.get("name") or "")
        why = f"Invalid value: {seconds}: must be between 1 and 2147483647, inclusive"
        raise CallFailed(f'Pod "{pod}" is invalid: spec.activeDeadlineSeconds: {why}')
    return seconds


def hold(p: Pass, node: str, template: Doc, why: str) -> bool:
    """Leave a node Pending that a cluster's kubelet could not start, provided that its template limits the time. Otherwise it would
    wait forever, and the answer is False. Raises CallFailed."""
    watched = p.priv(node).get("role") != "attempt" and (template.get("timeout") or template.get("pendingTimeout"))
    if not watched and not template.get("timeout") and template.get("activeDeadlineSeconds") is None:
        return False
    until = pod_deadline(p, node, template)
    if until is not None and not (watched and template.get("timeout")):
        p.keep(node, held=until, wake=until)
    p.set(node, message=f"CreateContainerConfigError: {why}")
    return True


def watch(p: Pass, node: str, template: Doc) -> None:
    """Note when a Pending node fails by its `timeout` or `pendingTimeout`; Argo does not apply these to attempts."""
    if p.priv(node).get("role") == "attempt":
        return
    held = p.priv(node).get("held")
    limits = [] if held is None else [held - p.priv(node)["at"]]
    for field in ("timeout", "pendingTimeout"):
        try:
            limits += [_duration(template[field])] if template.get(field) else []
        except CallFailed:
            continue  # reported when the pod is created
    if limits:
        p.keep(node, wake=p.priv(node)["at"] + min(limits))


def assess_pending(p: Pass, node: str) -> None:
    """End a node that has waited too long for its pod."""
    doc, wake = p.node(node), p.priv(node).get("wake")
    if wake is None or wake > p.now or doc["phase"] in FULFILLED:
        return
    if doc["phase"] != "Pending":
        p.keep(node, wake=None)
        return
    from localargo.workflows.pods import ensured

    held = p.priv(node).get("held")
    if held is not None and held <= p.now:
        p.mark(node, "Failed", ACTIVE)
        return
    if p.priv(node).get("pod"):
        pod = ensured(p, node).pod
        p.act(StopPod(node, pod.name, pod.grace_seconds))
    _withdraw(p, node)
    p.mark(node, "Failed", TIMEOUT)
    private = p.priv(node)
    if private["role"] in ("entry", "exit"):
        p.keep(node, raised=TIMEOUT)
    elif private["role"] == "step" and not p.fulfilled(private["owner"]):
        p.mark(private["owner"], "Failed", TIMEOUT)  # with the containers beside it


def enforce(p: Pass) -> None:
    """After the Workflow's deadline: fail waiting and suspended nodes; pods have their own deadline."""
    if not is_over(p):
        return
    for node, doc in {**p.run.nodes, **p.nodes}.items():
        if doc["phase"] in FULFILLED or p.priv(node).get("onExit"):
            continue
        waits = doc["type"] == "Suspend" and doc["phase"] == "Running"
        if waits or (doc["phase"] == "Pending" and not p.priv(node).get("pod")):
            _withdraw(p, node)
            p.mark(node, "Failed", EXCEEDED)
        elif doc["type"] == "Retry" and not p.priv(node).get("stage"):
            p.look(node)


def _withdraw(p: Pass, node: str) -> None:
    """Cancel the open actions of the node."""
    for kind in ("lock", "http", "resource"):
        p.cancel(f"{kind}/{node}")


def _duration(value: object) -> float:
    try:
        return argo_duration(text(value))
    except ExpressionError as error:
        raise CallFailed(f"invalid timeout format {error}") from error
