"""Check manifests before anything runs: names and types of fields, what this engine supports, and what Argo would refuse or fail on."""

from __future__ import annotations

from collections.abc import Sequence

from localargo.errors import Finding
from localargo.manifests import lint_eventbus, lint_eventsources, lint_plain, lint_sensors, lint_workflow, metadata, schema, support
from localargo.manifests.document import Document
from localargo.manifests.lint_locations import Library
from localargo.manifests.report import INVALID_SPEC, Report

SKIPPED = ("kustomize.config.k8s.io/",)
TEST_KINDS = "conformance/"  # documents with which recorded cases describe what was done to them


def check(documents: Sequence[Document], known: Sequence[Document] = (), now: float | None = None) -> list[Finding]:
    """Every finding about the documents, in their order; `known` are documents that were checked before (templates, ConfigMaps, sources).

    `now` (epoch seconds): the date for warnings that name one; without it there are none.
    Fields that are kept but not enforced come last, each kind of field once. Nothing else is read.
    """
    report = Report(now)
    report.already_checked = {id(document) for document in known}
    library = Library()
    for document in [*known, *documents]:
        library.add(document)
    checked = [document for document in documents if not document.api_version.startswith((*SKIPPED, TEST_KINDS))]
    _unique(checked, report)
    for document in checked:
        if support.check_kind(document, report):
            _one(document, report, library, [*known, *checked])
    return report.findings + support.kept_once(checked)


def _one(document: Document, report: Report, library: Library, everything: Sequence[Document]) -> None:
    if document.kind not in schema.KINDS:
        lint_plain.check(document, report)
        _metadata(document, report)
        return
    if document.api_version != schema.API_VERSION:
        report.error(document, "apiVersion", f"{document.kind} has apiVersion {schema.API_VERSION}, not {document.api_version or 'none'}")
    sound = schema.check(document, report)
    support.check(document, report)
    if not sound:
        return  # further checks rely on the types
    _metadata(document, report)
    if document.kind in ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate"):
        lint_workflow.check(document, report, library)
        if not any(finding.severity == "error" and finding.file == document.file for finding in report.findings):
            schema.check_limits(document, report)  # otherwise Argo's own message was found
    elif document.kind == "Sensor":
        lint_sensors.check(document, report, library, everything)
    elif document.kind == "EventSource":
        lint_eventsources.check(document, report)
    elif document.kind == "EventBus":
        lint_eventbus.check(document, report)


def _metadata(document: Document, report: Report) -> None:
    """Names and labels that the API server refuses."""
    given = document.doc.get("metadata")
    if not document.name or not isinstance(given, dict):
        return  # found before
    field = "name" if given.get("name") else "generateName"
    name = given[field] if field == "name" else f"{given[field]}a"  # the server adds letters and digits
    for place, message in metadata.wrong({**given, "name": name}):
        report.error(document, f"metadata.{field if place == 'name' else place}", f"{message}: the API server refuses this")


def _unique(documents: Sequence[Document], report: Report) -> None:
    seen: dict[tuple[str, str, str], Document] = {}
    for document in documents:
        name = (document.doc.get("metadata") or {}).get("name") if isinstance(document.doc.get("metadata"), dict) else None
        key = (document.kind, document.namespace, str(name))
        if name and key in seen:
            first = seen[key]
            report.error(
                document, "metadata.name", f"{document.label} is defined twice", f"first in {first.file}:{first.line('metadata.name')}"
            )
        seen.setdefault(key, document)


def argo_message(findings: Sequence[Finding]) -> str:
    """The message with which the real controller fails a Workflow that has these findings; empty when it accepts it."""
    errors = [finding.message for finding in findings if finding.severity == "error"]
    if not errors:
        return ""
    return next((message for message in errors if message.startswith(INVALID_SPEC)), INVALID_SPEC + errors[0])
