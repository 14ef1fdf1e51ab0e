"""Step templates: names, loops, and which earlier step a tag may refer to."""

from __future__ import annotations

from typing import Any

from localargo.manifests import lint_calls, workflow
from localargo.manifests.lint_checker import Checker
from localargo.manifests.lint_locations import Template
from localargo.manifests.lint_names import FIELD_NAME, FIELD_RULE, INPUT
from localargo.manifests.lint_outputs import check_steps
from localargo.manifests.lint_scope import Scope


def check(checker: Checker, template: Template, scope: Scope) -> None:
    """Validate every step in order; `scope` grows with their outputs."""
    seen: set[str] = set()
    found: dict[str, dict[str, Any] | None] = {}
    for row, group in enumerate(template.doc.get("steps") or []):
        for column, step in enumerate(group or []):
            place = template.place.at(f"steps[{row}][{column}]")
            name = str(step.get("name") or "")
            if not name:
                checker.error(place, f"templates.{template.name}.steps[{row}].name is required")
                continue
            if name in seen:
                checker.error(place.at("name"), f"templates.{template.name}.steps[{row}].name '{name}' is not unique")
            elif not FIELD_NAME.fullmatch(INPUT.sub("x", checker.resolved(name))):
                message = f"templates.{template.name}.steps[{row}].name '{name}' is invalid: {FIELD_RULE}"
                checker.error(place.at("name"), message)
            seen.add(name)
            found[name] = _step(checker, template, step, row, column, scope)
    check_steps(checker, template, found)


def _step(checker: Checker, template: Template, step: dict[str, Any], row: int, column: int, scope: Scope) -> dict[str, Any] | None:
    name, prefix = str(step["name"]), f"templates.{template.name}.steps[{row}]."
    place = template.place.at(f"steps[{row}][{column}]", f"{prefix}{step['name']} ")
    scope.names.add(f"steps.{name}.status")
    wrong = scope.add_items(step)
    if wrong:
        checker.error(place, wrong)
    plain = template.place.at(f"steps[{row}][{column}]")
    lint_calls.arguments(checker, step.get("arguments") or {}, plain.at("arguments"), f"{prefix}{name}.arguments.")
    called = checker.call(step, place, template.place.document)
    own = scope.copy()
    if "exit" in (step.get("hooks") or ()) or step.get("onExit"):
        own.add_outputs(called.doc if called else None, f"steps.{name}", False, checker.known)
    lint_calls.check(checker, step, own, plain, f"templates.{template.name}.steps ", place, template.place.document)
    if called is not None:
        checker.supplied(called, step.get("arguments") or {}, place)
    scope.add_outputs(called.doc if called else None, f"steps.{name}", bool(step.get("withItems") or step.get("withParam")), checker.known)
    if workflow.is_loop(step):
        scope.names.add(f"steps.{name}.outputs.parameters")
    return called.doc if called else None
