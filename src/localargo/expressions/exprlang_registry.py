"""Where expr-lang's builtin functions are registered, and how their arguments are checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.values import Budget, go_type, is_number

Json = Any
Function = Callable[[Budget, list[Json]], Json]

BUILTINS: dict[str, Function] = {}


def builtin(name: str, *kinds: str, least: int | None = None) -> Callable[[Function], Function]:
    """Register; `kinds` are the arguments' types (s string, n number, i int, l list, m map, * any), `least` how many must be given."""

    def register(function: Function) -> Function:
        def checked(budget: Budget, arguments: list[Json]) -> Json:
            required = len(kinds) if least is None else least
            if not required <= len(arguments) <= len(kinds):
                raise ExpressionError(f"invalid number of arguments for {name} (expected {required}, got {len(arguments)})")
            for kind, argument in zip(kinds, arguments, strict=False):
                if not _FITS[kind](argument):
                    raise ExpressionError(f"invalid argument for {name} (type {go_type(argument)})")
            return function(budget, arguments)

        BUILTINS[name] = checked
        return function

    return register


_FITS: dict[str, Callable[[Json], bool]] = {
    "s": lambda v: isinstance(v, str),
    "n": is_number,
    "i": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "l": lambda v: isinstance(v, list),
    "m": lambda v: isinstance(v, dict),
    "*": lambda v: True,
}
