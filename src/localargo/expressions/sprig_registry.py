"""Where sprig's functions are registered, and how their arguments are checked and converted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.gotext import go_value
from localargo.expressions.values import Budget, go_type, is_number, plain_tree, to_int

Json = Any
Function = Callable[..., Json]
Checked = Callable[[Budget, list[Json]], Json]

FUNCTIONS: dict[str, Checked] = {}
_FITS: dict[str, Callable[[Json], bool]] = {
    "s": lambda v: isinstance(v, str),
    "i": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "b": lambda v: isinstance(v, bool),
    "l": lambda v: isinstance(v, list),
    "m": lambda v: isinstance(v, dict),
    "*": lambda v: True,
}
_WORDS = {"s": "string", "i": "int", "b": "bool", "l": "list", "m": "map"}


def function(names: str, kinds: str) -> Callable[[Function], Function]:
    """Register under every name. `kinds`, a letter each: s string, i int, b bool, l list, m map, * any.

    A final + allows the last letter any number of times, or not at all.
    The function gets the arguments, after the budget when its first parameter is named `budget`.
    """

    def register(target: Function) -> Function:
        wants_budget = "budget" in target.__code__.co_varnames[:1]

        def checked(budget: Budget, arguments: list[Json]) -> Json:
            found = [plain_tree(argument) for argument in arguments]
            budget.step(1 + sum(len(argument) for argument in found if isinstance(argument, (list, dict))))
            _check(names.split(maxsplit=1)[0], kinds, found)
            result = target(budget, *found) if wants_budget else target(*found)
            budget.take(len(result) if isinstance(result, (str, list, dict)) else 0)
            return result

        for name in names.split():
            FUNCTIONS[name] = checked
        return target

    return register


def _check(name: str, kinds: str, arguments: list[Json]) -> None:
    repeated = kinds.endswith("+")
    letters = kinds.removesuffix("+")
    if repeated:
        letters = letters[:-1] + letters[-1] * max(len(arguments) - len(letters) + 1, 0)
    if len(letters) != len(arguments):
        wanted = f"at least {len(kinds) - 2}" if repeated else str(len(letters))
        raise ExpressionError(f"wrong number of args for {name}: want {wanted} got {len(arguments)}")
    for letter, argument in zip(letters, arguments, strict=True):
        if not _FITS[letter](argument):
            problem = "invalid value" if argument is None else "wrong type for value"
            raise ExpressionError(f"{name}: {problem}; expected {_WORDS[letter]}; got {go_type(argument)}")


def text_of(value: Json) -> str:
    """sprig's `toString`: `%v`."""
    return go_value(value)


def int_of(value: Json) -> int:
    """sprig's `int64` (spf13/cast): text in Go's notation, a float without its fraction, 0 for anything that is not a number."""
    if isinstance(value, bool):
        return int(value)
    if is_number(value):
        return value if isinstance(value, int) else to_int(value)
    text = re.sub(r"\.0*$", "", value) if isinstance(value, str) else ""
    found = re.fullmatch(r"([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9][0-9]*|0)", text)
    if found is None or len(text) > 66:
        return 0
    digits = found[2]
    octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    number = int(digits, 8) if octal else int(digits, 0)
    number = -number if found[1] == "-" else number
    return number if -(2**63) <= number < 2**63 else 0


def float_of(value: Json) -> float:
    """sprig's `float64`: 0 for anything that is not a number."""
    if isinstance(value, bool) or is_number(value):
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", value):
        return float(value)
    return 0.0


def is_empty(value: Json) -> bool:
    """Go's zero value, or an empty one."""
    if value is None or value is False:
        return True
    if is_number(value):
        return bool(value == 0)
    return isinstance(value, (str, list, dict)) and not value
