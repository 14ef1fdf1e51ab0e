"""A Sensor: dependencies that can be met, conditions that can come true, triggers that do what is intended."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from localargo.errors import InvalidInput
from localargo.expressions import lua
from localargo.manifests import lint_filters, lint_triggers
from localargo.manifests.document import Document
from localargo.manifests.lint_locations import Library
from localargo.manifests.lint_timezone import check_timezone
from localargo.manifests.report import Report, hint_for
from localargo.manifests.source_kinds.kind import declared_events

RESERVED = ("and", "or")
TOKEN = re.compile(r"\s*(&&|\|\||[()!]|[^\s()&|!]+)")


def check(document: Document, report: Report, library: Library, everything: Sequence[Document]) -> None:
    """All of one Sensor; `everything` are the documents that may hold its EventSources."""
    spec = document.doc.get("spec") or {}
    dependencies, triggers = spec.get("dependencies") or [], spec.get("triggers") or []
    if not dependencies:
        report.error(document, "spec", "a Sensor needs at least one dependency")
    if not triggers:
        report.error(document, "spec", "a Sensor needs at least one trigger")
    events = known_events(everything)
    sources: dict[str, str] = {}
    for index, dependency in enumerate(dependencies):
        path = f"spec.dependencies[{index}]"
        name = str(dependency.get("name") or "")
        if name in sources:
            report.error(document, f"{path}.name", f"dependency {name} is declared twice")
        kind = _dependency(document, report, dependency, path, events)
        transform = dependency.get("transform") or {}
        sources[name] = "" if transform else kind
        _transform(document, report, transform, f"{path}.transform")
        lint_filters.check(document, report, dependency, path, sources[name])
    _collisions(document, report, list(sources))
    used: set[str] = set()
    seen: set[str] = set()
    for index, trigger in enumerate(triggers):
        path, template = f"spec.triggers[{index}]", trigger.get("template") or {}
        name = str(template.get("name") or "")
        if name and name in seen:
            report.error(document, f"{path}.template.name", f"trigger {name} is declared twice")
        seen.add(name)
        used |= _conditions(document, report, template, f"{path}.template", sources)
        lint_triggers.check(document, report, trigger, path, sources, library)
    for index, name in enumerate(sources):
        if name not in used and triggers:
            report.warning(document, f"spec.dependencies[{index}]", f"no trigger uses dependency {name}: its events have no effect")


def known_events(documents: Sequence[Document]) -> dict[str, dict[str, str]]:
    """The type of each event of each EventSource."""
    found: dict[str, dict[str, str]] = {}
    for document in documents:
        if document.kind == "EventSource":
            found[document.name] = {each.event: each.kind for each in declared_events(document.name, document.doc.get("spec"))}
    return found


def _dependency(
    document: Document, report: Report, dependency: Mapping[str, Any], path: str, events: Mapping[str, Mapping[str, str]]
) -> str:
    """Names of one dependency; the type of its events, empty when its source is not known."""
    for field in ("name", "eventSourceName", "eventName"):
        if not dependency.get(field):
            report.error(document, path, f"a dependency needs `{field}`")
    name, source, event = (str(dependency.get(field) or "") for field in ("name", "eventSourceName", "eventName"))
    if name.lower() in RESERVED:
        message = f"a dependency named {name} never fires its triggers: the name is an operator in conditions"
        report.warning(document, f"{path}.name", message, "choose another name")
    if not events or not source:
        return ""
    if source not in events:
        message = f"there is no EventSource {source}: this dependency is never met"
        report.warning(document, f"{path}.eventSourceName", message, hint_for(source, events))
    elif event not in events[source]:
        message = f"EventSource {source} has no event {event}: this dependency is never met"
        report.warning(document, f"{path}.eventName", message, hint_for(event, events[source]))
    return events.get(source, {}).get(event, "")


def _transform(document: Document, report: Report, transform: Mapping[str, Any], path: str) -> None:
    if transform.get("script"):
        try:
            lua.check(str(transform["script"]))
        except InvalidInput as error:
            report.warning(document, f"{path}.script", f"the script cannot be read, so every event is dropped: {error}")
    if not transform.get("jq"):
        return
    import jq

    try:
        jq.compile(str(transform["jq"]))
    except ValueError as error:
        reason = str(error).strip().splitlines()[0]
        report.warning(document, f"{path}.jq", f"jq cannot compile this, so every event is dropped: {reason}")


def _collisions(document: Document, report: Report, names: list[str]) -> None:
    folded: dict[str, str] = {}
    for index, name in enumerate(names):
        other = folded.setdefault(name.replace("-", "_"), name)
        if other != name:
            message = f"in conditions {name} and {other} are the same name (Argo reads a dash as an underscore)"
            report.warning(document, f"spec.dependencies[{index}].name", message, "rename one of them")


def _conditions(document: Document, report: Report, template: Mapping[str, Any], path: str, sources: Mapping[str, str]) -> set[str]:
    """The dependencies that a trigger waits for: all of them when it has no conditions."""
    text = str(template.get("conditions") or "")
    if not text:
        return set(sources)
    try:
        names = condition_names(text)
    except InvalidInput as error:
        report.warning(document, f"{path}.conditions", f"the trigger does not start: {error}")
        return set(sources)
    for name in names:
        if name not in sources:
            report.warning(
                document, f"{path}.conditions", f"the trigger does not start: there is no dependency {name}", hint_for(name, sources)
            )
    reset = template.get("conditionsReset")
    if reset and "&" not in text:
        report.warning(document, f"{path}.conditionsReset", "without && nothing is remembered, so there is nothing to reset")
    for index, each in enumerate(reset or []):
        check_timezone(
            document, report, str((each.get("byTime") or {}).get("timezone") or ""), f"{path}.conditionsReset[{index}].byTime.timezone"
        )
    return set(names)


def condition_names(text: str) -> list[str]:
    """The dependencies in a condition. Raises InvalidInput when it is not made of names, &&, || and parentheses."""
    names: list[str] = []
    depth, wants_name, position = 0, True, 0
    while position < len(text.rstrip()):
        match = TOKEN.match(text, position)
        if match is None:
            raise InvalidInput(
                f"`{text[position:].strip()}` in `{text}` is not a part of conditions; write names with &&, || and parentheses"
            )
        word, position = match[1], match.end()
        if word == "(" and wants_name:
            depth += 1
        elif word == ")" and not wants_name and depth:
            depth -= 1
        elif word in ("&&", "||") and not wants_name:
            wants_name = True
        elif word not in ("(", ")", "&&", "||", "!") and wants_name:
            names.append(word)
            wants_name = False
        else:
            raise InvalidInput(f"`{word}` is in the wrong place in `{text}`")
    if wants_name or depth:
        raise InvalidInput(f"`{text}` is incomplete")
    return names
