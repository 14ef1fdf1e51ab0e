"""sprig's arithmetic: 64-bit integers, and float64 in the functions with an f."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal, localcontext

from localargo.expressions import ExpressionError
from localargo.expressions.sprig_registry import Json, float_of, function, int_of
from localargo.expressions.values import Budget, wrap

_LONGEST = 100_000


def _steps(start: int, stop: int, step: int) -> list[int]:
    if step == 0 or (stop < start) != (step < 0):
        return []
    found = range(start, stop, step)
    if len(found) > _LONGEST:
        raise ExpressionError(f"a list of {len(found)} numbers is longer than {_LONGEST}")
    return list(found)


function("int64 int", "*")(int_of)
function("float64", "*")(float_of)
function("atoi", "s")(lambda text: int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else 0)
function("add", "*+")(lambda *values: wrap(sum(map(int_of, values))))
function("add1", "*")(lambda value: wrap(int_of(value) + 1))
function("sub", "**")(lambda a, b: wrap(int_of(a) - int_of(b)))
function("mul", "**+")(lambda *values: functools.reduce(lambda a, b: wrap(a * b), map(int_of, values)))
function("div", "**")(lambda a, b: _quotient(int_of(a), int_of(b)))
function("mod", "**")(lambda a, b: int_of(a) - _quotient(int_of(a), int_of(b)) * int_of(b))
function("max biggest", "**+")(lambda *values: max(map(int_of, values)))
function("min", "**+")(lambda *values: min(map(int_of, values)))
function("maxf", "**+")(lambda *values: max(map(float_of, values)))
function("minf", "**+")(lambda *values: min(map(float_of, values)))
function("addf", "*+")(lambda *values: _decimal(values or (0,), lambda a, b: a + b))
function("subf", "**+")(lambda *values: _decimal(values, lambda a, b: a - b))
function("mulf", "**+")(lambda *values: _decimal(values, lambda a, b: a * b))
function("divf", "**+")(lambda *values: _decimal(values, _divided))
function("floor", "*")(lambda value: _whole(math.floor, float_of(value)))
function("ceil", "*")(lambda value: _whole(math.ceil, float_of(value)))
function("until", "i")(lambda count: _steps(0, count, 1 if count >= 0 else -1))
function("untilStep", "iii")(_steps)


def _quotient(left: int, right: int) -> int:
    if right == 0:
        raise ExpressionError("runtime error: integer divide by zero")
    return wrap(abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1))


def _decimal(values: Iterable[Json], operation: Callable[[Decimal, Decimal], Decimal]) -> float:
    numbers = [float_of(value) for value in values]
    if not all(map(math.isfinite, numbers)):
        raise ExpressionError("cannot calculate with NaN or Inf")
    with localcontext() as context:
        context.prec = 60
        return float(functools.reduce(operation, [Decimal(repr(number)) for number in numbers]))


def _divided(left: Decimal, right: Decimal) -> Decimal:
    if right == 0:
        raise ExpressionError("decimal division by 0")
    return left / right


def _whole(rounding: Callable[[float], int], number: float) -> float:
    return float(rounding(number)) if math.isfinite(number) else number


@function("round", "***+")
def _round(value: Json, places: Json, *limit: Json) -> float:
    """Away from zero from `limit` (0.5) on, at so many places."""
    number, factor = float_of(value), math.pow(10, min(max(int_of(places), -300), 300))
    digit = factor * number
    if not math.isfinite(digit):
        return digit
    fraction = math.modf(digit)[0]
    border = float_of(limit[0]) if limit else 0.5
    up = fraction >= border if digit >= 0 else fraction > -border
    return (math.ceil(digit) if up else math.floor(digit)) / factor


@function("seq", "i+")
def _seq(budget: Budget, *numbers: int) -> str:
    if len(numbers) > 3 or not numbers:
        return ""
    start, end = (1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[-1])
    step = numbers[1] if len(numbers) == 3 else (1 if end >= start else -1)
    return " ".join(map(str, _steps(start, end + (1 if step > 0 else -1), step)))
