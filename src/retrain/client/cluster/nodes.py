"""The nodes of a Workflow as a cluster stores them: compressed, kept elsewhere, or waiting for a pod that cannot start."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence

from localargo import InvalidInput, Unsupported
from retrain.client.protocol import Doc

GZIP = b"\x1f\x8b"
STARTING = ("", "PodInitializing", "ContainerCreating")  # messages of a Pending node that give no reason
NODE_ID = "workflows.argoproj.io/node-id"


def readable(workflow: Doc) -> Doc:
    """The Workflow with its nodes unpacked, and without the bookkeeping of the API server. Raises Unsupported for another compression."""
    metadata = {key: value for key, value in workflow["metadata"].items() if key != "managedFields"}
    status = dict(workflow.get("status") or {})
    packed = status.pop("compressedNodes", "")
    if packed:
        status["nodes"] = _unpacked(metadata["name"], packed)
    if status.get("offloadNodeStatusVersion") and not status.get("nodes") and not status.get("message"):
        status["message"] = f"its nodes are in the controller's database: `argo get {metadata['name']}` shows them through an Argo Server"
    return {**workflow, "metadata": metadata, **({"status": status} if status else {})}


def _unpacked(name: str, packed: str) -> Doc:
    content = base64.b64decode(packed)
    if not content.startswith(GZIP):
        raise Unsupported(
            f"the nodes of workflow {name} are not compressed with gzip, the default of Argo: read them with `argo get {name}`"
        )
    found: Doc = json.loads(gzip.decompress(content))
    return found


def need_writable(workflow: Doc) -> None:
    """Raise Unsupported where a change of a node cannot be stored in the Workflow itself."""
    status, name = workflow.get("status") or {}, workflow["metadata"]["name"]
    for field, where in (("compressedNodes", "are stored compressed"), ("offloadNodeStatusVersion", "are in the controller's database")):
        if status.get(field):
            raise Unsupported(f"the nodes of workflow {name} {where} (status.{field}): change them with the `argo` command")


def waiting(workflow: Doc) -> bool:
    """Whether a node is Pending and does not say why."""
    nodes = (workflow.get("status") or {}).get("nodes") or {}
    return any(_unexplained(node) for node in nodes.values())


def _unexplained(node: Doc) -> bool:
    return node.get("type") == "Pod" and node.get("phase") == "Pending" and (node.get("message") or "") in STARTING


def explained(workflow: Doc, pods: Sequence[Doc], events: Iterable[Doc]) -> Doc:
    """The Workflow whose Pending nodes say why their pods do not start: from the pod's status, else from its newest warning."""
    reasons: dict[str, str] = {}
    warned = _warnings(events)
    for pod in pods:
        metadata = pod["metadata"]
        reason = waits_for(pod.get("status") or {}) or warned.get(metadata["name"], "")
        reasons[(metadata.get("annotations") or {}).get(NODE_ID, "")] = reason
    status = workflow["status"]
    nodes = {
        key: {**node, "message": reasons[node["id"]]} if _unexplained(node) and reasons.get(node["id"]) else node
        for key, node in status["nodes"].items()
    }
    return {**workflow, "status": {**status, "nodes": nodes}}


def waits_for(status: Doc) -> str:
    """Why a pod with this status does not run; empty where its status does not say."""
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return told(condition)
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        held = (container.get("state") or {}).get("waiting") or {}
        if held.get("reason", "") not in STARTING:
            return told(held)
    return ""


def _warnings(events: Iterable[Doc]) -> dict[str, str]:
    """The newest warning about each pod."""
    dated = sorted((event for event in events if event.get("type") == "Warning"), key=seen)
    return {event["involvedObject"]["name"]: told(event) for event in dated}


def seen(event: Doc) -> str:
    """When an event was seen last."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


def told(said: Doc) -> str:
    """The reason and message of a condition, a container's state or an event."""
    reason, message = said.get("reason") or "", said.get("message") or ""
    return f"{reason}: {message}" if message else reason


def matches(selector: str, node: Doc) -> bool:
    """Whether a node has the fields that `--node-field-selector` names. Raises InvalidInput."""
    fields = _fields(node)
    for term in filter(None, (part.strip() for part in selector.split(","))):
        name, equals, value = term.partition("=")
        if not equals:
            raise InvalidInput(f"--node-field-selector {term!r} is not FIELD=VALUE, for example displayName=approve")
        unequal = name.endswith("!")
        if (fields.get(name.rstrip("!"), "") == value.removeprefix("=")) is unequal:
            return False
    return True


def _fields(node: Doc) -> Mapping[str, str]:
    """The fields that Argo selects by."""
    reference = node.get("templateRef") or {}
    found = {field: str(node.get(field) or "") for field in ("displayName", "phase", "name", "id")}
    found["templateName"] = str(node.get("templateName") or reference.get("template") or "")
    found |= {f"templateRef.{field}": str(reference[field]) for field in ("name", "template") if field in reference}
    for parameter in (node.get("inputs") or {}).get("parameters") or []:
        found[f"inputs.parameters.{parameter['name']}.value"] = str(parameter.get("value", ""))
    return found
