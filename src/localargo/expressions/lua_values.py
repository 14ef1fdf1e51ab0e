"""Lua's values: nil, booleans and strings are Python's, numbers are floats, tables and functions their own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.rawjson import Number
from localargo.expressions.values import Budget


class Table:
    """A table. Keys that are numbers are floats; nil cannot be kept."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[Any, Any] = {}

    def get(self, key: Any) -> Any:
        return self.entries.get(_key(key))

    def set(self, key: Any, value: Any) -> None:
        if key is None or (isinstance(key, float) and math.isnan(key)):
            raise ExpressionError("table index is nil or NaN")
        if value is None:
            self.entries.pop(_key(key), None)
        else:
            self.entries[_key(key)] = value

    def length(self) -> int:
        """How many values there are at 1, 2, 3 ... without a gap."""
        count = 0
        while float(count + 1) in self.entries:
            count += 1
        return count

    def after(self, key: Any) -> tuple[Any, Any] | None:
        """The entry that follows the key's, None after the last."""
        keys = list(self.entries)
        at = 0 if key is None else keys.index(_key(key)) + 1 if _key(key) in self.entries else len(keys)
        return None if at >= len(keys) else (_unkey(keys[at]), self.entries[keys[at]])


class Builtin:
    """A function of the library."""

    __slots__ = ("name", "run")

    def __init__(self, name: str, run: Callable[[Budget, list[Any]], list[Any]]) -> None:
        self.name = name
        self.run = run


def _key(key: Any) -> Any:
    return ("bool", key) if isinstance(key, bool) else key


def _unkey(key: Any) -> Any:
    return key[1] if isinstance(key, tuple) else key


def from_json(value: Any) -> Any:
    """A JSON value as Lua sees it: a list is a table from 1 on, null is nil."""
    if isinstance(value, dict):
        table = Table()
        for key, item in value.items():
            table.set(key, from_json(item))
        return table
    if isinstance(value, list):
        table = Table()
        for index, item in enumerate(value, 1):
            table.set(float(index), from_json(item))
        return table
    if isinstance(value, Number | int) and not isinstance(value, bool):
        return float(value)
    return value


def truth(value: Any) -> bool:
    return value is not None and value is not False


def type_name(value: Any) -> str:
    """Lua's `type`."""
    if value is None:
        return "nil"
    names = {bool: "boolean", float: "number", str: "string", Table: "table"}
    return names.get(type(value), "function")


def text_of(value: Any) -> str:
    """Lua's `tostring`."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.14g}"
    return value if isinstance(value, str) else type_name(value)


def number_of(value: Any) -> float | None:
    """A number, or text that is one; None for anything else."""
    if isinstance(value, float):
        return value
    if isinstance(value, str):
        text = value.strip()
        try:
            return float(int(text, 16)) if text.lower().startswith(("0x", "-0x")) else float(text) if "_" not in text else None
        except ValueError:
            return None
    return None


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str | float) and isinstance(right, str | float):
        return type(left) is type(right) and left == right
    return left is right


def compared(operator: str, left: Any, right: Any, line: int) -> bool:
    """`<` and the other comparisons, on two numbers or two strings."""
    if type(left) is not type(right) or not isinstance(left, float | str):
        raise ExpressionError(f"<string>:{line}: attempt to compare {type_name(left)} with {type_name(right)}")
    if isinstance(left, str):
        left, right = left.encode("utf-8", "replace"), right.encode("utf-8", "replace")
    answers = {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}
    return bool(answers[operator])


def arithmetic(operator: str, left: Any, right: Any, line: int) -> float:
    """The operation on numbers, or on text that is a number."""
    a, b = number_of(left), number_of(right)
    if a is None or b is None:
        raise ExpressionError(f"<string>:{line}: cannot perform {operator} operation between {type_name(left)} and {type_name(right)}")
    try:
        return _calculate(operator, a, b)
    except OverflowError:
        return math.inf


def _calculate(operator: str, a: float, b: float) -> float:
    if operator == "+":
        return a + b
    if operator == "-":
        return a - b
    if operator == "*":
        return a * b
    if operator == "/":
        return a / b if b else math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)
    if operator == "%":
        return a - math.floor(a / b) * b if b else math.nan
    power = a**b if not (a == 0 and b < 0) else math.inf
    return power if isinstance(power, float) else math.nan
