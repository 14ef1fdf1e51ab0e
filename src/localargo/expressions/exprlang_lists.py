"""expr-lang's builtin functions on lists and maps."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.exprlang_predicates import ordering
from localargo.expressions.exprlang_registry import BUILTINS, builtin
from localargo.expressions.gotext import go_value
from localargo.expressions.values import Budget, equal, go_type, is_number, plain, plain_tree, to_int

__all__ = ["BUILTINS"]

Json = Any


def _numbers(name: str, arguments: list[Json], depth: int = 0) -> list[int | float]:
    found: list[int | float] = []
    for argument in arguments:
        argument = plain(argument)
        if isinstance(argument, list) and depth < 100:
            found.extend(_numbers(name, argument, depth + 1))
        elif is_number(argument):
            found.append(argument)
        else:
            raise ExpressionError(f"invalid argument for {name} (type {go_type(argument)})")
    return found


def _aggregate(name: str, function: Callable[[list[int | float]], Json]) -> None:
    def run(budget: Budget, arguments: list[Json]) -> Json:
        if not arguments:
            raise ExpressionError(f"not enough arguments to call {name}")
        numbers = _numbers(name, arguments)
        budget.step(len(numbers))
        return function(numbers)

    BUILTINS[name] = run


_aggregate("max", lambda numbers: max(numbers) if numbers else None)
_aggregate("min", lambda numbers: min(numbers) if numbers else None)
_aggregate("mean", lambda numbers: sum(map(float, numbers)) / len(numbers) if numbers else 0.0)
_aggregate("median", lambda numbers: statistics.median(map(float, numbers)) if numbers else 0.0)


builtin("first", "*")(lambda _, a: a[0][0] if isinstance(a[0], list) and a[0] else None)
builtin("last", "*")(lambda _, a: a[0][-1] if isinstance(a[0], list) and a[0] else None)


@builtin("get", "*", "*")
def _get(budget: Budget, arguments: list[Json]) -> Json:
    found, key = arguments
    if isinstance(found, dict):
        return found.get(key) if isinstance(key, str) else None
    if isinstance(found, list) and is_number(key):
        return found[to_int(key)] if -len(found) <= to_int(key) < len(found) else None
    return None


builtin("take", "l", "i")(lambda _, a: a[0][: max(a[1], 0)])
builtin("keys", "m")(lambda _, a: sorted(a[0]))
builtin("values", "m")(lambda _, a: [a[0][key] for key in sorted(a[0])])
builtin("toPairs", "m")(lambda _, a: [[key, a[0][key]] for key in sorted(a[0])])
builtin("reverse", "l")(lambda _, a: a[0][::-1])


@builtin("fromPairs", "l")
def _from_pairs(budget: Budget, arguments: list[Json]) -> Json:
    for pair in arguments[0]:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise ExpressionError(f"invalid pair {go_value(plain_tree(pair))}")
    return dict(arguments[0])


@builtin("uniq", "l")
def _uniq(budget: Budget, arguments: list[Json]) -> Json:
    found: list[Json] = []
    for item in arguments[0]:
        budget.step(len(found))
        if not any(equal(item, other) for other in found):
            found.append(item)
    return found


def _concat(budget: Budget, arguments: list[Json]) -> Json:
    if not arguments:
        raise ExpressionError("invalid number of arguments (expected at least 1, got 0)")
    found: list[Json] = []
    for argument in arguments:
        if not isinstance(argument, list):
            raise ExpressionError(f"cannot concat {go_type(argument)}")
        budget.take(len(argument))
        found.extend(argument)
    return found


BUILTINS["concat"] = _concat


@builtin("flatten", "l")
def flatten(budget: Budget, arguments: list[Json]) -> Json:
    """Lists inside lists, as one list."""
    found: list[Json] = []
    for item in arguments[0]:
        found.extend(flatten(budget, [item]) if isinstance(item, list) else [item])
        budget.step()
    return found


@builtin("sort", "l", "s", least=1)
def _sort(budget: Budget, arguments: list[Json]) -> Json:
    order = arguments[1] if len(arguments) == 2 else "asc"
    if order not in ("asc", "desc"):
        raise ExpressionError(f"invalid order {order} (expected asc or desc)")
    budget.step(len(arguments[0]))
    return sorted(map(plain, arguments[0]), key=functools.cmp_to_key(ordering), reverse=order == "desc")
