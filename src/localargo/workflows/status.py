"""A Workflow's status in Argo's shape: names and ids of nodes and pods, the start of a run, and the whole document of it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from localargo.clock import timestamp
from localargo.manifests.merge import merge_workflow_spec
from localargo.ports import Doc
from localargo.workflows.index import COMPLETED
from localargo.workflows.messages import Run, World

HIDDEN = "localargo"  # the key of the head for what Argo keeps elsewhere; the API never shows it
EXECUTABLE = frozenset({"Pod", "HTTP", "Plugin", "Suspend"})  # node types with their own progress
_LONGEST_PREFIX = 242


@functools.lru_cache(maxsize=4096)
def fnv1a32(text: str) -> int:
    """FNV-1a, 32 bits, of the UTF-8 bytes. Kept for the nodes that are worked on: each is named several times in a turn."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def node_id(workflow: str, node_name: str) -> str:
    """The id of a node: the Workflow's name for the entry node, else `<workflow>-<hash of the node's name>`."""
    return workflow if node_name == workflow else f"{workflow}-{fnv1a32(node_name)}"


def pod_name(workflow: str, node_name: str, template: str) -> str:
    """The pod of a node (Argo's names v2): `<workflow>-<template>-<hash>`, for the entry node the Workflow's name."""
    if node_name == workflow:
        return workflow
    prefix = f"{workflow}-{template}" if template else workflow
    return f"{prefix[:_LONGEST_PREFIX]}-{fnv1a32(node_name)}"


def template_name(node: Doc) -> str:
    """The name of the node's template, however it was referenced."""
    name: str = node.get("templateName") or (node.get("templateRef") or {}).get("template") or ""
    return name


def new_run(workflow: Doc, world: World, now: float) -> Run:
    """The run of an admitted Workflow before its first reconcile.

    A workflowTemplateRef and the controller's workflowDefaults are merged here, once; the result is the head's
    `storedWorkflowTemplateSpec`. A reason not to run is stored and reported by the first reconcile.
    """
    spec = workflow.get("spec") or {}
    reference = spec.get("workflowTemplateRef")
    defaults = (world.workflow_defaults or {}).get("spec") or {}
    hidden: Doc = {"created": now}
    head: Doc = {"phase": "", "startedAt": None, "finishedAt": None, HIDDEN: hidden}
    if reference:
        shelf = world.cluster_templates if reference.get("clusterScope") else world.templates
        template = shelf.get(reference.get("name", ""))
        if template is None:
            kind = "clusterworkflowtemplate" if reference.get("clusterScope") else "workflowtemplate"
            hidden["refused"] = {"phase": "Error", "message": f'{kind}.argoproj.io "{reference.get("name", "")}" not found'}
        else:
            head["storedWorkflowTemplateSpec"] = merge_workflow_spec(spec, template.get("spec") or {}, defaults)
    elif defaults:
        hidden["spec"] = merge_workflow_spec(spec, None, defaults)
    entry = (workflow.get("status") or {}).get("entry")
    if entry:
        hidden["entry"] = entry  # the name that Argo keeps showing after a memoized resubmit
    return Run(
        workflow={k: v for k, v in workflow.items() if k != "status"},
        head=head,
        nodes=_reused(workflow, now),
        edges=_reused_exits(workflow),
        private={},
    )


def _reused(workflow: Doc, now: float) -> dict[str, Doc]:
    """Nodes that a memoized resubmit reuses from the old Workflow: they count as skipped and keep their outputs."""
    given = workflow.get("status") or {}
    old, new = str(given.get("resubmittedFrom") or ""), workflow["metadata"]["name"]
    found: dict[str, Doc] = {}
    for before, doc in (given.get("nodes") or {}).items() if old else ():
        name = new + doc["name"].removeprefix(old)
        boundary = ((given.get("nodeNames") or {}).get(doc.get("boundaryID", "")) or "").removeprefix(old)
        node = {**doc, "id": node_id(new, name), "name": name, "type": "Skipped", "phase": "Skipped", "message": f"original pod: {before}"}
        node.update(
            startedAt=timestamp(now), finishedAt=timestamp(now), templateScope=doc["templateScope"].replace(f"local/{old}", f"local/{new}")
        )
        node.pop("children", None)
        if doc.get("boundaryID"):
            node["boundaryID"] = node_id(new, new + boundary)
        found[node["id"]] = node
    return found


def _reused_exits(workflow: Doc) -> dict[str, list[str]]:
    """The edges of reused exit handlers, below the nodes that they belong to."""
    given, new = workflow.get("status") or {}, workflow["metadata"]["name"]
    old, nodes = str(given.get("resubmittedFrom") or ""), given.get("nodes") or {}
    found: dict[str, list[str]] = {}
    for doc in nodes.values() if old else ():
        for child in doc.get("children") or ():
            if child in nodes and nodes[child]["name"] == f"{doc['name']}.onExit":
                name = new + doc["name"].removeprefix(old)
                found.setdefault(node_id(new, name), []).append(node_id(new, f"{name}.onExit"))
    return found


