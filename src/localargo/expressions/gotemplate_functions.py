"""The functions that every Go template has: comparisons, and/or/not, index, slice, len, printf and the escapes."""

from __future__ import annotations

import html
import urllib.parse
from collections.abc import Callable
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.goprintf import sprintf
from localargo.expressions.gotext import go_value
from localargo.expressions.gotime import Duration, Time
from localargo.expressions.values import go_type, is_number, less

Json = Any


def truth(value: Json) -> bool:
    """Truth in Go templates: not the zero value, not empty; a time is always true."""
    if isinstance(value, (Time, Duration)):
        return True
    if value is None or isinstance(value, bool):
        return bool(value)
    return bool(value != 0) if is_number(value) else bool(value)


def _kind(value: Json) -> str:
    kinds = {"bool": "bool", "int": "int", "float64": "float", "string": "string", "time.Time": "struct", "time.Duration": "int"}
    kind = kinds.get(go_type(value))
    if kind is None:
        raise ExpressionError(f"incompatible types for comparison: {go_type(value)}")
    return kind


def _equal(left: Json, right: Json) -> bool:
    if left is None or right is None:
        return left is right
    if isinstance(left, (list, dict)) or isinstance(right, (list, dict)):
        raise ExpressionError(f"non-comparable type {go_value(left)}: {go_type(left)}")
    if _kind(left) != _kind(right):
        raise ExpressionError("incompatible types for comparison")
    return bool(left == right)


def _eq(arguments: list[Json]) -> bool:
    if len(arguments) < 2:
        raise ExpressionError("error calling eq: missing argument for comparison")
    return any(_equal(arguments[0], other) for other in arguments[1:])


def _pair(name: str, test: Callable[[Json, Json], bool]) -> Callable[[list[Json]], bool]:
    def run(arguments: list[Json]) -> bool:
        if len(arguments) != 2:
            raise ExpressionError(f"wrong number of args for {name}: want 2 got {len(arguments)}")
        return test(arguments[0], arguments[1])

    return run


def _less(left: Json, right: Json) -> bool:
    if _kind(left) != _kind(right) or _kind(left) in ("bool", "struct"):
        raise ExpressionError("incompatible types for comparison" if _kind(left) != _kind(right) else "invalid type for comparison")
    return less(left, right)


def _index(arguments: list[Json]) -> Json:
    if not arguments:
        raise ExpressionError("wrong number of args for index: want at least 1 got 0")
    found = arguments[0]
    for key in arguments[1:]:
        if isinstance(found, dict):
            if not isinstance(key, str):
                raise ExpressionError(f"error calling index: value has type {go_type(key)}; should be string")
            found = found.get(key)
        elif isinstance(found, (list, str)):
            found = _item(found, key)
        else:
            problem = "index of nil pointer" if found is None else f"can't index item of type {go_type(found)}"
            raise ExpressionError(f"error calling index: {problem}")
    return found


def _item(found: list[Json] | str, key: Json) -> Json:
    if not isinstance(key, int) or isinstance(key, bool):
        raise ExpressionError(f"error calling index: cannot index slice/array with type {go_type(key)}")
    elements: Any = found.encode("utf-8", "replace") if isinstance(found, str) else found
    if not 0 <= key < len(elements):
        raise ExpressionError(f"error calling index: index out of range: {key}")
    return elements[key]


def _len(arguments: list[Json]) -> int:
    if len(arguments) != 1:
        raise ExpressionError(f"wrong number of args for len: want 1 got {len(arguments)}")
    if isinstance(arguments[0], str):
        return len(arguments[0].encode("utf-8", "replace"))
    if not isinstance(arguments[0], (list, dict)):
        raise ExpressionError(f"error calling len: len of type {go_type(arguments[0])}")
    return len(arguments[0])


def sprint(arguments: list[Json]) -> str:
    """`fmt.Sprint`: spaces go between operands when neither is a string."""
    text = ""
    for index, value in enumerate(arguments):
        if index and not isinstance(value, str) and not isinstance(arguments[index - 1], str):
            text += " "
        text += go_value(value)
    return text


def _printf(arguments: list[Json]) -> str:
    if not arguments or not isinstance(arguments[0], str):
        raise ExpressionError("error calling printf: the format is not a string")
    return sprintf(arguments[0], arguments[1:])


def _not(arguments: list[Json]) -> bool:
    if len(arguments) != 1:
        raise ExpressionError(f"wrong number of args for not: want 1 got {len(arguments)}")
    return not truth(arguments[0])


_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}

FUNCTIONS: dict[str, Callable[[list[Json]], Json]] = {
    "eq": _eq,
    "ne": _pair("ne", lambda a, b: not _equal(a, b)),
    "lt": _pair("lt", _less),
    "le": _pair("le", lambda a, b: _less(a, b) or _equal(a, b)),
    "gt": _pair("gt", lambda a, b: not _less(a, b) and not _equal(a, b)),
    "ge": _pair("ge", lambda a, b: not _less(a, b)),
    "index": _index,
    "len": _len,
    "not": _not,
    "print": sprint,
    "println": lambda arguments: " ".join(map(go_value, arguments)) + "\n",
    "printf": _printf,
    "html": lambda arguments: html.escape(sprint(arguments), quote=False).replace('"', "&#34;").replace("'", "&#39;"),
    "js": lambda arguments: "".join(_JS.get(char, char) for char in sprint(arguments)),
    "urlquery": lambda arguments: urllib.parse.quote_plus(sprint(arguments), safe="~"),
}
