"""What this engine does with every field: supported, kept (carried along, not enforced) or refused.

Deny by default: a field of Argo's schemas without an entry in the tables is refused, so that nothing is ever ignored silently.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localargo.errors import Finding
from localargo.manifests import schema, support_events, support_workflows
from localargo.manifests.document import Document, join
from localargo.manifests.report import Report
from localargo.manifests.support_table import NOT_BUILT, Status, Table

TABLES: Mapping[str, Table] = {schema.WORKFLOWS: support_workflows.TABLE, schema.EVENTS: support_events.TABLE}

REFUSED_KINDS: Mapping[str, str] = {
    "CronWorkflow": "schedules are EventSources here: write a calendar EventSource and a Sensor",
    "WorkflowEventBinding": "events come through EventSources and Sensors here",
}
SUPPORTED_KINDS: Mapping[str, str] = {
    "ConfigMap": "",
    "Secret": "",
    "PersistentVolumeClaim": "a permanent folder of the state directory; its size and class are not enforced",
}
KEPT_KINDS = (
    "Namespace",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "PriorityClass",
    "ResourceQuota",
    "LimitRange",
    "Service",
    "CustomResourceDefinition",
)
KEYS: Mapping[str, tuple[str, ...]] = {"hooks": ("exit",)}  # of a map with names as keys those that are supported
EMPTY: tuple[Any, ...] = (None, False, "", [])


@dataclass(frozen=True, slots=True)
class FieldUse:
    """One place where a document uses a field."""

    path: str
    definition: str
    field: str
    status: Status
    note: str


@functools.cache
def status(table: str, definition: str, name: str) -> tuple[Status, str]:
    """Status and note of a field of a definition."""
    entry = TABLES[table].get(definition)
    return (entry.statuses() if entry else {}).get(name, ("refused", NOT_BUILT))


def uses(document: Document, kind: str = "") -> Iterator[FieldUse]:
    """Every field that the document sets, outermost first; below kept and refused fields nothing is listed."""
    kind = kind or document.kind
    table = schema.KINDS.get(kind)
    if table and kind not in REFUSED_KINDS:
        yield from _walk(document.doc, {"$ref": schema.REFERENCE + kind}, table, "")


def _walk(tree: Any, shape: Mapping[str, Any], table: str, path: str) -> Iterator[FieldUse]:
    known = schema.definitions(table)
    definition = schema.target(shape)
    shape = known.get(definition, shape)
    if isinstance(tree, list):
        for index, each in enumerate(tree):
            yield from _walk(each, shape.get("items") or {}, table, join(path, index))
        return
    if not isinstance(tree, dict):
        return
    properties = shape.get("properties") or {}
    for name, value in tree.items():
        where = join(path, name)
        if name in properties:
            if value in EMPTY:
                continue
            found, note = status(table, definition, name)
            yield FieldUse(where, definition, name, found, note)
            if found == "supported":
                yield from _others(value, where, definition, name)
                yield from _walk(_known(value, name), properties[name], table, where)
        elif isinstance(shape.get("additionalProperties"), dict):
            yield from _walk(value, shape["additionalProperties"], table, where)


def _known(value: Any, name: str) -> Any:
    keys = KEYS.get(name)
    return {key: each for key, each in value.items() if key in keys} if keys and isinstance(value, dict) else value


def _others(value: Any, where: str, definition: str, name: str) -> Iterator[FieldUse]:
    """Keys of a map that this engine refuses."""
    keys = KEYS.get(name, ())
    for key in value if keys and isinstance(value, dict) else ():
        if key not in keys:
            yield FieldUse(join(where, key), definition, f"{name}.{key}", "refused", f"of {name} only {', '.join(keys)} runs here")


def refused(document: Document) -> list[FieldUse]:
    """The fields of the document that this engine refuses."""
    return [use for use in uses(document) if use.status == "refused"]


def kept(document: Document) -> list[FieldUse]:
    """The fields of the document that are carried along and not enforced."""
    return [use for use in uses(document) if use.status == "kept"]


def check_kind(document: Document, report: Report) -> bool:
    """Report kinds that this engine refuses; False when the document needs no further check."""
    kind = document.kind
    if kind in REFUSED_KINDS:
        report.unsupported(document, "kind", f"{kind} is refused: {REFUSED_KINDS[kind]}")
        return False
    if kind in schema.KINDS or kind in SUPPORTED_KINDS:
        return True
    if kind not in KEPT_KINDS:
        what = "runs workflows and events only; deploy it on a cluster only"
        report.unsupported(document, "kind", f"{kind or 'a document without a kind'} is refused: this engine {what}")
    return False


def check(document: Document, report: Report, kind: str = "") -> None:
    """Report the refused fields of one document."""
    for use in uses(document, kind):
        if use.status == "refused":
            report.unsupported(document, use.path, f"{use.field} is refused: {use.note}")


def kept_once(documents: list[Document]) -> list[Finding]:
    """One finding for each kind of field that is kept, at its first place, with how often it stands in all documents."""
    first: dict[tuple[str, str], tuple[Document, FieldUse]] = {}
    count: dict[tuple[str, str], int] = {}
    for document in documents:
        for use in kept(document):
            key = (use.field, use.note)
            first.setdefault(key, (document, use))
            count[key] = count.get(key, 0) + 1
    found = []
    for (field, note), (document, use) in first.items():
        times = count[field, note]
        hint = f"and {times - 1} more" if times > 1 else ""
        found.append(Finding("kept", document.file, document.line(use.path), document.named(use.path), f"{field}: {note}", hint))
    return found


def rows(kind: str) -> list[tuple[str, Status, str]]:
    """(`Definition.field`, status, note) for every field that a document of the kind can have, in the order of nesting.

    Below a kept or refused field there are no rows: its tree shares the status.
    """
    if kind in REFUSED_KINDS:
        return [(kind, "refused", REFUSED_KINDS[kind])]
    table = schema.KINDS[kind]
    known = schema.definitions(table)
    found: list[tuple[str, Status, str]] = []
    waiting, seen = [kind], set()
    while waiting:
        definition = waiting.pop(0)
        if definition in seen:
            continue
        seen.add(definition)
        for name, shape in (known[definition].get("properties") or {}).items():
            state, note = status(table, definition, name)
            found.append((f"{definition}.{name}", state, note))
            if state == "supported":
                waiting += [each for each in _targets(shape) if each not in seen]
        waiting += _targets(known[definition].get("items") or {})
    return found


def _targets(shape: Mapping[str, Any]) -> list[str]:
    own = schema.target(shape)
    if own:
        return [own]
    return [found for key in ("items", "additionalProperties") if isinstance(shape.get(key), dict) for found in _targets(shape[key])]
