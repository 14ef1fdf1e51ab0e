"""The variables of templates: those of the whole Workflow, and those of one steps or dag template."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from localargo.clock import seconds, timestamp
from localargo.expressions import ExpressionError, gotext
from localargo.expressions.rawjson import dumps, quote
from localargo.expressions.tags import substitute
from localargo.ports import Doc
from localargo.workflows.arguments import ConfigMapError, configmap_value
from localargo.workflows.index import BAD
from localargo.workflows.status import pod_name, shown_parameters, template_name, text
from localargo.workflows.work import CallFailed, Pass

Params = dict[str, str | None]

_LATER = ("workflows.argoproj.io/phase", "workflows.argoproj.io/completed", "workflows.argoproj.io/pod-name-format")
_LETTERS = "aAbBcCdDeFHIjklLmMnprRStTuUvVwWxXyYzZ"


@dataclass(slots=True)
class Scope:
    """Names in one steps or dag template: texts (None: an output that was never written) and artifacts."""

    params: Params = field(default_factory=dict)
    artifacts: dict[str, Doc] = field(default_factory=dict)

    def copy(self) -> Scope:
        """A copy that can be changed."""
        return Scope(dict(self.params), dict(self.artifacts))

    def update(self, other: Scope) -> None:
        """Add the names of another scope, which take precedence."""
        self.params.update(other.params)
        self.artifacts.update(other.artifacts)

    def everything(self) -> dict[str, Any]:
        """All names, for an expression."""
        return {**self.artifacts, **self.params}


def template_scope(template: Doc) -> Scope:
    """The variables of a template's own inputs."""
    scope = Scope()
    inputs = template.get("inputs") or {}
    for parameter in inputs.get("parameters") or ():
        if parameter.get("value") is not None:
            scope.params[f"inputs.parameters.{parameter['name']}"] = text(parameter["value"])
    for artifact in inputs.get("artifacts") or ():
        scope.artifacts[f"inputs.artifacts.{artifact['name']}"] = artifact
    return scope


def workflow_outputs(p: Pass, scope: Scope) -> None:
    """Add the global outputs published so far."""
    outputs = p.head.get("outputs") or {}
    for parameter in outputs.get("parameters") or ():
        if parameter.get("value") is not None:
            scope.params[f"workflow.outputs.parameters.{parameter['name']}"] = text(parameter["value"])
    for artifact in outputs.get("artifacts") or ():
        scope.artifacts[f"workflow.outputs.artifacts.{artifact['name']}"] = artifact


# ------------------------------------------------------------------------------------------ the Workflow's variables


def resolve_parameters(p: Pass) -> None:
    """Read the Workflow's parameters once, ConfigMaps included. Raises CallFailed with Argo's message."""
    values: dict[str, str] = {}
    for parameter in (p.spec.get("arguments") or {}).get("parameters") or ():
        source = parameter.get("valueFrom") or {}
        reference = source.get("configMapKeyRef")
        if parameter.get("value") is not None:
            values[parameter["name"]] = text(parameter["value"])
        elif reference:
            try:
                values[parameter["name"]] = configmap_value(p.world, reference["name"], reference["key"])
            except ConfigMapError as error:
                if source.get("default") is None:
                    what = f"failed to set global parameter {parameter['name']} from configmap"
                    where = f"with name {reference['name']} and key {reference['key']}"
                    raise CallFailed(f"failed to set global parameters: {what} {where}: {error}") from error
                values[parameter["name"]] = text(source["default"])
        else:
            what = "either value or valueFrom must be specified in order to set global parameter"
            raise CallFailed(f"failed to set global parameters: {what} {parameter['name']}")
    p.set_hidden(parameters=values)
    if not p.run.workflow["spec"].get("workflowTemplateRef"):
        _show_arguments(p)


def _show_arguments(p: Pass) -> None:
    """Argo substitutes the Workflow's own variables in its arguments and stores them, but not with a workflowTemplateRef."""
    arguments = p.spec.get("arguments") or {}
    try:
        shown = substitute(arguments, global_params(p))
    except ExpressionError:
        return  # reported when the entry template is called
    if shown != arguments:
        p.set_hidden(arguments=shown)


def global_params(p: Pass, late: bool = False) -> Params:
    """Every `workflow.` variable. `late`: as after the entry node was executed, with `workflow.failures`."""
    version = (p.hidden.get("outputs", 0), p.hidden.get("parameters") is None, len(p.labels), len(p.annotations), late and p.late)
    known = p.index.memory.get("globals")
    if known is None or known[0] != version:
        known = (version, _lasting(p))
        p.index.memory["globals"] = known
    params: Params = dict(known[1])
    params["workflow.status"] = _status(p, late)
    params["workflow.duration"] = f"{_duration(p):f}"
    if late and mentions(p, "workflow.failures"):
        params["workflow.failures"] = failures(p)
    return params


