"""What an operation changes in a Workflow, as a merge patch: what Argo's own client does when there is no Argo Server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localargo import InvalidInput
from retrain.client.cluster.nodes import matches, need_writable, readable
from retrain.client.protocol import Doc, Operation
from retrain.client.workflows import ENDED, phase, with_parameters

LABELS = "workflows.argoproj.io/"
FORGOTTEN = frozenset(  # labels that say something about the first run
    LABELS + name for name in ("creator", "creator-email", "creator-preferred-username", "phase", "completed", "workflow-archiving-status")
)


def patch(operation: Operation, workflow: Doc, options: Mapping[str, Any], now: str) -> Doc:
    """The change of the Workflow; empty when there is nothing to change. Raises InvalidInput with Argo's message, or Unsupported."""
    selector = str(options.get("nodeFieldSelector") or "")
    match operation:
        case "stop" if selector:
            return _nodes(workflow, selector, {"phase": "Failed", "message": options.get("message") or ""}, now)
        case "stop":
            return _shutdown(workflow, "Stop")
        case "terminate":
            return _shutdown(workflow, "Terminate")
        case "suspend":
            return _suspend(workflow)
        case "resume" if selector:
            return _nodes(workflow, selector, {"phase": "Succeeded"}, now)
        case "resume":
            return _resume(workflow, now)
        case "set":
            return _nodes(workflow, selector, options, now)
    raise InvalidInput(f"{operation!r} does not patch a Workflow")


def _shutdown(workflow: Doc, how: str) -> Doc:
    if phase(workflow) in ENDED:
        metadata = workflow["metadata"]
        name, namespace = metadata["name"], metadata.get("namespace") or ""
        raise InvalidInput(f'cannot shutdown a completed workflow: workflow: "{name}", namespace: "{namespace}"')
    return {"spec": {"shutdown": how}}


def _suspend(workflow: Doc) -> Doc:
    if phase(workflow) in ENDED:
        raise InvalidInput("cannot suspend completed workflows")
    return {} if workflow["spec"].get("suspend") else {"spec": {"suspend": True}}


def _resume(workflow: Doc, now: str) -> Doc:
    """Nodes that are suspended end with their defaults; the Workflow itself goes on."""
    change: Doc = {"spec": {"suspend": None}} if workflow["spec"].get("suspend") else {}
    nodes = {
        key: {"phase": "Succeeded", "finishedAt": now, "message": node.get("message") or "", **_defaults(node)}
        for key, node in _suspended(workflow).items()
    }
    if not nodes:
        return change
    need_writable(workflow)
    return {**change, "status": {"nodes": nodes}}


def _suspended(workflow: Doc) -> dict[str, Doc]:
    nodes: dict[str, Doc] = (readable(workflow).get("status") or {}).get("nodes") or {}
    return {key: node for key, node in nodes.items() if node.get("type") == "Suspend" and node.get("phase") == "Running"}


def _defaults(node: Doc) -> Doc:
    outputs = node.get("outputs") or {}
    given = []
    for parameter in outputs.get("parameters") or []:
        source = parameter.get("valueFrom") or {}
        if "supplied" in source and "default" not in source:
            raise InvalidInput(f"raw output parameter '{parameter['name']}' has not been set and does not have a default value")
        given.append(_valued(parameter, source["default"]) if "supplied" in source else parameter)
    return {"outputs": {"parameters": given}} if given else {}


def _valued(parameter: Doc, value: str) -> Doc:
    return {**{key: kept for key, kept in parameter.items() if key != "valueFrom"}, "value": value}


def _nodes(workflow: Doc, selector: str, values: Mapping[str, Any], now: str) -> Doc:
    """The suspended nodes that the selector names, changed; their global outputs become outputs of the Workflow."""
    if not selector:
        raise InvalidInput("'set' currently only targets suspend nodes, use a node field selector to target them")
    chosen = {key: node for key, node in _suspended(workflow).items() if matches(selector, node)}
    supplied: dict[str, str] = json.loads(values.get("outputParameters") or "{}")
    if not chosen or not (supplied or values.get("phase") or values.get("message")):
        raise InvalidInput(f"currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector: {selector}")
    need_writable(workflow)
    changed = {key: _changed(node, values, supplied, now) for key, node in chosen.items()}
    exported = [p for node in changed.values() for p in (node.get("outputs") or {}).get("parameters") or [] if p["name"] in supplied]
    return {"status": {"nodes": changed, **_exported(workflow, exported)}}


def _changed(node: Doc, values: Mapping[str, Any], supplied: Mapping[str, str], now: str) -> Doc:
    change: Doc = {field: values[field] for field in ("phase", "message") if values.get(field)}
    if change.get("phase") in ENDED:
        change["finishedAt"] = now
    if not supplied:
        return change
    if not node.get("outputs"):
        raise InvalidInput("cannot set output parameters because node is not expecting any raw parameters")
    parameters = {p["name"]: p for p in node["outputs"].get("parameters") or []}
    for name, value in supplied.items():
        if name not in parameters:
            raise InvalidInput(f"node is not expecting output parameter '{name}'")
        if "supplied" not in (parameters[name].get("valueFrom") or {}):
            raise InvalidInput(f"cannot set output parameter '{name}' because it does not use valueFrom.raw or it was already set")
        parameters[name] = _valued(parameters[name], value)
    return {**change, "outputs": {"parameters": list(parameters.values())}}


def _exported(workflow: Doc, parameters: list[Doc]) -> Doc:
    globals_ = {p["globalName"]: {"name": p["globalName"], "value": p["value"]} for p in parameters if p.get("globalName")}
    if not globals_:
        return {}
    there = {p["name"]: p for p in (workflow["status"].get("outputs") or {}).get("parameters") or []}
    return {"outputs": {"parameters": list({**there, **globals_}.values())}}


def resubmitted(workflow: Doc, parameters: Mapping[str, str]) -> Doc:
    """A new Workflow from the spec of another one, as `argo resubmit` forms it."""
    metadata = workflow["metadata"]
    spec = {key: value for key, value in workflow["spec"].items() if key != "shutdown"}
    if spec.get("activeDeadlineSeconds") == 0:  # how old controllers terminated a Workflow
        del spec["activeDeadlineSeconds"]
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in FORGOTTEN}
    labels[f"{LABELS}resubmitted-from-workflow"] = metadata["name"]
    kept = {field: metadata[field] for field in ("annotations", "ownerReferences") if metadata.get(field)}
    new = {"generateName": metadata.get("generateName") or f"{metadata['name']}-", "labels": labels, **kept}
    fresh = {"apiVersion": workflow["apiVersion"], "kind": workflow["kind"], "metadata": new, "spec": spec}
    return with_parameters(fresh, parameters)
