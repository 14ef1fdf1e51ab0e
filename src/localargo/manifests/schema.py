"""Field names and types, by the closed JSON schemas of Argo Workflows 4.1 and Argo Events 1.9.

Argo Workflows' resources are refused by the API server when a field is unknown. Argo Events' resources are not: an unknown field
is silently dropped, so there it is a warning. A value of a wrong type in an EventSource or Sensor stops the
controller from reading every resource of the kind, so that is an error.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localargo.manifests.document import Document, join
from localargo.manifests.report import Report, hint_for, nearest

FOLDER = Path(__file__).parent / "schemas"
WORKFLOWS, EVENTS = "argo-workflows-4.1.2", "argo-events-1.9.11"
KINDS: Mapping[str, str] = {
    "Workflow": WORKFLOWS,
    "WorkflowTemplate": WORKFLOWS,
    "ClusterWorkflowTemplate": WORKFLOWS,
    "CronWorkflow": WORKFLOWS,
    "EventSource": EVENTS,
    "Sensor": EVENTS,
    "EventBus": EVENTS,
}
API_VERSION = "argoproj.io/v1alpha1"
REFERENCE = "#/definitions/"

# fields that Argo decodes from numbers and booleans too (its AnyString and Amount)
ANY_STRING = re.compile(r"(.*\.)?parameters\[\d+\]\.(value|default|enum\[\d+\]|valueFrom\.default)")
# Kubernetes reads them from numbers too
QUANTITY = re.compile(r".*\.((limits|requests|capacity|default|hard)\.[^.]+|sizeLimit|volumeSize|divisor)")
NUMBER_AS_TEXT = re.compile(r".*\.(factor|jitter)")

ELSEWHERE = "`argo submit` and this engine accept this too"
LIMITS = ("required", "enum", "pattern", "minItems", "maxItems", "minimum", "maximum", "minLength", "maxLength", "additionalProperties")

REMOVED: Mapping[str, str] = {  # fields of Argo before 4.0 -> what to write now
    "mutex": "removed in Argo 4.0; write `mutexes: [{name: ...}]`",
    "semaphore": "removed in Argo 4.0; write `semaphores: [{configMapKeyRef: {name: ..., key: ...}}]`",
    "schedule": "removed in Argo 4.0; write `schedules: [...]`",
}
BELONGS: Mapping[str, str] = {  # fields of Argo Events that are often put at the wrong level -> where Argo reads them
    "filtersLogicalOperator": "it belongs to the dependency, beside `filters`",
    "atLeastOnce": "it belongs to the trigger, beside `template`",
    "policy": "it belongs to the trigger, beside `template`",
    "retryStrategy": "it belongs to the trigger, beside `template`",
    "rateLimit": "it belongs to the trigger, beside `template`",
    "dlqTrigger": "it belongs to the trigger, beside `template`",
    "conditions": "it belongs in the trigger's `template`",
    "conditionsReset": "it belongs in the trigger's `template`",
    "parameters": "it belongs in `k8s` or `argoWorkflow` (to change the resource) or beside `template` (to change the trigger)",
}


@functools.cache
def definitions(schema: str) -> dict[str, Any]:
    """The schema's definitions by name."""
    found: dict[str, Any] = json.loads((FOLDER / f"{schema}.json").read_text(encoding="utf-8"))["definitions"]
    return found


@functools.cache
def _validator(kind: str) -> Any:
    import jsonschema_rs

    schema = {"$ref": REFERENCE + kind, "definitions": definitions(KINDS[kind])}
    return jsonschema_rs.Draft7Validator(schema)


@functools.cache
def _limits(kind: str) -> Any:
    """The schema with what Argo's resource definitions require besides names and types: required fields, patterns, ranges."""
    import jsonschema_rs

    known = {name: dict(each) for name, each in definitions(WORKFLOWS).items()}
    asked: dict[str, Any] = json.loads((FOLDER / f"{WORKFLOWS}-limits.json").read_text(encoding="utf-8"))
    for name, limits in asked.items():
        properties = {key: dict(each) for key, each in known[name].get("properties", {}).items()}
        for key, limit in limits.get("properties", {}).items():
            properties[key] = {"allOf": [properties[key], limit]}
        known[name] |= {**limits, "properties": properties}
    return jsonschema_rs.Draft7Validator({"$ref": REFERENCE + kind, "definitions": known})


@functools.cache
def _part(definition: str) -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft7Validator({"$ref": REFERENCE + definition, "definitions": definitions(WORKFLOWS)})


def fits(definition: str, tree: Any) -> bool:
    """Whether a part of a document has the types of Argo's definition of it; fields without one are ignored."""
    return not any(
        error.kind.name == "type"
        and error.instance is not None
        and not (isinstance(error.instance, (int, float)) and QUANTITY.fullmatch("." + ".".join(map(str, error.instance_path))))
        for error in _part(definition).iter_errors(tree)
    )


