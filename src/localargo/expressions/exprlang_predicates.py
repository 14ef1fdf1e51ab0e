"""expr-lang's functions with a closure: `filter(xs, {# > 1})`, `reduce(xs, #acc + #, 0)` and similar ones."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from localargo.expressions import ExpressionError
from localargo.expressions.exprlang_nodes import Builtin, Node
from localargo.expressions.rawjson import dumps
from localargo.expressions.values import Budget, go_type, is_number, less, plain, wrap

Json = Any


class Evaluation(Protocol):
    """The run of an expression, as far as a predicate needs it."""

    budget: Budget

    def value(self, node: Node) -> Json:
        """The node's value."""

    def closure(self, predicate: Node, **element: Json) -> Json:
        """The predicate's value with `#` (key `item`), `#index` and `#acc` as given."""


def _elements(run: Evaluation, node: Builtin) -> list[Json]:
    found = run.value(node.arguments[0])
    if not isinstance(found, list):
        raise ExpressionError(f"builtin {node.name} takes only array (got {go_type(found)})", node.at)
    run.budget.step(len(found))
    return [plain(item) for item in found]


def _test(run: Evaluation, node: Node, item: Json, index: int) -> bool:
    result = run.closure(node, item=item, index=index)
    if not isinstance(result, bool):
        raise ExpressionError(f"predicate should return boolean (got {go_type(result)})", node.at)
    return result


def _tests(run: Evaluation, node: Builtin) -> Iterator[tuple[int, Json, bool]]:
    for index, item in enumerate(_elements(run, node)):
        yield index, item, _test(run, node.arguments[1], item, index)


def _all(run: Evaluation, node: Builtin) -> Json:
    return all(passed for _, _, passed in _tests(run, node))


def _any(run: Evaluation, node: Builtin) -> Json:
    return any(passed for _, _, passed in _tests(run, node))


def _none(run: Evaluation, node: Builtin) -> Json:
    return not _any(run, node)


def _one(run: Evaluation, node: Builtin) -> Json:
    return sum(passed for _, _, passed in _tests(run, node)) == 1


def _filter(run: Evaluation, node: Builtin) -> Json:
    return [item for _, item, passed in _tests(run, node) if passed]


def _map(run: Evaluation, node: Builtin) -> Json:
    items = _elements(run, node)
    run.budget.take(len(items))
    return [run.closure(node.arguments[1], item=item, index=index) for index, item in enumerate(items)]


def _count(run: Evaluation, node: Builtin) -> Json:
    if len(node.arguments) == 2:
        return sum(passed for _, _, passed in _tests(run, node))
    items = _elements(run, node)
    if not all(isinstance(item, bool) for item in items):
        raise ExpressionError("predicate should return boolean", node.at)
    return sum(items)


def _sum(run: Evaluation, node: Builtin) -> Json:
    total: int | float = 0
    for index, item in enumerate(_elements(run, node)):
        value = run.closure(node.arguments[1], item=item, index=index) if len(node.arguments) == 2 else item
        if not is_number(value):
            raise ExpressionError(f"invalid operation: int + {go_type(value)}", node.at)
        total = wrap(total + value) if isinstance(total, int) and isinstance(value, int) else float(total + value)
    return total


def _find(run: Evaluation, node: Builtin) -> Json:
    return next((item for _, item, passed in _tests(run, node) if passed), None)


def _find_index(run: Evaluation, node: Builtin) -> Json:
    return next((index for index, _, passed in _tests(run, node) if passed), None)


def _find_last(run: Evaluation, node: Builtin) -> Json:
    found = [item for _, item, passed in _tests(run, node) if passed]
    return found[-1] if found else None


def _find_last_index(run: Evaluation, node: Builtin) -> Json:
    found = [index for index, _, passed in _tests(run, node) if passed]
    return found[-1] if found else None


def _group_by(run: Evaluation, node: Builtin) -> Json:
    groups: dict[str, list[Json]] = {}
    for index, item in enumerate(_elements(run, node)):
        key = run.closure(node.arguments[1], item=item, index=index)
        groups.setdefault(key if isinstance(key, str) else dumps(key), []).append(item)
    return groups


def _sort_by(run: Evaluation, node: Builtin) -> Json:
    order = run.value(node.arguments[2]) if len(node.arguments) == 3 else "asc"
    if order not in ("asc", "desc"):
        raise ExpressionError(f"unknown order {order}, use asc or desc", node.at)
    items = _elements(run, node)
    keyed = [(run.closure(node.arguments[1], item=item, index=index), item) for index, item in enumerate(items)]
    rank = functools.cmp_to_key(ordering)
    return [item for _, item in sorted(keyed, key=lambda pair: rank(pair[0]), reverse=order == "desc")]


def ordering(left: Json, right: Json) -> int:
    """-1, 0 or 1 for `sorted`."""
    return -1 if less(left, right) else 1 if less(right, left) else 0


def _reduce(run: Evaluation, node: Builtin) -> Json:
    items = _elements(run, node)
    if len(node.arguments) == 3:
        total, start = run.value(node.arguments[2]), 0
    elif items:
        total, start = items[0], 1
    else:
        raise ExpressionError("reduce of empty array with no initial value", node.at)
    for index, item in enumerate(items[start:], start):
        total = run.closure(node.arguments[1], item=item, index=index, acc=total)
    return total


PREDICATES: dict[str, Callable[[Evaluation, Builtin], Json]] = {
    "all": _all,
    "any": _any,
    "none": _none,
    "one": _one,
    "filter": _filter,
    "map": _map,
    "count": _count,
    "sum": _sum,
    "find": _find,
    "findIndex": _find_index,
    "findLast": _find_last,
    "findLastIndex": _find_last_index,
    "groupBy": _group_by,
    "sortBy": _sort_by,
    "reduce": _reduce,
}
