"""The globals of a Lua script: the basic functions, `string`, `table` and `math`; nothing with access to the outside."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions import lua_patterns as patterns
from localargo.expressions.lua_values import Builtin, Table, number_of, text_of, type_name
from localargo.expressions.values import Budget

Call = Callable[..., list[Any]]


def library(call: Call) -> dict[str, Any]:
    """The globals of a script; `call` runs one of its functions."""
    basic = {
        "type": lambda b, a: [type_name(_at(a, 0))],
        "tostring": lambda b, a: [text_of(_at(a, 0))],
        "tonumber": _tonumber,
        "error": _error,
        "assert": _assert,
        "pcall": lambda b, a: _pcall(call, a),
        "pairs": lambda b, a: [Builtin("next", _next), _table(a, 0), None],
        "next": _next,
        "ipairs": lambda b, a: [Builtin("inext", _inext), _table(a, 0), 0.0],
        "unpack": lambda b, a: [_table(a, 0).get(float(i)) for i in range(1, _table(a, 0).length() + 1)],
        "print": lambda b, a: [],
        "select": _select,
    }
    found: dict[str, Any] = {name: Builtin(name, run) for name, run in basic.items()}
    found["string"] = _module(patterns.functions(call))
    found["table"] = _module(TABLE)
    found["math"] = _module(MATH)
    found["math"].set("pi", math.pi)
    found["math"].set("huge", math.inf)
    return found


def _module(functions: dict[str, Any]) -> Table:
    table = Table()
    for name, run in functions.items():
        table.set(name, Builtin(name, run))
    return table


def _at(arguments: list[Any], index: int) -> Any:
    return arguments[index] if index < len(arguments) else None


def _table(arguments: list[Any], index: int) -> Table:
    value = _at(arguments, index)
    if not isinstance(value, Table):
        raise ExpressionError(f"bad argument #{index + 1} (table expected, got {type_name(value)})")
    return value


def _number(arguments: list[Any], index: int, default: float | None = None) -> float:
    value = number_of(_at(arguments, index)) if _at(arguments, index) is not None else default
    if value is None:
        raise ExpressionError(f"bad argument #{index + 1} (number expected, got {type_name(_at(arguments, index))})")
    return value


def _tonumber(budget: Budget, arguments: list[Any]) -> list[Any]:
    base = _at(arguments, 1)
    if base is None or base == 10.0:
        return [number_of(_at(arguments, 0))]
    try:
        return [float(int(text_of(_at(arguments, 0)), int(_number(arguments, 1))))]
    except ValueError:
        return [None]


def _error(budget: Budget, arguments: list[Any]) -> list[Any]:
    raise ExpressionError(text_of(_at(arguments, 0)))


def _assert(budget: Budget, arguments: list[Any]) -> list[Any]:
    if _at(arguments, 0) in (None, False):
        raise ExpressionError(text_of(_at(arguments, 1)) if len(arguments) > 1 else "assertion failed!")
    return arguments


def _pcall(call: Call, arguments: list[Any]) -> list[Any]:
    try:
        return [True, *call(_at(arguments, 0), arguments[1:])]
    except ExpressionError as error:
        return [False, str(error)]


def _next(budget: Budget, arguments: list[Any]) -> list[Any]:
    table = _table(arguments, 0)
    budget.step(len(table.entries))
    found = table.after(_at(arguments, 1))
    return [None] if found is None else list(found)


def _inext(budget: Budget, arguments: list[Any]) -> list[Any]:
    index = _number(arguments, 1) + 1
    value = _table(arguments, 0).get(index)
    return [None] if value is None else [index, value]


def _select(budget: Budget, arguments: list[Any]) -> list[Any]:
    if _at(arguments, 0) == "#":
        return [float(len(arguments) - 1)]
    return arguments[max(1, int(_number(arguments, 0))) :]


def _insert(budget: Budget, arguments: list[Any]) -> list[Any]:
    table = _table(arguments, 0)
    size = table.length()
    budget.step(size)
    budget.take(1)
    at = size + 1 if len(arguments) < 3 else int(_number(arguments, 1))
    for index in range(size, at - 1, -1):
        table.set(float(index + 1), table.get(float(index)))
    table.set(float(at), arguments[-1])
    return []


def _remove(budget: Budget, arguments: list[Any]) -> list[Any]:
    table = _table(arguments, 0)
    size = table.length()
    budget.step(size)
    at = int(_number(arguments, 1, float(size)))
    gone = table.get(float(at))
    for index in range(at, size + 1):
        table.set(float(index), table.get(float(index + 1)))
    return [gone]


def _concat(budget: Budget, arguments: list[Any]) -> list[Any]:
    table, between = _table(arguments, 0), text_of(_at(arguments, 1)) if _at(arguments, 1) is not None else ""
    size = table.length()
    budget.step(size)
    joined = between.join(
        text_of(table.get(float(i))) for i in range(int(_number(arguments, 2, 1.0)), int(_number(arguments, 3, size)) + 1)
    )
    budget.take(len(joined))
    return [joined]


TABLE: dict[str, Any] = {
    "insert": _insert,
    "remove": _remove,
    "concat": _concat,
    "getn": lambda b, a: [float(_table(a, 0).length())],
}
MATH: dict[str, Any] = {
    "floor": lambda b, a: [float(math.floor(_number(a, 0)))],
    "ceil": lambda b, a: [float(math.ceil(_number(a, 0)))],
    "abs": lambda b, a: [abs(_number(a, 0))],
    "sqrt": lambda b, a: [math.sqrt(_number(a, 0)) if _number(a, 0) >= 0 else math.nan],
    "max": lambda b, a: [max(_number(a, i) for i in range(max(1, len(a))))],
    "min": lambda b, a: [min(_number(a, i) for i in range(max(1, len(a))))],
    "fmod": lambda b, a: [math.fmod(_number(a, 0), _number(a, 1)) if _number(a, 1) else math.nan],
}
