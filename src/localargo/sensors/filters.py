"""Filters of a dependency, as Argo Events decides them (pkg/sensors/dependencies/filter.go).

Kinds are joined by `filtersLogicalOperator`, entries of a kind by its own operator; the default is `and`. With `or` between kinds an error
in any of them rejects the event even when another has passed; within a kind an error counts only when nothing passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from localargo.expressions import ExpressionError, gotemplate, govaluate, jsonpaths, lua, rawjson, re2
from localargo.expressions.gotime import zone
from localargo.ports import Event

COMPARATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}
SHOWN = 200  # characters of an event's value in a reason


class Rejected(Exception):
    """The event does not pass; the text says which filter and why."""


def check(filters: Mapping[str, Any] | None, operator: str, event: Event, data: bytes) -> None:
    """Raise Rejected unless the event passes. `data` is the transformed payload, `operator` the dependency's filtersLogicalOperator."""
    if not filters:
        return
    text = data.decode("utf-8", "replace")
    kinds: list[tuple[str, Callable[[], str]]] = []
    if filters.get("exprs"):
        kinds.append(("exprs", lambda: _any_all(filters["exprs"], filters.get("exprLogicalOperator", ""), lambda f: _expression(f, text))))
    if filters.get("data"):
        kinds.append(("data", lambda: _any_all(filters["data"], filters.get("dataLogicalOperator", ""), lambda f: _data(f, text))))
    if filters.get("context"):
        kinds.append(("context", lambda: _context(filters["context"], event)))
    if filters.get("time"):
        kinds.append(("time", lambda: _time(filters["time"], event)))
    if filters.get("script"):
        kinds.append(("script", lambda: _script(str(filters["script"]), text)))
    reasons, errors = [], []
    for name, decide in kinds:
        try:
            reasons.append((name, decide()))
        except ExpressionError as error:
            errors.append(f"{name}: {error}")
    if errors:
        raise Rejected("; ".join(errors))
    failed = [f"{name}: {reason}" for name, reason in reasons if reason]
    if failed and (operator != "or" or len(failed) == len(reasons)):
        raise Rejected("; ".join(failed))


def _any_all(entries: Sequence[Any], operator: str, decide: Callable[[Any], str]) -> str:
    """Empty when the entries of one kind pass, else the reason. Raises ExpressionError for an error that no passing entry makes up for."""
    reasons: list[str] = []
    errors: list[str] = []
    for entry in entries:
        try:
            reason = decide(entry)
        except ExpressionError as error:
            if operator != "or":
                raise
            errors.append(str(error))
            continue
        if operator == "or" and not reason:
            return ""
        if operator != "or" and reason:
            return reason
        reasons.append(reason)
    if errors:
        raise ExpressionError("; ".join(errors))
    return "; ".join(reason for reason in reasons if reason)


def _data(entry: Mapping[str, Any], text: str) -> str:
    """One data filter."""
    path = str(entry.get("path") or "")
    found = jsonpaths.get(text, path)
    if not path or not found.exists:
        raise ExpressionError(f"path {path!r} does not exist in the event")
    values = [str(v) for v in entry.get("value") or []]
    comparator = str(entry.get("comparator") or "=")
    kind = entry.get("type")
    if kind == "number":
        if comparator not in COMPARATORS:
            raise ExpressionError(f"comparator {comparator!r} is not one of {', '.join(COMPARATORS)}")
        passed = any(COMPARATORS[comparator](found.number, _parse_float(v)) for v in values)
        return "" if passed else f"{path} is {found.raw[:SHOWN]}, expected {comparator} {' or '.join(values)}"
    if kind == "bool":
        passed = any(_boolean(found) == _parse_bool(v) for v in values)
        return "" if passed else f"{path} is {found.raw[:SHOWN]}, expected {' or '.join(values)}"
    if kind != "string":
        raise ExpressionError(f"unsupported filter type {kind!r}")
    given = "" if found.kind == "Null" else found.text  # as gjson's String(): null is empty here, but not for a parameter's key
    if entry.get("template"):
        given = gotemplate.render(str(entry["template"]), {"Input": given})
        if not given or given == "<no value>":
            raise ExpressionError("the filter's template gives an empty result")
    passed = any(re2.match(v, given) == (comparator != "!=") for v in values)
    return "" if passed else f"{path} is {given[:SHOWN]!r}, expected {comparator} {' or '.join(values)}"


def _boolean(found: jsonpaths.Found) -> bool:
    """GJSON's Bool(): numbers other than 0 are true, text is parsed."""
    value = found.value
    if isinstance(value, str):
        return value.lower() in ("1", "t", "true")
    return value if isinstance(value, bool) else found.number != 0


def _parse_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ExpressionError(f"filter value {text!r} is not a number") from None


def _parse_bool(text: str) -> bool:
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise ExpressionError(f"filter value {text!r} is not a boolean")


def _expression(entry: Mapping[str, Any], text: str) -> str:
    """One exprs filter: govaluate over the named fields."""
    variables: dict[str, Any] = {}
    for field in entry.get("fields") or []:
        found = jsonpaths.get(text, str(field["path"]))
        if not found.exists:
            raise ExpressionError(f"path {field['path']!r} does not exist in the event")
        variables[str(field["name"])] = found.number if found.kind == "Number" else found.value
    answer = govaluate.evaluate(str(entry["expr"]), variables)
    if not isinstance(answer, bool):
        raise ExpressionError(f"{entry['expr']!r} does not give true or false")
    return "" if answer else f"{entry['expr']} is false"


def _context(wanted: Mapping[str, Any], event: Event) -> str:
    """Only type, subject, source and datacontenttype are compared."""
    there = {"type": event.type, "subject": event.subject, "source": event.source, "datacontenttype": event.datacontenttype}
    for key, value in there.items():
        if wanted.get(key) and wanted[key] != value:
            return f"{key} is {value!r}, expected {wanted[key]!r}"
    return ""


def _time(spec: Mapping[str, Any], event: Event) -> str:
    """The event's time of day lies in [start, stop); a start after the stop wraps midnight."""
    moment = datetime.fromisoformat(event.time).astimezone(zone(str(spec.get("timezone") or "UTC")))
    now = timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second)
    start, stop = _clock(str(spec["start"])), _clock(str(spec["stop"]))
    inside = start <= now < stop if start < stop else now >= start or now < stop
    return "" if inside or start == stop else f"{moment:%H:%M:%S} is not from {spec['start']} to {spec['stop']}"


def _script(script: str, text: str) -> str:
    """A Lua script that has to return true; `event` is the payload."""
    event = rawjson.loads_go(text)
    if not isinstance(event, dict):
        raise ExpressionError("a script needs an event with an object as its data")
    return "" if lua.run(script, event) is True else "the script does not return true"


def _clock(text: str) -> timedelta:
    try:
        hours, minutes, *seconds = (int(part) for part in text.split(":"))
    except ValueError:
        raise ExpressionError(f"{text!r} is not a time of day") from None
    return timedelta(hours=hours, minutes=minutes, seconds=seconds[0] if seconds else 0)
