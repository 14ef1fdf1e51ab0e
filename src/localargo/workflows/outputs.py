"""Outputs of nodes: of a pod, of a steps or dag template, of a loop (lists), and the Workflow's global ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from localargo.expressions import ExpressionError, exprlang, gotext, rawjson
from localargo.expressions.tags import explode
from localargo.manifests.workflow import template_types
from localargo.ports import Doc, StoredOutputs
from localargo.workflows.artifacts import ArtifactMissing, NotAnArtifact, resolve_artifact
from localargo.workflows.resolve import resolve
from localargo.workflows.scope import Scope
from localargo.workflows.status import text
from localargo.workflows.work import CallFailed, Pass

# ------------------------------------------------------------------------------------------ a pod's outputs


def pod_outputs(template: Doc, stored: StoredOutputs | None, exit_code: str | None) -> Doc | None:
    """The node's outputs after its pod has ended; declared parameters that were not written have no value."""
    declared = template.get("outputs") or {}
    outputs: Doc = {}
    if stored is not None:
        parameters = []
        for parameter in declared.get("parameters") or ():
            value = stored.parameters.get(parameter["name"])
            parameters.append({**parameter, "value": value} if value is not None else parameter)
        if parameters:
            outputs["parameters"] = parameters
        artifacts = [_stored(a, stored) for a in declared.get("artifacts") or () if a["name"] in stored.artifacts]
        names = {a["name"] for a in artifacts}
        artifacts += [_stored({"name": name}, stored) for name in stored.artifacts if name.endswith("-logs") and name not in names]
        if artifacts:
            outputs["artifacts"] = artifacts
        if stored.result is not None:
            outputs["result"] = stored.result
    if exit_code is not None:
        outputs["exitCode"] = exit_code
    return outputs or None


def _stored(artifact: Doc, stored: StoredOutputs) -> Doc:
    location = stored.artifacts[artifact["name"]]
    s3 = {**(artifact.get("s3") or {}), "key": location.key}
    if location.bucket:
        s3["bucket"] = location.bucket
    return {**artifact, "s3": s3}


# ------------------------------------------------------------------------------------------ in the scope of a template


def node_scope(p: Pass, kind: str, name: str, node: str) -> Scope:
    """The variables `steps.<name>.*` or `tasks.<name>.*`; for a Retry node those of its last attempt."""
    node = last_attempt(p, node) or node
    doc = p.node(node)
    scope = Scope()
    prefix = f"{kind}.{name}"
    scope.params[f"{prefix}.id"] = node
    for field in ("startedAt", "finishedAt"):
        if doc.get(field):
            scope.params[f"{prefix}.{field}"] = doc[field]
    scope.params[f"{prefix}.status"] = doc["phase"]
    add_outputs(scope, prefix, doc.get("outputs"))
    return scope


def add_outputs(scope: Scope, prefix: str, outputs: Doc | None) -> None:
    """Add a node's outputs under a name."""
    if not outputs:
        return
    if outputs.get("result") is not None:
        scope.params[f"{prefix}.outputs.result"] = outputs["result"]
    if outputs.get("exitCode") is not None:
        scope.params[f"{prefix}.exitCode"] = outputs["exitCode"]
    for parameter in outputs.get("parameters") or ():
        if parameter.get("value") is not None:
            scope.params[f"{prefix}.outputs.parameters.{parameter['name']}"] = text(parameter["value"])
    for artifact in outputs.get("artifacts") or ():
        scope.artifacts[f"{prefix}.outputs.artifacts.{artifact['name']}"] = artifact


def last_attempt(p: Pass, node: str) -> str | None:
    """A Retry node's last attempt, unless its outputs came from the cache."""
    doc = p.node(node)
    if doc["type"] != "Retry" or (doc.get("memoizationStatus") or {}).get("hit"):
        return None
    children = p.children(node)
    return next((c for c in reversed(children) if not (p.node(c).get("nodeFlag") or {}).get("hooked")), None)


