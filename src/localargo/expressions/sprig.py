"""sprig's functions, for Go templates (`{{ .x | trunc 8 }}`) and for expr-lang (`sprig.trunc(8, x)`).

Those whose result depends on more than their arguments are left out: the time, chance, keys, the network, the environment.
"""

from __future__ import annotations

from typing import Any

from localargo.expressions import ExpressionError, UnsupportedExpression, sprig_data, sprig_numbers, sprig_text, sprig_times
from localargo.expressions.sprig_names import NAMES
from localargo.expressions.sprig_registry import FUNCTIONS
from localargo.expressions.values import Budget

__all__ = ["call", "names", "sprig_data", "sprig_numbers", "sprig_text", "sprig_times", "undefined"]

Json = Any


def names() -> frozenset[str]:
    """Every supported function."""
    return frozenset(FUNCTIONS)


def undefined(name: str) -> ExpressionError:
    """What to raise for a function that is not here."""
    if name in NAMES:
        return UnsupportedExpression(f'function "{name}" is not supported: only functions of their arguments alone are')
    return ExpressionError(f'function "{name}" not defined')


def call(name: str, arguments: list[Json], budget: Budget | None = None) -> Json:
    """Call it. ExpressionError: no such function, or arguments that do not fit."""
    function = FUNCTIONS.get(name)
    if function is None:
        raise undefined(name)
    try:
        return function(budget or Budget(), arguments)
    except (RecursionError, OverflowError) as error:
        raise ExpressionError(f"{name}: value is too large or nests too deeply") from error
