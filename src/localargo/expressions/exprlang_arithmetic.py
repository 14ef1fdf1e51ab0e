"""expr-lang's arithmetic: 64-bit integers that wrap, float64, text, times and durations."""

from __future__ import annotations

import math
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.values import Budget, go_type, is_number, to_int, wrap

Json = Any


def arithmetic(budget: Budget, operator: str, left: Json, right: Json) -> Json:
    """`+ - * / % ** ..` on numbers and texts. ExpressionError when the operands do not fit."""
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        budget.take(len(left) + len(right))
        return left + right
    if not is_number(left) or not is_number(right):
        raise ExpressionError(f"invalid operation: {go_type(left)} {operator} {go_type(right)}")
    integers = isinstance(left, int) and isinstance(right, int)
    if operator == "..":
        return _range(budget, left, right)
    if operator == "%":
        if not integers:
            raise ExpressionError(f"invalid operation: {go_type(left)} % {go_type(right)}")
        if right == 0:
            raise ExpressionError("integer divide by zero")
        return abs(left) % abs(right) * (-1 if left < 0 else 1)  # the sign of the dividend, as in Go
    if operator == "/":
        return _divide(float(left), float(right))
    if operator == "**":
        return _power(float(left), float(right))
    result = left + right if operator == "+" else left - right if operator == "-" else left * right
    return wrap(result) if integers else float(result)


def _range(budget: Budget, first: float, last: float) -> list[int]:
    start, end = to_int(first), to_int(last)
    size = max(end - start + 1, 0)
    budget.take(size)
    budget.step(size)
    return list(range(start, end + 1))


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return -math.inf if left < 0 and right % 2 == 1 else math.inf
    except ValueError:
        return math.inf if left == 0 else math.nan
