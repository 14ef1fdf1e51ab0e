"""Filters of a Sensor's dependency: what Argo refuses, and filters that no event can pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localargo.errors import InvalidInput
from localargo.expressions import ExpressionError, UnsupportedExpression, lua, re2
from localargo.expressions.gjson_path import parse_path
from localargo.expressions.govaluate import evaluate
from localargo.manifests.document import Document
from localargo.manifests.lint_timezone import check_timezone
from localargo.manifests.report import Report, hint_for
from localargo.manifests.source_kinds.registry import KINDS

OPERATORS = ("and", "or")
TYPES = ("string", "number", "bool")
COMPARATORS = (">=", ">", "=", "!=", "<", "<=")
BOOLEANS = ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False")
COMPARED = ("type", "subject", "source", "datacontenttype")  # the only fields of a context filter that Argo compares
CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d:[0-5]\d")
NEVER = "no event passes"


def check(document: Document, report: Report, dependency: Mapping[str, Any], path: str, source: str) -> None:
    """All filters of one dependency; `source` is the event's type, empty when it is unknown or when a transform changes the payload."""
    filters, where = dependency.get("filters") or {}, f"{path}.filters"
    for holder, name, at in (
        (dependency, "filtersLogicalOperator", path),
        (filters, "dataLogicalOperator", where),
        (filters, "exprLogicalOperator", where),
    ):
        operator = holder.get(name)
        if operator and operator not in OPERATORS:
            report.error(document, f"{at}.{name}", f"{name} is `and` or `or`, not {operator}", hint_for(str(operator).lower(), OPERATORS))
    for index, each in enumerate(filters.get("data") or []):
        _data(document, report, each, f"{where}.data[{index}]", source)
    for index, each in enumerate(filters.get("exprs") or []):
        _expression(document, report, each, f"{where}.exprs[{index}]", source)
    if filters.get("script"):
        _script(document, report, str(filters["script"]), f"{where}.script")
    if filters.get("context"):
        _context(document, report, dependency, filters["context"], f"{where}.context", source)
    if filters.get("time"):
        _time(document, report, filters["time"], f"{where}.time")


def _script(document: Document, report: Report, script: str, at: str) -> None:
    try:
        lua.check(script)
    except InvalidInput as error:
        report.warning(document, at, f"{NEVER}: the script cannot be read: {error}")


def payload_path(document: Document, report: Report, path: str, at: str, source: str) -> None:
    """A path into the payload: one that GJSON reads here, and of a kind of source whose fields are known one that it has."""
    if not _readable(document, report, path, at):
        return
    kind = KINDS.get(source)
    parts = path.split(".")
    if kind is None or not kind.payload_fields or not re.fullmatch(r"[\w-]+", parts[0]):
        return
    if parts[0] not in kind.payload_fields:
        message = f"the payload of a {source} event has no `{parts[0]}` at its top"
        hint = hint_for(parts[0], kind.payload_fields) or "the fields are: " + ", ".join(kind.payload_fields)
        report.warning(document, at, message, hint)
    elif kind.lint_path is not None:
        kind.lint_path(document, report, parts, at)


def _readable(document: Document, report: Report, path: str, at: str) -> bool:
    try:
        parse_path(path)
    except UnsupportedExpression as error:
        report.unsupported(document, at, str(error))
        return False
    except ExpressionError as error:
        report.warning(document, at, f"this path finds nothing: {error}")
        return False
    return True


def _data(document: Document, report: Report, each: Mapping[str, Any], at: str, source: str) -> None:
    kind, comparator, values = str(each.get("type") or ""), str(each.get("comparator") or "="), each.get("value") or []
    for name in ("path", "type", "value"):
        if not each.get(name):
            report.error(document, at, f"a data filter needs `{name}`")
    payload_path(document, report, str(each.get("path") or ""), f"{at}.path", source)
    if kind and kind not in TYPES:
        report.warning(document, f"{at}.type", f"{NEVER}: Argo has no type {kind}", hint_for(kind, TYPES))
    if comparator not in COMPARATORS:
        report.error(document, f"{at}.comparator", f"comparator is one of {' '.join(COMPARATORS)}, not {comparator}")
    elif kind in ("string", "bool") and comparator not in ("=", "!="):
        report.warning(document, f"{at}.comparator", f"{NEVER}: a {kind} is compared with = and != only", "use type: number")
    if comparator == "!=" and len(values) > 1:
        message = "values are alternatives, so != with several of them is true for nearly every event"
        report.warning(
            document, f"{at}.value", message, 'write one value: "a|b"' if kind == "string" else "write one filter for each value"
        )
    for index, value in enumerate(values):
        _value(document, report, kind, str(value), f"{at}.value[{index}]")
    if each.get("template"):
        template(document, report, str(each["template"]), f"{at}.template")


