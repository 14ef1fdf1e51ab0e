"""Values as Go sees them: what an expression may hold, comparisons, names of types, and limits of work."""

from __future__ import annotations

import math
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.gotime import Duration, Time
from localargo.expressions.rawjson import Number

Json = Any

_STEPS = 200_000
_SIZE = 8_000_000


class Budget:
    """The work that is left for one evaluation: steps (nodes, elements) and size (characters, elements made)."""

    __slots__ = ("size", "steps")

    def __init__(self) -> None:
        self.steps = _STEPS
        self.size = _SIZE

    def step(self, count: int = 1) -> None:
        self.steps -= count
        if self.steps < 0:
            raise ExpressionError(f"expression needs more than {_STEPS} steps")

    def take(self, size: int) -> None:
        self.size -= size
        if self.size < 0:
            raise ExpressionError("memory budget exceeded")


def plain(value: Json) -> Json:
    """A raw number as a number; everything else as it is."""
    return value.value if isinstance(value, Number) else value


def plain_tree(value: Json) -> Json:
    """A copy without raw numbers."""
    if isinstance(value, dict):
        return {key: plain_tree(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_tree(item) for item in value]
    return plain(value)


def is_number(value: Json) -> bool:
    """An int or a float, not a bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def go_type(value: Json) -> str:
    """The name that Go's `%T` gives the value."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    names = {int: "int", float: "float64", str: "string", list: "[]interface {}", dict: "map[string]interface {}"}
    others = {Time: "time.Time", Duration: "time.Duration"}
    return names.get(type(value)) or others.get(type(value)) or "func"


def wrap(number: int) -> int:
    """A 64-bit integer, as Go's arithmetic wraps it."""
    return (number + 2**63) % 2**64 - 2**63


def to_int(value: float) -> int:
    """`int(x)` of a number; a float64 that does not fit becomes Go's (amd64) least integer."""
    if math.isnan(value) or math.isinf(value) or not -(2.0**63) <= value < 2.0**63:
        return -(2**63)
    return int(value)


def equal(left: Json, right: Json) -> bool:
    """expr-lang's `==`: numbers by value, everything else only within its own type."""
    stack = [(left, right)]
    while stack:
        one, two = stack.pop()
        one, two = plain(one), plain(two)
        if is_number(one) and is_number(two):
            if one != two:
                return False
        elif isinstance(one, list) and isinstance(two, list):
            if len(one) != len(two):
                return False
            stack.extend(zip(one, two, strict=True))
        elif isinstance(one, dict) and isinstance(two, dict):
            if one.keys() != two.keys():
                return False
            stack.extend((one[key], two[key]) for key in one)
        elif type(one) is not type(two) or one != two:
            return False
    return True


def less(left: Json, right: Json) -> bool:
    """expr-lang's order: numbers, strings (by bytes), times, durations. ExpressionError for anything else."""
    if is_number(left) and is_number(right):
        return bool(left < right)
    if isinstance(left, str) and isinstance(right, str):
        return left.encode("utf-8", "surrogatepass") < right.encode("utf-8", "surrogatepass")
    if isinstance(left, Time) and isinstance(right, Time):
        return left < right
    if isinstance(left, Duration) and isinstance(right, Duration):
        return left < right
    raise ExpressionError(f"invalid operation: {go_type(left)} < {go_type(right)}")
