"""Gives a called template the values of its inputs and replaces its tags, in as many rounds as Argo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.rawjson import dumps
from localargo.expressions.tags import substitute
from localargo.ports import Doc
from localargo.workflows.messages import World
from localargo.workflows.status import shown_parameters, text
from localargo.workflows.work import CallFailed

Params = Mapping[str, str | None]

TYPE_LABEL = "workflows.argoproj.io/configmap-type"
_LOCATIONS = ("s3", "raw", "http", "git", "artifactory", "hdfs", "oss", "gcs", "azure", "plugin")
ABSENT = "__argo-internal.absent-optional-output__"  # stands for an argument that refers to an output that was never written


class ConfigMapError(Exception):
    """A ConfigMap or its key does not exist, or the ConfigMap lacks the label for parameters."""

    def __init__(self, message: str, absent: bool) -> None:
        super().__init__(message)
        self.absent = absent


def configmap_value(world: World, name: str, key: str) -> str:
    """One key of a ConfigMap of parameters. Raises ConfigMapError in Argo's words."""
    found = world.configmaps.get(name)
    labels = ((found or {}).get("metadata") or {}).get("labels") or {}
    if found is None or TYPE_LABEL not in labels:
        advice = f"Please make sure it has the label {TYPE_LABEL}: Parameter to be detectable by the controller"
        raise ConfigMapError(f"ConfigMap '{name}' does not exist. {advice}", True)
    if labels[TYPE_LABEL] != "Parameter":
        raise ConfigMapError(f"ConfigMap '{name}' needs to have the label {TYPE_LABEL}: Parameter to load parameters", False)
    data = found.get("data") or {}
    if key not in data:
        raise ConfigMapError(f"ConfigMap '{name}' does not have the key '{key}'", True)
    return str(data[key])


def process(template: Doc, arguments: Doc, params: Params, local: Params, world: World) -> tuple[Doc, Doc]:
    """The template as executed, and the arguments with the values read from ConfigMaps, so that each is read once.

    Precedence: argument, the input's own value, its default, its `valueFrom`. Raises CallFailed.
    """
    result = dict(template)
    inputs = dict(result.get("inputs") or {})
    given = {a["name"]: a for a in arguments.get("parameters") or ()}
    if inputs.get("parameters"):
        done = [_parameter(p, given.get(p["name"]), params, world) for p in inputs["parameters"]]
        inputs["parameters"] = done
        fresh = [p for p in done if p["name"] not in given and p.get("valueFrom") and p.get("value") is not None]
        read = [{"name": p["name"], "value": p["value"]} for p in fresh]
        if read:
            arguments = {**arguments, "parameters": [*(arguments.get("parameters") or ()), *read]}
    if inputs.get("artifacts"):
        supplied = {a["name"]: a for a in arguments.get("artifacts") or ()}
        inputs["artifacts"] = [_artifact(a, supplied.get(a["name"])) for a in inputs["artifacts"]]
    if inputs:
        result["inputs"] = inputs
    return substitute_params(result, params, local), arguments


def _parameter(declared: Doc, given: Doc | None, params: Params, world: World) -> Doc:
    result = dict(declared)
    if result.get("value") is None and result.get("default") is not None:
        result["value"] = result["default"]
    absent = given is not None and given.get("value") == ABSENT
    if absent and result.get("value") is None and not result.get("valueFrom"):
        why = "argument references an absent optional (skipped/omitted node output with no default)"
        raise CallFailed(f"inputs.parameters.{declared['name']}: {why}")
    if given is not None and not absent:
        result.pop("value", None)
        result.pop("valueFrom", None)
        field = "value" if given.get("value") is not None else "valueFrom"
        if given.get(field) is not None:
            result[field] = given[field]
    source = result.get("valueFrom") or {}
    reference = source.get("configMapKeyRef")
    if reference:
        _read_configmap(result, source, reference, params, world)
    elif result.get("value") is None:
        raise CallFailed(f"inputs.parameters.{declared['name']} was not supplied")
    if result.get("value") is not None:
        result["value"] = text(result["value"])
    return result


def _read_configmap(result: Doc, source: Doc, reference: Doc, params: Params, world: World) -> None:
    try:
        named = substitute({"name": reference.get("name", ""), "key": reference.get("key", "")}, params, strict=("*",))
    except ExpressionError as error:
        raise CallFailed(f"failed to substitute configMapKeyRef: {error}") from error
    try:
        result["value"] = configmap_value(world, named["name"], named["key"])
    except ConfigMapError as error:
        if source.get("default") is None or not error.absent:
            message = f"unable to retrieve inputs.parameters.{result['name']} from ConfigMap: {error}"
            raise CallFailed(message) from error
        result["value"] = source["default"]


def has_location(artifact: Doc) -> bool:
    """Whether the artifact has a location."""
    return any(artifact.get(kind) is not None for kind in _LOCATIONS)


def _artifact(declared: Doc, given: Doc | None) -> Doc:
    name = declared["name"]
    if not declared.get("optional") and not has_location(declared):
        if given is None:
            raise CallFailed(f"inputs.artifacts.{name} was not supplied")
        if not has_location(given):
            raise CallFailed(f"inputs.artifacts.{name} missing location information")
    if given is None:
        return declared
    result = dict(given)
    for field in ("path", "mode", "recurseMode"):
        result.pop(field, None)
        if declared.get(field) is not None:
            result[field] = declared[field]
    return result


def substitute_params(template: Doc, params: Params, local: Params) -> Doc:
    """Replace the tags in two rounds: variables of the Workflow and the node first, then the inputs as well. Raises CallFailed."""
    names: dict[str, str | None] = {**params, **local}
    try:
        first: Doc = substitute(template, names)
        names.update(_own_names(first))
        second: Doc = substitute(first, names)
    except ExpressionError as error:
        raise CallFailed(str(error)) from error
    return second


def _own_names(template: Doc) -> dict[str, str]:
    inputs, outputs = template.get("inputs") or {}, template.get("outputs") or {}
    names: dict[str, str] = {"inputs.parameters": dumps(shown_parameters(inputs.get("parameters")), html=True, sort=False)}
    for parameter in inputs.get("parameters") or ():
        if parameter.get("value") is not None:
            names[f"inputs.parameters.{parameter['name']}"] = text(parameter["value"])
    for artifact in inputs.get("artifacts") or ():
        if artifact.get("path"):
            names[f"inputs.artifacts.{artifact['name']}.path"] = artifact["path"]
    for artifact in outputs.get("artifacts") or ():
        if artifact.get("path"):
            names[f"outputs.artifacts.{artifact['name']}.path"] = artifact["path"]
    for parameter in outputs.get("parameters") or ():
        path = (parameter.get("valueFrom") or {}).get("path")
        if path:
            names[f"outputs.parameters.{parameter['name']}.path"] = path
    return names


def node_inputs(template: Doc) -> Doc | None:
    """The inputs in the node's status."""
    inputs = template.get("inputs") or {}
    shown: dict[str, Any] = {k: inputs[k] for k in ("parameters", "artifacts") if inputs.get(k)}
    return shown or None
