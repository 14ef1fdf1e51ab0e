"""`args` of an argoWorkflow trigger: the options of the `argo` command line, as the request that it would send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from localargo.errors import InvalidInput
from localargo.ports import Doc

SUBMIT = {
    "-p": "parameters",
    "--parameter": "parameters",
    "-l": "labels",
    "--labels": "labels",
    "--annotations": "annotations",
    "--name": "name",
    "--generate-name": "generateName",
    "--entrypoint": "entrypoint",
    "--serviceaccount": "serviceAccountName",
    "--priority": "priority",
}
OPERATE = {
    "-p": "parameters",
    "--parameter": "parameters",
    "--node-field-selector": "nodeFieldSelector",
    "--message": "message",
}
SWITCHES = {"--restart-successful": "restartSuccessful", "--memoized": "memoized"}
LISTS = ("parameters",)
MAPS = ("labels", "annotations")


def read(args: Sequence[Any], *, submit: bool) -> dict[str, Any]:
    """The options by their names in a request. Raises InvalidInput for an unknown option."""
    known = SUBMIT if submit else OPERATE
    found: dict[str, Any] = {}
    rest = [str(arg) for arg in args]
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        if flag in SWITCHES and not submit:
            found[SWITCHES[flag]] = (value or "true") == "true"
            continue
        if flag not in known:
            raise InvalidInput(
                f"argoWorkflow.args: {flag!r} is not supported; supported: {', '.join([*known, *(() if submit else SWITCHES)])}"
            )
        if not equals:
            if not rest:
                raise InvalidInput(f"argoWorkflow.args: {flag} needs a value")
            value = rest.pop(0)
        _put(found, known[flag], value)
    return found


def _put(found: dict[str, Any], name: str, value: str) -> None:
    if name in LISTS:
        found.setdefault(name, []).append(value)
    elif name in MAPS:
        found.setdefault(name, {}).update(_pair(entry) for entry in value.split(","))
    else:
        found[name] = value


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidInput(f"argoWorkflow.args: {text!r} is not of the form name=value")
    return name, value


def onto(workflow: Doc, options: dict[str, Any]) -> Doc:
    """The Workflow with the options of `argo submit`: a parameter among them replaces the one of that name, or is added."""
    metadata, spec = {**(workflow.get("metadata") or {})}, {**(workflow.get("spec") or {})}
    for name in MAPS:
        if options.get(name):
            metadata[name] = {**(metadata.get(name) or {}), **options[name]}
    for name in ("name", "generateName"):
        if options.get(name):
            metadata.pop("generateName" if name == "name" else "name", None)
            metadata[name] = options[name]
    for name in ("entrypoint", "serviceAccountName"):
        if options.get(name):
            spec[name] = options[name]
    if options.get("priority"):
        spec["priority"] = int(options["priority"]) if str(options["priority"]).lstrip("-").isdigit() else options["priority"]
    if options.get("parameters"):
        given = dict(_pair(entry) for entry in options["parameters"])
        arguments = {**(spec.get("arguments") or {})}
        kept = [{**p, "value": given.pop(p["name"])} if p.get("name") in given else p for p in arguments.get("parameters") or []]
        arguments["parameters"] = [*kept, *({"name": name, "value": value} for name, value in given.items())]
        spec["arguments"] = arguments
    return {**workflow, "metadata": metadata, "spec": spec}