def spec_of(run: Run) -> Doc:
    """The spec that is executed."""
    spec: Doc = run.head.get("storedWorkflowTemplateSpec") or (run.head.get(HIDDEN) or {}).get("spec") or run.workflow.get("spec") or {}
    return spec


def is_finished(run: Run) -> bool:
    """Whether the Workflow has ended; then all its pods have ended too."""
    return run.head.get("phase") in COMPLETED


def compose(run: Run) -> Doc:
    """The Workflow as Argo's API would show it."""
    workflow = {**run.workflow}
    hidden = run.head.get(HIDDEN) or {}
    spec = dict(workflow.get("spec") or {})
    if hidden.get("arguments"):
        spec["arguments"] = hidden["arguments"]
    if hidden.get("shutdown"):
        spec["shutdown"] = hidden["shutdown"]
    if hidden.get("suspended"):
        spec["suspend"] = True
    elif "suspended" in hidden:
        spec.pop("suspend", None)
    workflow["spec"] = spec
    status = {k: v for k, v in run.head.items() if k != HIDDEN and (v is not None or k in ("startedAt", "finishedAt"))}
    nodes = {n: _shown(doc, run.edges.get(n)) for n, doc in run.nodes.items()}
    if nodes:
        status["nodes"] = nodes
        status["progress"] = _progress(nodes)
        claims = _claims(run)
        if claims:
            status["persistentVolumeClaims"] = claims
    workflow["status"] = status
    return workflow


def _claims(run: Run) -> list[Doc]:
    """The claims created for the Workflow, until `volumeClaimGC` removes them: after success, or after any end."""
    spec = run.head.get("storedWorkflowTemplateSpec") or run.workflow.get("spec") or {}
    phase = run.head.get("phase")
    strategy = (spec.get("volumeClaimGC") or {}).get("strategy") or "OnWorkflowSuccess"
    if phase == "Succeeded" or (phase in ("Failed", "Error") and strategy == "OnWorkflowCompletion"):
        return []
    names = [str((claim.get("metadata") or {}).get("name") or "") for claim in spec.get("volumeClaimTemplates") or ()]
    workflow = run.workflow["metadata"]["name"]
    return [{"name": name, "persistentVolumeClaim": {"claimName": f"{workflow}-{name}"}} for name in names]


def _shown(node: Doc, children: list[str] | None) -> Doc:
    shown = dict(node)
    if children:
        shown["children"] = list(children)
    return shown


def _progress(nodes: dict[str, Doc]) -> str:
    """Set every node's progress (`done/total` of the executable nodes at and below it). Returns the Workflow's."""
    own = {n: _own_progress(doc) for n, doc in nodes.items() if doc["type"] in EXECUTABLE}
    for n, (done, total) in own.items():
        nodes[n]["progress"] = f"{done}/{total}"
    inner: dict[str, list[int]] = {}
    for n, (done, total) in own.items():
        above = nodes[n].get("boundaryID")
        while above in nodes:
            entry = inner.setdefault(above, [0, 0])
            entry[0] += done
            entry[1] += total
            above = nodes[above].get("boundaryID")
    for n, doc in nodes.items():
        if doc["type"] in EXECUTABLE:
            continue
        done, total = inner.get(n) or _sum(own, doc)
        if total:
            doc["progress"] = f"{done}/{total}"
    return f"{sum(d for d, _ in own.values())}/{sum(t for _, t in own.values())}"


def _own_progress(node: Doc) -> tuple[int, int]:
    return (1 if node["phase"] in ("Succeeded", "Skipped", "Omitted") else 0), 1


def _sum(own: dict[str, tuple[int, int]], node: Doc) -> tuple[int, int]:
    found = [own[c] for c in node.get("children") or () if c in own]
    return sum(d for d, _ in found), sum(t for _, t in found)


def text(value: Any) -> str:
    """A parameter's value as text; manifests may contain numbers and booleans. Argo reads every number as a float64."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > 2**53):
        from localargo.expressions.rawjson import plain_digits

        return plain_digits(float(value))
    return str(value)


_PARAMETER = ("name", "default", "value", "valueFrom", "globalName", "enum", "description")  # the order of Argo's JSON
_SOURCE = ("path", "jsonPath", "jqFilter", "event", "parameter", "supplied", "configMapKeyRef", "default", "expression")


def shown_parameters(parameters: Sequence[Doc] | None) -> list[Doc] | None:
    """Parameters as Argo prints them in one variable: with its order of fields, every value a string."""
    return [_shown_parameter(p) for p in parameters or ()] or None


def _shown_parameter(parameter: Doc) -> Doc:
    made: Doc = {k: parameter[k] for k in _PARAMETER if parameter.get(k) is not None}
    for field in ("default", "value", "description"):
        if field in made:
            made[field] = text(made[field])
    if "enum" in made:
        made["enum"] = [text(each) for each in made["enum"]]
    source = made.get("valueFrom")
    if source:
        made["valueFrom"] = {k: text(source[k]) if k == "default" else source[k] for k in _SOURCE if source.get(k) is not None}
        reference = source.get("configMapKeyRef")
        if reference:
            made["valueFrom"]["configMapKeyRef"] = {k: reference[k] for k in ("name", "key", "optional") if k in reference}
    return made
