"""Suspend templates: wait for a time, or until someone resumes the node and supplies its outputs."""

from __future__ import annotations

import json

from localargo.expressions import ExpressionError
from localargo.expressions.gotext import argo_duration
from localargo.ports import Doc
from localargo.workflows.status import text
from localargo.workflows.work import CallFailed, Pass


def begin(p: Pass, node: str, template: Doc) -> None:
    """A new suspended node. Raises CallFailed."""
    outputs = _supplied_outputs(template)
    if outputs:
        p.set(node, outputs=outputs)
    _read_enums(p, node)
    duration = (template.get("suspend") or {}).get("duration")
    if duration:
        try:
            seconds = argo_duration(text(duration))
        except ExpressionError as error:
            raise CallFailed(str(error)) from error
        p.keep(node, wake=p.priv(node)["at"] + seconds)  # the time spent waiting for a lock counts too
    p.mark(node, "Running")
    if duration and p.priv(node)["wake"] <= p.now:
        assess(p, node)


def assess(p: Pass, node: str) -> None:
    """End the node if its time is over; in Error when a required output was not supplied."""
    doc = p.node(node)
    wake = p.priv(node).get("wake")
    if doc["phase"] != "Running" or wake is None or wake > p.now:
        return
    if p.suspended:
        p.keep(node, wake=None)  # while the whole Workflow is suspended nothing is assessed; resume ends the node itself
        return
    try:
        use_defaults(p, node)
    except CallFailed as error:
        p.fail(node, str(error))
        return
    p.mark(node, "Succeeded")


def use_defaults(p: Pass, node: str) -> None:
    """Set outputs that were not supplied to their defaults. Raises CallFailed for one without a default."""
    outputs = p.node(node).get("outputs")
    if not outputs:
        return
    done = []
    for parameter in outputs.get("parameters") or ():
        source = parameter.get("valueFrom") or {}
        if "supplied" in source:
            if source.get("default") is None:
                why = "has not been set and does not have a default value"
                raise CallFailed(f"raw output parameter '{parameter['name']}' {why}")
            parameter = {**{k: v for k, v in parameter.items() if k != "valueFrom"}, "value": text(source["default"])}
        done.append(parameter)
    p.set(node, outputs={**outputs, "parameters": done})


def _supplied_outputs(template: Doc) -> Doc | None:
    defaults = {i["name"]: i["default"] for i in (template.get("inputs") or {}).get("parameters") or () if i.get("default") is not None}
    found = []
    for parameter in (template.get("outputs") or {}).get("parameters") or ():
        source = parameter.get("valueFrom") or {}
        if "supplied" not in source:
            continue
        if source.get("default") is None and parameter["name"] in defaults:
            source = {**source, "default": defaults[parameter["name"]]}
        found.append({**parameter, "valueFrom": source})
    return {"parameters": found} if found else None


def _read_enums(p: Pass, node: str) -> None:
    """A parameter whose value is a parameter in JSON gets the allowed values from it."""
    inputs = p.node(node).get("inputs") or {}
    parameters = []
    for parameter in inputs.get("parameters") or ():
        try:
            inner = json.loads(parameter.get("value") or "")
        except ValueError:
            inner = None
        enum = inner.get("enum") if isinstance(inner, dict) else None
        if enum:
            parameter = {**parameter, "enum": enum, "default": parameter.get("default", enum[0])}
        parameters.append(parameter)
    if parameters and parameters != inputs.get("parameters"):
        p.set(node, inputs={**inputs, "parameters": parameters})
