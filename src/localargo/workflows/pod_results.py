"""What happens to a node when its pod ends, or when a resource or an HTTP call is answered."""

from __future__ import annotations

from dataclasses import asdict, replace

from localargo.clock import timestamp
from localargo.ports import ContainerExit, Doc, PodExit, PodSpec, StoredOutputs
from localargo.workflows import memoize
from localargo.workflows.deadlines import ACTIVE
from localargo.workflows.execute import reprocess
from localargo.workflows.index import FULFILLED
from localargo.workflows.messages import Answered, StoreOutputs
from localargo.workflows.outputs import pod_outputs, publish
from localargo.workflows.pods import ensured
from localargo.workflows.status import text
from localargo.workflows.work import CallFailed, Pass

DELETED = "pod deleted"


def pod_running(p: Pass, node: str) -> None:
    """The pod's first container runs."""
    doc = p.get(node)
    if doc is not None and doc["phase"] == "Pending" and p.priv(node).get("pod"):
        p.set(node, phase="Running", message=None)


def pod_exited(p: Pass, node: str, end: PodExit) -> None:
    """The pod ended: request that its outputs are stored, or set its phase at once."""
    if p.get(node) is None or not p.priv(node).get("pod") or p.priv(node).get("exit"):
        return
    p.cancel(f"stop/{node}")
    pod = ensured(p, node).pod
    if end.lost or end.error or not _has_outputs(pod):
        _judge(p, node, end, None)
        return
    p.keep(node, exit=asdict(end))
    p.act(StoreOutputs(node, pod))


def outputs_stored(p: Pass, node: str, stored: StoredOutputs) -> None:
    """The outputs are in the bucket: set the node's phase."""
    if p.get(node) is None or not p.priv(node).get("exit"):
        return
    end = dict(p.priv(node)["exit"])
    containers = [ContainerExit(**c) for c in end.pop("containers")]
    _judge(p, node, PodExit(**end, containers=containers), stored)


def answered(p: Pass, fact: Answered) -> None:
    """A resource or an HTTP call was answered."""
    node = p.get(fact.node_id)
    if node is None or node["phase"] in FULFILLED:
        return
    if fact.outputs:
        p.set(fact.node_id, outputs=fact.outputs)
    publish(p, fact.outputs)
    p.mark(fact.node_id, fact.phase, fact.message)
    memoize.save(p, fact.node_id)


def _has_outputs(pod: PodSpec) -> bool:
    return bool(pod.output_parameters or pod.output_artifacts or pod.capture_result or pod.archive_logs_key)


def _judge(p: Pass, node: str, end: PodExit, stored: StoredOutputs | None) -> None:
    if stored is not None and stored.broken:
        end = replace(end, containers=[_broken(c, stored.broken) if c.name == "main" else c for c in end.containers])
    if p.priv(node).get("ending"):  # what it shows was only that it is to end
        p.keep(node, ending=None)
        p.set(node, phase="Running", message=None)
    judged = p.fulfilled(node)  # by a shutdown or a deadline, before the pod had started
    phase, message = verdict(end, stored)
    main = next((c for c in end.containers if c.name == "main"), None)
    try:
        template, _ = reprocess_declared(p, node)
        outputs = pod_outputs(template, stored, None if main is None else str(main.exit_code))
    except CallFailed:
        outputs = None
    p.keep(node, pod=None, exit=None)
    if outputs:
        p.set(node, outputs=outputs)
        publish(p, outputs)
    if judged and (end.lost or end.error):
        return
    if judged:
        p.set(node, phase=phase, message=message or None, finishedAt=timestamp(p.now))
        return
    p.mark(node, phase, message)
    memoize.save(p, node)


def reprocess_declared(p: Pass, node: str) -> tuple[Doc, Doc]:
    """The node's template for the sake of its outputs: with the inputs that the node shows."""
    shown = p.node(node).get("inputs") or {}
    parameters = [{"name": i["name"], "value": text(i["value"])} for i in shown.get("parameters") or () if i.get("value") is not None]
    return reprocess(p, node, {"parameters": parameters, "artifacts": shown.get("artifacts") or []})


def verdict(end: PodExit, stored: StoredOutputs | None) -> tuple[str, str]:
    """The node's phase and message, in Argo's words."""
    if end.lost:
        return "Error", DELETED
    if end.error:
        return "Error", end.error
    if any(c.reason == "DeadlineExceeded" for c in end.containers):
        return "Failed", ACTIVE
    bad = next((c for c in sorted(end.containers, key=lambda c: c.name) if c.exit_code != 0), None)
    if bad is not None:
        return "Failed", described(bad)
    if stored is not None and stored.error:
        return "Error", stored.error
    return "Succeeded", ""


def _broken(container: ContainerExit, why: str) -> ContainerExit:
    """The container whose files could not be handed over, with the end that Argo's executor gives it."""
    return replace(container, exit_code=64, reason="Error", message=why)


def described(container: ContainerExit) -> str:
    """`main: Error (exit code 3)`, with the container's message if there is one."""
    shown = f"{container.name}: {container.reason} (exit code {container.exit_code})"
    return f"{shown}: {container.message}" if container.message else shown
