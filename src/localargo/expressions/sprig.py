"""sprig's functions, for Go templates (`{{ .x | trunc 8 }}`) and for expr-lang (`sprig.trunc(8, x)`).

Those that read the environment, the network or a random source are missing: an event must have no access to them.
"""

from __future__ import annotations

from typing import Any

from localargo.expressions import ExpressionError, sprig_data, sprig_numbers, sprig_text, sprig_times
from localargo.expressions.sprig_registry import FUNCTIONS
from localargo.expressions.values import Budget

__all__ = ["call", "names", "sprig_data", "sprig_numbers", "sprig_text", "sprig_times"]

Json = Any


def names() -> frozenset[str]:
    """Every supported function."""
    return frozenset(FUNCTIONS)


def call(name: str, arguments: list[Json], budget: Budget | None = None) -> Json:
    """Call it. ExpressionError: no such function, or arguments that do not fit."""
    function = FUNCTIONS.get(name)
    if function is None:
        raise ExpressionError(f'function "{name}" not defined (not one of the sprig functions supported here)')
    try:
        return function(budget or Budget(), arguments)
    except (RecursionError, OverflowError) as error:
        raise ExpressionError(f"{name}: value is too large or nests too deeply") from error
