"""What steps and tasks have in common: arguments, tags, `when`, loops, hooks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localargo.manifests import lint_artifacts, lint_expressions, lint_when, workflow
from localargo.manifests.document import Document
from localargo.manifests.lint_checker import Checker
from localargo.manifests.lint_locations import Location
from localargo.manifests.lint_scope import Scope, scan
from localargo.manifests.report import hint_for

ONLY = "valueFrom only allows: default, configMapKeyRef and supplied"


def arguments(checker: Checker, given: Mapping[str, Any], place: Location, prefix: str, *, empty: bool = False) -> None:
    """Arguments must have names and values, and a value must be one of its `enum`. `empty`: values may come later (those of a template)."""
    for kind in ("parameters", "artifacts"):
        checker.names(given.get(kind), place.at(kind), f"{prefix}{kind}", filled=prefix != "spec.arguments.")
    for index, parameter in enumerate(given.get("parameters") or []):
        _parameter(checker, parameter, place.at(f"parameters[{index}]"), f"{prefix}{parameter.get('name')}", empty)
    for index, artifact in enumerate(given.get("artifacts") or []):
        name, where = f"{prefix}{artifact.get('name')}", place.at(f"artifacts[{index}]")
        if not artifact.get("from") and not lint_artifacts.located(artifact):
            hint = "Argo takes fromExpression in outputs only" if artifact.get("fromExpression") else ""
            checker.error(where, f"{name}.from, artifact location, or key is required", hint)
        if artifact.get("from") and artifact.get("fromExpression"):
            checker.error(where, f"{name} shouldn't have both `from` and `fromExpression` in Artifact")


def own_order(merged: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with the document's own first, so that their positions are those in the document."""
    names = {kind: [each.get("name") for each in own.get(kind) or []] for kind in ("parameters", "artifacts")}
    found = {}
    for kind, first in names.items():
        places = {name: place for place, name in enumerate(first)}
        found[kind] = sorted(merged.get(kind) or [], key=lambda each, places=places: places.get(each.get("name"), len(places)))
    return found


def _parameter(checker: Checker, parameter: Mapping[str, Any], place: Location, name: str, empty: bool) -> None:
    value, source, enum = parameter.get("value"), parameter.get("valueFrom"), parameter.get("enum")
    if value is None and source is None and not empty:
        checker.error(place, f"{name}.value or {name}.valueFrom is required")
    if source is not None:
        fine = any(source.get(key) is not None for key in ("configMapKeyRef", "event", "supplied"))
        if not fine or any(source.get(key) for key in ("path", "jsonPath", "parameter", "expression")):
            checker.error(place.at("valueFrom"), f"{name}.{ONLY}")
    if enum is None:
        return
    if not enum:
        checker.error(place.at("enum"), f"{name}.enum should contain at least one value")
    elif value is None:
        if not empty:
            checker.error(place, f"{name}.value is required")
    elif workflow.text(value) not in [workflow.text(each) for each in enum]:
        checker.error(
            place.at("value"),
            f"{name}.value should be present in {name}.enum list",
            hint_for(workflow.text(value), map(workflow.text, enum)),
        )


def check(checker: Checker, call: Mapping[str, Any], scope: Scope, plain: Location, prefix: str, place: Location, home: Document) -> None:
    """Everything about one step or task except its template.

    `prefix` begins Argo's message about an unresolved tag, `place.prefix` the one about the call.
    """
    inline = call.get("inline")
    if isinstance(inline, dict):
        scope = scope.copy()
        scope.names |= {f"inputs.parameters.{each.get('name')}" for each in (inline.get("inputs") or {}).get("parameters") or []}
    _hooks(checker, call, place, home)
    checker.tags(call, scope, plain, prefix)
    lint_expressions.check(checker, call, scope, plain)
    if call.get("when"):
        lint_when.check(checker, str(call["when"]), plain.at("when"))
    _items(checker, call, plain)


def _items(checker: Checker, call: Mapping[str, Any], place: Location) -> None:
    """Item keys that some items have and others do not, and `{{item}}` outside of a loop."""
    items = call.get("withItems") or _literal(call.get("withParam"))
    if call.get("withParam") and "{{" not in call["withParam"] and not items and call["withParam"].strip() != "[]":
        checker.warning(
            place.at("withParam"), "withParam could not be parsed as a JSON list, so the node ends with an error", 'as ["a", "b"]'
        )
    wanted = {
        tag.text: tag
        for tag in scan({key: value for key, value in call.items() if key not in ("withItems", "withParam", "inline")}, place.path)
    }
    for name, tag in wanted.items():
        where = Location(place.document, tag.path, place.prefix)
        if name == "item" and not tag.expression and not workflow.is_loop(call):
            checker.warning(where, "{{item}} is outside of a loop, so it is not replaced", "add withItems, withParam or withSequence")
        key = name.removeprefix("item.")
        if tag.expression or key == name or not items or key.startswith("["):
            continue
        for index, item in enumerate(items):
            if not isinstance(item, dict):
                checker.warning(where, f"{{{{{name}}}}} fails for item {index}, which is not a map: {json.dumps(item)[:40]}")
            elif key not in item:
                checker.warning(where, f"{{{{{name}}}}} fails for item {index}, which has no key {key}", hint_for(key, item))


def _literal(text: Any) -> list[Any]:
    try:
        found = json.loads(text) if isinstance(text, str) and "{{" not in text else []
    except ValueError:
        found = []
    return found if isinstance(found, list) else []


def _hooks(checker: Checker, call: Mapping[str, Any], place: Location, home: Document) -> None:
    if call.get("onExit"):
        _hooked({"template": call["onExit"], "arguments": checker.spec.get("arguments")}, checker, place.at("onExit"), home)
    hooks(checker, call.get("hooks") or {}, place.at("hooks"), home)


def hooks(checker: Checker, given: Mapping[str, Any], place: Location, home: Document) -> None:
    """The exit handler in `hooks`; others are refused by the table of fields."""
    hook, where = given.get("exit"), place.at("exit")
    if hook is None:
        return
    own = hook.get("arguments") or {}
    if own.get("parameters") or own.get("artifacts"):
        _hooked(hook, checker, where, home)
    else:  # it gets the Workflow's, and need not use them
        _hooked({**hook, "arguments": checker.spec.get("arguments")}, checker, Location(where.document, where.path), home)
    if hook.get("expression"):
        lint_expressions.compiles(checker, str(hook["expression"]), where.at("expression"))


def _hooked(call: Mapping[str, Any], checker: Checker, place: Location, home: Document) -> None:
    """Argo looks at the template and the arguments of a hook only when the hook is due."""
    with checker.later():
        found = checker.find(call, place, home)
        if found is not None:
            checker.supplied(found, call.get("arguments") or {}, place)