def skipped_scope(p: Pass, base: str, kind: str, name: str, node: str, holder: Doc, *, artifacts: bool) -> Scope:
    """The outputs of a skipped or omitted node: its template's defaults, else absent values (None)."""
    scope = Scope()
    doc = p.node(node)
    if doc.get("outputs") is not None or doc["phase"] not in ("Skipped", "Omitted"):
        return scope
    try:
        _, template = resolve(p, base, holder)
    except CallFailed:
        return scope
    declared = template.get("outputs") or {}
    for parameter in declared.get("parameters") or ():
        default = (parameter.get("valueFrom") or {}).get("default")
        scope.params[f"{kind}.{name}.outputs.parameters.{parameter['name']}"] = None if default is None else text(default)
    for artifact in declared.get("artifacts") or () if artifacts else ():
        scope.artifacts[f"{kind}.{name}.outputs.artifacts.{artifact['name']}"] = {}
    return scope


def loop_scope(p: Pass, kind: str, name: str, nodes: Iterable[str]) -> Scope:
    """The lists of a loop's outputs: of the succeeded items, in order. Raises CallFailed for a result that is not JSON.

    Items reused from an older Workflow count as succeeded.
    """
    scope = Scope()
    items = [{**p.node(n), "phase": "Succeeded"} if p.priv(n).get("reused") else p.node(n) for n in nodes]
    items = [i for i in items if not any((i.get("nodeFlag") or {}).get(f) for f in ("hooked", "retried"))]
    if not items:
        return scope
    parameters: list[dict[str, str]] = []
    lists: dict[str, list[str]] = {}
    results = []
    for item in sorted(items, key=lambda i: _index(i["name"])):
        outputs = item.get("outputs")
        if not outputs or item["phase"] != "Succeeded":
            continue
        values = {o["name"]: text(o["value"]) for o in outputs.get("parameters") or () if o.get("value") is not None}
        if values:
            parameters.append(values)
            for key, value in values.items():
                lists.setdefault(key, []).append(value)
        if outputs.get("result") is not None:
            try:
                results.append(rawjson.loads(outputs["result"]))
            except ExpressionError as error:
                raise CallFailed(str(error)) from error
    scope.params[f"{kind}.{name}.outputs.result"] = rawjson.dumps(results, html=True, sort=False)
    scope.params[f"{kind}.{name}.outputs.parameters"] = rawjson.dumps(parameters, html=True)
    for key, found in lists.items():
        scope.params[f"{kind}.{name}.outputs.parameters.{key}"] = _value_list(found)
    return scope


def _value_list(values: list[str]) -> str:
    """A JSON list of the texts, or of the values in them when each is a JSON list or map."""
    meant = []
    for value in values:
        if value.lstrip()[:1] not in ("[", "{"):
            break
        try:
            meant.append(rawjson.loads_go(value))
        except ExpressionError:
            break
    return rawjson.dumps(meant if len(meant) == len(values) else values, html=True)


def _index(name: str) -> int:
    number = name.rpartition("(")[2].partition(":")[0]
    return int(number) if number.isdigit() else 0


# ------------------------------------------------------------------------------------------ of a template


def template_outputs(template: Doc, scope: Scope) -> Doc | None:
    """The outputs of a steps or dag template. Raises CallFailed when one cannot be computed."""
    declared = template.get("outputs") or {}
    if not declared.get("parameters") and not declared.get("artifacts"):
        return None
    outputs: Doc = {}
    if declared.get("parameters"):
        outputs["parameters"] = [_output_parameter(parameter, scope) for parameter in declared["parameters"]]
    found = []
    for artifact in declared.get("artifacts") or ():
        try:
            resolved = resolve_artifact(artifact, scope)
        except (ArtifactMissing, ExpressionError) as error:
            if artifact.get("optional") and isinstance(error, ArtifactMissing) and not isinstance(error, NotAnArtifact):
                continue
            raise CallFailed(f"unable to resolve outputs from scope: {error}") from error
        if resolved is not None:
            found.append({**resolved, "name": artifact["name"]})
    if found:
        outputs["artifacts"] = found
    return outputs


