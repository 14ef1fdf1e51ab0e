"""GJSON paths (read) and SJSON paths (write) as Argo Events uses them, and kubectl's JSONPath templates."""

from __future__ import annotations

import copy
import functools
import re
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.gjson_path import Component, follow, parse_path
from localargo.expressions.gjson_scan import NOTHING, Found, skip
from localargo.expressions.rawjson import dumps, loads
from localargo.expressions.values import Budget, plain

__all__ = ["Found", "get", "jsonpath", "read", "set"]

Json = Any

_LONGEST = 10_000  # elements that a write past a list's end may add
_STEP = re.compile(r"""\.((?:\\.|[^\s.\[\]{}()'"\\*])+)|\[(-?[0-9]{1,9})\]|\['((?:\\.|[^'\\])*)'\]""")
_EXPRESSION = re.compile(r"\{((?:[^{}'\"]|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")*)\}")


@functools.lru_cache(maxsize=64)
def _checked(text: str) -> str:
    loads(text)
    return text[skip(text, 0) :].rstrip(" \t\r\n")


def get(doc: Json | str, path: str) -> Found:
    """The value at the GJSON path. `doc` is JSON text (a str) or a tree. ExpressionError: not JSON, or an unsupported path."""
    text = _checked(doc) if isinstance(doc, str) else dumps(doc, sort=False)
    found = follow(text, parse_path(path), Budget())
    return NOTHING if found is None else Found(True, found)


def set(doc: dict[str, Json], path: str, value: Json) -> dict[str, Json]:
    """A copy of the document with the value at the SJSON path.

    Missing objects and lists are created; an index past a list's end pads with null, `-1` appends, `:1` is a key, not an index, `\\.` a
    dot. A path with a query (`#(name=="x").value`) replaces an existing value and changes nothing when there is none, as SJSON does.
    """
    result = copy.deepcopy(doc)
    components = parse_path(path)
    if not components:
        raise ExpressionError("path cannot be empty")
    if all(component.kind == "key" and not component.wild and not component.piped for component in components):
        _write(result, components, value)
    elif components[-1].kind != "count" and not any(c.piped or c.kind == "modifier" for c in components) and get(doc, path).exists:
        _replace(result, components, value)
    return result


def _write(place: Json, components: list[Component], value: Json) -> None:
    for index, component in enumerate(components):
        last = index == len(components) - 1
        following = value if last else _container(components[index + 1])
        if isinstance(place, list):
            place = _write_item(place, component.name, following, last)
            continue
        name = component.name[1:] if component.forced else component.name
        if last or not isinstance(place.get(name), (dict, list)):
            place[name] = following
        place = place[name]


def _container(component: Component) -> Json:
    return [] if not component.forced and re.fullmatch(r"[0-9]+|-1", component.name) else {}


def _write_item(place: list[Json], name: str, following: Json, last: bool) -> Json:
    if name == "-1":
        place.append(following)
        return following
    if not re.fullmatch(r"[0-9]{1,9}", name):
        raise ExpressionError(f"cannot set array element for non-numeric key '{name}'")
    index = int(name)
    if index - len(place) > _LONGEST:
        raise ExpressionError(f"index {index} is more than {_LONGEST} past the end of the list")
    place.extend([None] * (index + 1 - len(place)))
    if last or not isinstance(place[index], (dict, list)):
        place[index] = following
    return place[index]


def _replace(place: Json, components: list[Component], value: Json) -> None:
    """Replace the value at a path with queries: the first match, or every one for `#(...)#` and `#`."""
    component, rest = components[0], components[1:]
    for key in _matches(place, component, rest):
        if not rest:
            place[key] = value
        elif _leads(place[key], rest):
            _replace(place[key], rest, value)


def _leads(value: Json, rest: list[Component]) -> bool:
    return not rest or follow(dumps(value, sort=False), rest, Budget()) is not None


def _matches(place: Json, component: Component, rest: list[Component]) -> list[Any]:
    if isinstance(place, dict) and component.kind == "key":
        return [key for key in place if component.matches(key) and _leads(place[key], rest)][:1]
    if not isinstance(place, list):
        return []
    if component.kind == "key":
        index = int(component.name) if re.fullmatch(r"[0-9]{1,9}", component.name) else len(place)
        return [index] if index < len(place) else []
    if component.kind == "count":
        return list(range(len(place)))
    found = [index for index, item in enumerate(place) if component.accepts(dumps(item, sort=False), Budget())]
    return found if component.every else found[:1]


def jsonpath(doc: Json, path: str) -> str:
    """kubectl's `-o jsonpath=...`: text with `{.a.b[0]}` parts; a path without braces is one part.

    A path that does not exist gives an empty text. ExpressionError for all but names and indexes.
    """
    if "{" not in path:
        return _part(doc, path)
    rest = _EXPRESSION.sub("", path)
    if "{" in rest or "}" in rest:
        raise ExpressionError(f"JSONPath {path!r}: unclosed brace")
    return _EXPRESSION.sub(lambda found: _part(doc, found[1].strip()), path)


def _part(doc: Json, path: str) -> str:
    try:
        found = read(doc, path)
    except LookupError:
        return ""
    return found if isinstance(found, str) else dumps(plain(found), html=True)


def read(doc: Json, path: str) -> Json:
    """The value at a path of names and indexes (`$.a[0].b`). LookupError where there is none; ExpressionError for any other path."""
    text = path.removeprefix("$")
    text = f".{text}" if text and text[0] not in ".[" else text
    at = 0
    steps: list[re.Match[str]] = []
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise ExpressionError(f"JSONPath {path!r}: {text[at:]!r} is not supported: names and indexes are", at)
        steps.append(step)
        at = step.end()
    place = doc
    for step in steps:
        try:
            place = place[int(step[2])] if isinstance(place, list) and step[2] else place[re.sub(r"\\(.)", r"\1", step[1] or step[3] or "")]
        except TypeError as error:
            raise LookupError(path) from error
    return place