def params_at(p: Pass, name: str) -> Params:
    """The variables for a node of that name: the Workflow's exit handler is executed after the entry node."""
    return global_params(p, late=is_late(p, name))


def is_late(p: Pass, name: str) -> bool:
    """Whether the node is the Workflow's exit handler or below it."""
    pattern = p.index.memory.setdefault("late", re.compile(re.escape(p.name) + r"\.onExit(?:[.\[(]|$)"))
    return bool(pattern.match(name))


def mentions(p: Pass, words: str) -> bool:
    """Whether any template that this run may call contains the text."""
    known = p.index.memory.get(words)
    if known is None or not known[1]:
        size = len(p.head.get("storedTemplates") or {})
        if known is None or known[0] != size:
            found = words in json.dumps(p.spec) or words in json.dumps(p.head.get("storedTemplates") or {})
            known = p.index.memory[words] = (size, found)
    return bool(known[1])


def _status(p: Pass, late: bool) -> str:
    if not late:
        return "" if p.first else str(p.head.get("phase") or "")
    entry = p.get(p.name)
    phase = entry["phase"] if entry else "Running"
    return "Succeeded" if phase in ("Skipped", "Omitted") else str(phase)


def _duration(p: Pass) -> float:
    began = p.head.get("startedAt")
    return max(0.0, p.now - seconds(began)) if began else 0.0


def _lasting(p: Pass) -> Params:
    metadata = p.run.workflow["metadata"]
    created = _created(p)
    given = {"labels": metadata.get("labels") or {}, "annotations": metadata.get("annotations") or {}}
    named = {"labels": {**given["labels"], **_own(p.labels)}, "annotations": {**given["annotations"], **_own(p.annotations)}}
    params: Params = {
        "workflow.name": p.name,
        "workflow.namespace": p.namespace,
        "workflow.mainEntrypoint": p.spec.get("entrypoint") or "",
        "workflow.serviceAccountName": p.spec.get("serviceAccountName") or "",
        "workflow.uid": metadata.get("uid") or "",
        "workflow.creationTimestamp": timestamp(created),
        "workflow.creationTimestamp.s": str(int(created)),
        "workflow.creationTimestamp.RFC3339": timestamp(created),
    }
    for letter in _LETTERS:
        params.setdefault(f"workflow.creationTimestamp.{letter}", gotext.strftime(created, letter))
    if p.spec.get("priority") is not None:
        params["workflow.priority"] = str(p.spec["priority"])
    scheduled = given["annotations"].get("workflows.argoproj.io/scheduled-time")
    if scheduled:
        params["workflow.scheduledTime"] = scheduled
    parameters = dumps(shown_parameters((p.spec.get("arguments") or {}).get("parameters")), html=True, sort=False)
    params["workflow.parameters"] = params["workflow.parameters.json"] = parameters
    for name, value in (p.hidden.get("parameters") or {}).items():
        params[f"workflow.parameters.{name}"] = value
    for name in (p.spec.get("workflowMetadata") or {}).get("labelsFrom") or {}:
        if name not in p.labels:
            named["labels"].pop(name, None)  # Argo knows an expression's value only in the reconcile that evaluated it
    for kind, values in named.items():
        params[f"workflow.{kind}"] = params[f"workflow.{kind}.json"] = dumps(given[kind] or None, html=True)
        params.update({f"workflow.{kind}.{name}": str(value) for name, value in values.items()})
    outputs = Scope()
    workflow_outputs(p, outputs)
    params.update(outputs.params)
    return params


def _own(changes: dict[str, str]) -> dict[str, str]:
    """The labels and annotations that this reconcile sets from workflowMetadata; Argo's own are visible from the next one on."""
    return {k: v for k, v in changes.items() if k not in _LATER}


def _created(p: Pass) -> float:
    stamp = p.run.workflow["metadata"].get("creationTimestamp")
    return seconds(stamp) if stamp else float(p.hidden.get("created", p.now))


def failures(p: Pass) -> str:
    """`workflow.failures`: JSON in a JSON string; "null" when nothing failed."""
    found = []
    for node in {**p.run.nodes, **p.nodes}.values():
        if node["phase"] in BAD:
            template = template_name(node)
            found.append(
                {
                    "displayName": node["displayName"],
                    "message": node.get("message", ""),
                    "templateName": template,
                    "phase": node["phase"],
                    "podName": pod_name(p.name, node["name"], template),
                    "finishedAt": node.get("finishedAt"),
                }
            )
    return quote(dumps(found or None, html=True, sort=False))
