"""Templates that call themselves and never stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localargo.manifests import workflow
from localargo.manifests.document import Document
from localargo.manifests.lint_checker import Checker
from localargo.manifests.lint_leaf import find_cycle
from localargo.manifests.lint_locations import Location

WAYS_OUT = (".Failed", ".Errored", ".Skipped", ".Omitted", ".AllFailed", ".AnySucceeded", "!")


def check_recursion(checker: Checker, home: Document) -> None:
    """Warn of a cycle of calls without a condition: Argo runs it until it reaches its depth limit."""
    edges: dict[str, list[str]] = {}
    waiting = [(home, str(template.get("name"))) for template in workflow.templates(home.doc.get("spec") or {})]
    while waiting:
        document, name = waiting.pop(0)
        key = f"{document.name}/{name}"
        if key in edges:
            continue
        template = workflow.find_template(document.doc.get("spec") or {}, name) or {}
        targets = list(_always(checker, document, template))
        edges[key] = [f"{target.name}/{called}" for target, called in targets]
        waiting += targets
    cycle = find_cycle(edges)
    if not cycle:
        return
    trail = " -> ".join(each.removeprefix(f"{home.name}/") for each in cycle)
    place = Location(home, "spec.templates")
    for index, template in enumerate(workflow.templates(home.doc.get("spec") or {})):
        if f"{home.name}/{template.get('name')}" in cycle:
            place = Location(home, f"spec.templates[{index}]")
            break
    checker.warning(place, f"recursion without an exit condition: {trail}", "give one of these calls a `when` that comes true and ends it")


def _always(checker: Checker, document: Document, template: Mapping[str, Any]) -> Iterator[tuple[Document, str]]:
    """Calls that are made whenever the template succeeds."""
    for _, call in workflow.calls(template):
        depends = str(call.get("depends") or "")
        if call.get("when") or call.get("withParam") or any(way in depends for way in WAYS_OUT):
            continue
        reference = call.get("templateRef")
        if reference:
            found = checker.library.find(reference)
            if found is not None:
                yield found, str(reference.get("template"))
        elif call.get("template"):
            yield document, str(call["template"])
