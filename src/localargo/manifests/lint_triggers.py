"""Triggers of a Sensor: how often they act, on which kinds, and the resource in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localargo.errors import InvalidInput
from localargo.manifests import lint_destinations, lint_workflow, schema, support
from localargo.manifests.document import Document
from localargo.manifests.lint_locations import Library
from localargo.manifests.report import Report, hint_for
from localargo.manifests.yaml import load_documents

TYPES = ("argoWorkflow", "http", "k8s", "log")
K8S_OPERATIONS = ("create", "update", "patch", "delete")
ARGO_OPERATIONS = ("submit", "submit-from", "suspend", "retry", "resume", "resubmit", "terminate", "stop")
KINDS = ("Workflow", "WorkflowTemplate")
UNITS = ("Second", "Minute", "Hour")
ROOT: list[str | int] = ["spec", "triggers", 0, "template"]
LONGEST_LABEL = 63


def check(document: Document, report: Report, trigger: Mapping[str, Any], path: str, sources: Mapping[str, str], library: Library) -> None:
    """One trigger with everything below it, its dead-letter trigger included."""
    template = trigger.get("template")
    if not isinstance(template, dict):
        report.error(document, path, "a trigger needs `template`")
        return
    at = f"{path}.template"
    name = str(template.get("name") or "")
    if not name:
        report.error(document, at, "a trigger's template needs `name`")
    if len(name) > LONGEST_LABEL:
        report.error(
            document, f"{at}.name", f"the name becomes a label of the created object: at most {LONGEST_LABEL} characters, not {len(name)}"
        )
    _delivery(document, report, trigger, path)
    given = [each for each in TYPES if template.get(each) is not None]
    if not given and not any(
        template.get(each) for each in schema.fields("Sensor", ["spec", "triggers", 0, "template"]) if each not in _PLAIN
    ):
        report.error(
            document,
            at,
            f"a trigger's template needs one of {', '.join(TYPES)}",
            hint_for(next(iter(template.keys() - set(_PLAIN)), ""), TYPES),
        )
    lint_destinations.check(document, report, trigger.get("parameters") or [], f"{path}.parameters", template, sources, root=ROOT)
    for kind in ("k8s", "argoWorkflow"):
        if template.get(kind) is not None:
            _resource_trigger(document, report, kind, template[kind], f"{at}.{kind}", sources, library)
    if template.get("http") is not None:
        _http(document, report, template["http"], f"{at}.http", sources)
    letter = trigger.get("dlqTrigger")
    if isinstance(letter, dict):
        if not letter.get("atLeastOnce"):
            report.error(document, f"{path}.dlqTrigger", "atLeastOnce must be set to true within the dlqTrigger")
        check(document, report, letter, f"{path}.dlqTrigger", sources, library)


_PLAIN = ("name", "conditions", "conditionsReset")


def _delivery(document: Document, report: Report, trigger: Mapping[str, Any], path: str) -> None:
    if not trigger.get("atLeastOnce"):
        for field in ("retryStrategy", "dlqTrigger"):
            if trigger.get(field):
                report.warning(
                    document, f"{path}.{field}", f"{field} has no effect without atLeastOnce", "add atLeastOnce: true to the trigger"
                )
    limit = trigger.get("rateLimit") or {}
    if limit.get("unit") and limit["unit"] not in UNITS:
        report.error(
            document,
            f"{path}.rateLimit.unit",
            f"unit is one of {', '.join(UNITS)}, not {limit['unit']}",
            hint_for(str(limit["unit"]), UNITS),
        )


def _resource_trigger(
    document: Document, report: Report, kind: str, body: Mapping[str, Any], at: str, sources: Mapping[str, str], library: Library
) -> None:
    operation = str(body.get("operation") or ("create" if kind == "k8s" else ""))
    operations = K8S_OPERATIONS if kind == "k8s" else ARGO_OPERATIONS
    if operation not in operations:
        report.error(
            document,
            f"{at}.operation",
            f"operation is one of {', '.join(operations)}, not {operation or 'empty'}",
            hint_for(operation, operations),
        )
    if operation == "submit-from":
        message = "Argo submits the Workflow and then reports a failure, so a retryStrategy would submit it several times"
        report.warning(document, f"{at}.operation", message, "use submit with a Workflow that has workflowTemplateRef")
    source = body.get("source")
    if not source:
        report.error(document, at, f"{kind} needs `source`", "write the resource in source.resource")
        return
    parameters = body.get("parameters") or []
    found = _resource(document, report, source, f"{at}.source")
    lint_destinations.check(document, report, parameters, f"{at}.parameters", found.doc if found else None, sources)
    if found is None:
        return
    if found.kind not in KINDS and operation != "submit-from":
        what = f"{kind} triggers on the kind {found.kind or '(none)'} are refused: the engine supports only {' and '.join(KINDS)}"
        report.unsupported(found, "kind", what)
        return
    if not schema.check(found, report):
        return
    support.check(found, report)
    if operation in ("create", "submit", "update"):
        lint_workflow.check(found, report, library, empty_arguments=bool(parameters))


def _resource(document: Document, report: Report, source: Mapping[str, Any], at: str) -> Document | None:
    """The document that a trigger creates; None when it is not in the Sensor or is invalid (reported)."""
    if isinstance(source.get("resource"), dict):
        return document.within(f"{at}.resource", source["resource"])
    text = source.get("inline")
    if not isinstance(text, str):
        return None
    try:
        documents = load_documents(text, document.file)
    except InvalidInput as error:
        report.error(document, f"{at}.inline", f"the resource cannot be read: {str(error).removeprefix(document.file).lstrip(':')}")
        return None
    if len(documents) != 1:
        report.error(document, f"{at}.inline", f"exactly one resource is needed here, not {len(documents)}")
        return None
    return Document(documents[0].doc, document.file, {"": document.line(f"{at}.inline")}, f"{document.label} {at}.inline")


def _http(document: Document, report: Report, body: Mapping[str, Any], at: str, sources: Mapping[str, str]) -> None:
    if not body.get("url"):
        report.error(document, at, "an http trigger needs `url`")
    if not body.get("payload") and str(body.get("method") or "POST").upper() in ("POST", "PUT", "PATCH"):
        report.error(document, at, "an http trigger needs `payload`, the fields of the JSON that it sends")
    for field in ("payload", "dynamicHeaders"):
        lint_destinations.check(document, report, body.get(field) or [], f"{at}.{field}", None, sources)
    lint_destinations.check(document, report, body.get("parameters") or [], f"{at}.parameters", body, sources, root=[*ROOT, "http"])