def _output_parameter(parameter: Doc, scope: Scope) -> Doc:
    source = parameter.get("valueFrom")
    if source is None:
        raise CallFailed("output parameters must have a valueFrom specified")
    default = source.get("default")
    try:
        value = _output_value(source, scope)
    except (ExpressionError, CallFailed) as error:
        if default is None:
            raise CallFailed(str(error)) from error
        value = text(default)
    if value is None:
        if default is None:
            what = f'output parameter "{parameter["name"]}": "{source.get("parameter", "")}" is an absent optional'
            raise CallFailed(f"{what} (skipped/omitted node output with no default)")
        value = text(default)
    return {**{k: v for k, v in parameter.items() if k != "valueFrom"}, "value": value}


def _output_value(source: Doc, scope: Scope) -> str | None:
    if source.get("expression"):
        value = exprlang.run(source["expression"], explode(scope.everything()))
        if value is None:
            raise CallFailed(f"failed to evaluate expression {gotext.go_quote(source['expression'])}")
        return gotext.go_value(value)
    name = source.get("parameter") or ""
    if not name:
        return ""
    tag = name.removeprefix("{{").removesuffix("}}").strip()
    if tag.startswith("="):  # Argo evaluates this expression without any names
        raise CallFailed(f"Unable to compile: {gotext.go_quote(tag[1:])}")
    if tag not in scope.params:
        raise CallFailed(f'Unable to resolve: "{tag}"')
    return scope.params[tag]


# ------------------------------------------------------------------------------------------ global outputs


def publish(p: Pass, outputs: Doc | None) -> None:
    """Copy outputs with a `globalName` to the Workflow's own outputs."""
    if not outputs:
        return
    own = p.head.get("outputs") or {}
    result = dict(own)
    for field in ("parameters", "artifacts"):
        for output in outputs.get(field) or ():
            name = output.get("globalName")
            if not name:
                continue
            if field == "parameters":
                shown: Doc = {"name": name, **({"value": output["value"]} if output.get("value") is not None else {})}
            else:
                shown = {**{k: v for k, v in output.items() if k not in ("globalName", "path")}, "name": name}
            listed = list(result.get(field) or ())
            place = next((i for i, o in enumerate(listed) if o["name"] == name), None)
            if place is None:
                listed.append(shown)
            elif field == "artifacts" or "value" in shown:
                listed[place] = shown
            result[field] = listed
    if result != own:
        p.set_head(outputs=result)
        p.set_hidden(outputs=p.hidden.get("outputs", 0) + 1)


# ------------------------------------------------------------------------------------------ references to a result


def task_name(node_name: str) -> str:
    """The step or task in a node's name, without the brackets of items and attempts at its end."""
    opener = ""
    name = node_name
    for place in range(len(node_name) - 1, -1, -1):
        char = node_name[place]
        if opener:
            opener = "" if char == opener else opener
        elif char == ")":
            opener = "("
        elif char == "]":
            opener = "["
        else:
            name = node_name[: place + 1]
            break
    return name.rpartition(".")[2]


def refers_to_result(frame: Any, name: str) -> bool:
    """Whether the template refers to the step's or task's `outputs.result`."""
    if not frame.text:
        frame.text = json.dumps(frame.raw, ensure_ascii=False)
    kinds = template_types(frame.raw)
    kind = "tasks" if "dag" in kinds else "steps" if "steps" in kinds else ""
    plain = rf"{kind}\.{re.escape(name)}\.outputs\.result"
    indexed = rf"{kind}\[['\"]{re.escape(name)}['\"]\]\.outputs.result"
    return bool(re.search(plain, frame.text) or re.search(indexed, frame.text))