def check_limits(document: Document, report: Report) -> None:
    """Report what an API server with Argo's full resource definitions refuses although Argo's validation accepts it."""
    if KINDS.get(document.kind) != WORKFLOWS:
        return
    for error in _limits(document.kind).iter_errors(_without_nulls(document.doc)):
        if error.kind.name in LIMITS:
            path = ""
            for step in error.instance_path:
                path = join(path, step)
            report.error(document, path, f"{_short(error.message)}: the API server refuses this")


def _without_nulls(tree: Any) -> Any:
    """The tree as the API server sees it: a field that is null is absent."""
    if isinstance(tree, dict):
        return {key: _without_nulls(value) for key, value in tree.items() if value is not None}
    return [_without_nulls(value) for value in tree] if isinstance(tree, list) else tree


def target(schema: Mapping[str, Any]) -> str:
    """The definition that a schema refers to, empty when the schema is inline."""
    return str(schema.get("$ref", "")).removeprefix(REFERENCE)


def fields(kind: str, tree_path: Sequence[str | int]) -> list[str]:
    """The field names that exist at a place of a document, empty where any name is allowed."""
    known = definitions(KINDS[kind])
    schema: Mapping[str, Any] = known[kind]
    for step in tree_path:
        schema = known.get(target(schema), schema)
        if isinstance(step, int):
            schema = schema.get("items", {})
        else:
            properties = schema.get("properties", {})
            schema = properties[step] if step in properties else (schema.get("additionalProperties") or {})
    schema = known.get(target(schema), schema)
    return list(schema.get("properties", {}))


def allows(kind: str, tree_path: Sequence[str | int]) -> bool:
    """Whether a document of the kind may have a field at this place."""
    known = definitions(KINDS[kind])
    schema: Any = known[kind]
    for step in tree_path:
        schema = known.get(target(schema), schema)
        if isinstance(step, int):
            schema = schema.get("items")
        elif step in schema.get("properties", {}):
            schema = schema["properties"][step]
        else:
            schema = schema.get("additionalProperties", True)
        if schema in (None, False):
            return False
        if schema in (True, {}):
            return True
    return True


def check(document: Document, report: Report, kind: str = "") -> bool:
    """Report unknown fields and wrong types; False when the tree cannot be checked further."""
    kind = kind or document.kind
    if kind not in KINDS:
        return True
    events = KINDS[kind] == EVENTS
    sound = True
    for error in _validator(kind).iter_errors(document.doc):
        where = list(error.instance_path)
        path = ""
        for step in where:
            path = join(path, step)
        if error.kind.name == "additionalProperties":
            for name in error.kind.unexpected:
                _unknown(document, report, kind, where, path, name, events)
        elif not _tolerated(error.instance, where, path, events, document, report):
            sound = False
            report.error(document, path, f"{_short(error.message)}{_decoding(kind) if events else ''}", _quote(error))
    return sound


def _unknown(document: Document, report: Report, kind: str, where: list[str | int], path: str, name: str, events: bool) -> None:
    place = join(path, name)
    known = fields(kind, where)
    hint = REMOVED.get(name) or hint_for(name, known)
    if events:
        near = nearest(name, known) or nearest(name, BELONGS)
        hint = BELONGS.get(name) or (f"did you mean {near}? {BELONGS[near]}" if near in BELONGS and near not in known else hint)
        report.warning(document, place, f'unknown field "{name}": Argo Events silently drops it, so it has no effect', hint)
    else:
        report.error(document, place, f'unknown field "{name}"', hint)


def _tolerated(instance: Any, where: list[str | int], path: str, events: bool, document: Document, report: Report) -> bool:
    if instance is None and where and isinstance(where[-1], str):
        return True  # null is the same as absent
    if isinstance(instance, (int, float)) and not isinstance(instance, bool) and QUANTITY.fullmatch(path):
        if isinstance(instance, float) and not events:
            report.warning(document, path, f"kubectl accepts only a string or a whole number here; {ELSEWHERE}", "put it in quotes")
        return True
    if isinstance(instance, (int, float)) and ANY_STRING.fullmatch(path) and not events:
        report.warning(document, path, f"kubectl accepts only a string here; {ELSEWHERE}", "put it in quotes")
        return True
    if events and isinstance(instance, str) and NUMBER_AS_TEXT.fullmatch(path):
        reason = "Argo accepts text but fails when the trigger runs, so every event goes to the dead-letter trigger"
        message = f"{where[-1]} must be a number: {reason}"
        report.warning(document, path, message, f"write {where[-1]}: {instance}, without quotes")
        return True
    return False


def _decoding(kind: str) -> str:
    return f"; Argo's controller then cannot read any {kind} of the namespace"


def _quote(error: Any) -> str:
    if isinstance(error.instance, (int, float)) and '"string"' in error.message:
        return "put it in quotes"
    return ""


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:140]} ... {message[-140:]}"