def _value(document: Document, report: Report, kind: str, value: str, at: str) -> None:
    if kind == "number":
        try:
            float(value)
        except ValueError:
            report.warning(document, at, f"{NEVER}: {value!r} is not a number", "use type: string for a regular expression")
    elif kind == "bool" and value not in BOOLEANS:
        report.warning(document, at, f"{NEVER}: {value!r} is neither true nor false")
    elif kind == "string":
        try:
            re2.check(value)
        except InvalidInput as error:
            report.warning(document, at, f"{NEVER}: {error}", "Go's regular expressions have no look-around and no back references")


def template(document: Document, report: Report, text: str, at: str) -> None:
    """A Go template must be valid and use functions that Argo has."""
    from localargo.expressions import gotemplate  # heavy: it loads all functions of templates

    try:
        gotemplate.check(text)
    except UnsupportedExpression as error:
        report.unsupported(document, at, f"this template cannot be used: {error}")
    except InvalidInput as error:
        report.warning(document, at, f"this template cannot be used: {error}", "the value falls back to `value`, or the trigger fails")


def _expression(document: Document, report: Report, each: Mapping[str, Any], at: str, source: str) -> None:
    text, fields = str(each.get("expr") or ""), each.get("fields") or []
    if not text:
        report.error(document, at, "an expression filter needs `expr`")
    if not fields:
        report.error(document, at, "an expression filter needs `fields`, which name parts of the payload")
    for index, field in enumerate(fields):
        for name in ("path", "name"):
            if not field.get(name):
                report.error(document, f"{at}.fields[{index}]", f"a field needs `{name}`")
        payload_path(document, report, str(field.get("path") or ""), f"{at}.fields[{index}].path", source)
    reason = _unreadable(text, [str(field.get("name")) for field in fields]) if text and fields else ""
    if reason:
        report.warning(document, f"{at}.expr", f"{NEVER}: {reason}")


def _unreadable(text: str, names: list[str]) -> str:
    reason = ""
    for sample in (1.0, "x", True):
        try:
            evaluate(text, dict.fromkeys(names, sample))
        except ExpressionError as error:
            reason = reason or str(error)
        else:
            return ""
    return "" if len(names) > 1 and "type" in reason.lower() else reason  # names of different types were not tried


def _context(document: Document, report: Report, dependency: Mapping[str, Any], context: Mapping[str, Any], at: str, source: str) -> None:
    for name in context:
        if name not in COMPARED:
            report.warning(document, f"{at}.{name}", f"Argo ignores {name}", f"it compares {', '.join(COMPARED)}")
    fixed = {"source": dependency.get("eventSourceName"), "subject": dependency.get("eventName"), "datacontenttype": "application/json"}
    if source:
        fixed["type"] = source
    for name, value in fixed.items():
        if context.get(name) and value and context[name] != value:
            report.warning(document, f"{at}.{name}", f"{NEVER}: {name} of this dependency's events is {value}, not {context[name]}")


def _time(document: Document, report: Report, time: Mapping[str, Any], at: str) -> None:
    start, stop = str(time.get("start") or ""), str(time.get("stop") or "")
    for name, value in (("start", start), ("stop", stop)):
        if not CLOCK.fullmatch(value):
            report.error(document, f"{at}.{name}", f"{name} must be written as HH:MM:SS; it is {value or 'missing'}", 'as "08:00:00"')
    if start and start == stop:
        report.error(document, at, "start and stop are the same: Argo refuses the Sensor", "leave the filter out to take every time")
    check_timezone(document, report, str(time.get("timezone") or ""), f"{at}.timezone")
