"""EventSources: what Argo's controller refuses, and sources that would never publish an event."""

from __future__ import annotations

from localargo.errors import InvalidInput
from localargo.expressions import exprlang
from localargo.manifests.document import Document, join
from localargo.manifests.report import Report
from localargo.manifests.source_kinds.kind import SPEC_FIELDS, SourceEvent
from localargo.manifests.source_kinds.registry import KINDS, RUNNING, filter_expression


def check(document: Document, report: Report) -> None:
    """All of one EventSource: what its kinds have in common, then each kind's own rules."""
    spec = document.doc.get("spec") or {}
    kinds = {kind: events for kind, events in spec.items() if kind not in SPEC_FIELDS and isinstance(events, dict)}
    if not kinds:
        report.error(document, "spec", f"an EventSource needs at least one source ({', '.join(RUNNING)})")
    replicated = [kind for kind in kinds if kind in KINDS and KINDS[kind].replicated]
    single = [kind for kind in kinds if kind not in replicated]
    if replicated and single:
        message = f"{replicated[0]} and {single[0]} cannot be in one EventSource: Argo runs the first in many pods, the second in one"
        report.error(document, f"spec.{single[0]}", message, "write two EventSources")
    seen: dict[str, str] = {}
    for kind, events in kinds.items():
        for name, event in events.items():
            path = join(f"spec.{kind}", name)
            if name in seen:
                report.error(
                    document, path, f"event {name} is declared twice, in {seen[name]} too: event names must be unique across all kinds"
                )
            seen[name] = kind
            if isinstance(event, dict):
                _event(document, report, SourceEvent(document.name, name, kind, event), path)
            elif event is None:
                report.error(
                    document, path, f"event {name} is null: to Argo it is an event without fields", "write its fields, or leave it out"
                )
        together = KINDS[kind].lint_together if kind in KINDS else None
        if together is not None:
            together(document, report, events, f"spec.{kind}")


def _event(document: Document, report: Report, event: SourceEvent, path: str) -> None:
    lint = KINDS[event.kind].lint if event.kind in KINDS else None
    if lint is not None:
        lint(document, report, event.spec, path)
    expression = filter_expression(event.kind, event.spec)
    if expression:
        try:
            exprlang.compile(expression)
        except InvalidInput as error:
            message = f"this filter cannot be evaluated, so every event is dropped silently: {error}"
            report.warning(document, f"{path}.filter.expression", message)
