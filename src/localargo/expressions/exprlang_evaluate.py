"""Evaluation of expr-lang's tree on plain JSON values, with a budget of work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localargo.expressions import ExpressionError, exprlang_functions, exprlang_lists, re2
from localargo.expressions.exprlang_arithmetic import arithmetic
from localargo.expressions.exprlang_functions import ENVIRONMENT
from localargo.expressions.exprlang_nodes import (
    Array,
    Binary,
    Builtin,
    Call,
    Chain,
    Conditional,
    Let,
    Literal,
    Map,
    Member,
    Name,
    Node,
    Pointer,
    Predicate,
    Sequence,
    Slice,
    Unary,
)
from localargo.expressions.exprlang_predicates import PREDICATES
from localargo.expressions.gotime_methods import call_method
from localargo.expressions.values import Budget, equal, go_type, is_number, less, plain, to_int, wrap

Json = Any


_BUILTINS = exprlang_functions.BUILTINS | exprlang_lists.BUILTINS


class _Absent(Exception):
    """An optional step met nil: the whole chain is nil."""


class Evaluation:
    """One run of one expression. `scopes` holds let variables, `closures` the elements that `#` can refer to, innermost last."""

    def __init__(self, env: Mapping[str, Json]) -> None:
        self.env = env
        self.budget = Budget()
        self.scopes: list[tuple[str, Json]] = []
        self.closures: list[dict[str, Json]] = []

    def value(self, node: Node) -> Json:
        """The node's value. ExpressionError with the node's position."""
        self.budget.step()
        try:
            return plain(_EVALUATORS[type(node)](self, node))
        except ExpressionError as error:
            if error.position is None:
                raise ExpressionError(str(error), node.at) from error
            raise

    def boolean(self, node: Node) -> bool:
        """The node's value, which must be a bool."""
        found = self.value(node)
        if not isinstance(found, bool):
            raise ExpressionError(f"interface conversion: interface {{}} is {_nil(found)}, not bool", node.at)
        return found

    def closure(self, predicate: Node, **element: Json) -> Json:
        """The predicate's value with `#` (key `item`), `#index` and `#acc` as given."""
        body = predicate.node if isinstance(predicate, Predicate) else predicate
        self.closures.append(element)
        try:
            return self.value(body)
        finally:
            self.closures.pop()


def _nil(value: Json) -> str:
    return "nil" if value is None else go_type(value)


def _literal(run: Evaluation, node: Literal) -> Json:
    return node.value


def _name(run: Evaluation, node: Name) -> Json:
    for name, value in reversed(run.scopes):
        if name == node.name:
            return value
    if node.name in run.env:
        return run.env[node.name]
    if node.name == "$env":
        return dict(run.env)
    raise ExpressionError(f"unknown name {node.name}", node.at)


def fetch(value: Json, key: Json) -> Json:
    """`value[key]`: nil for a missing key of a map; a list counts from its end for negative indexes."""
    if isinstance(value, dict):
        return value.get(key) if isinstance(key, str) else None
    if isinstance(value, (list, str)):
        if not is_number(key):
            raise ExpressionError(f"invalid operation: int({go_type(key)})")
        elements: Any = value.encode("utf-8", "replace") if isinstance(value, str) else value
        index = to_int(key)
        index = index + len(elements) if index < 0 else index
        if not 0 <= index < len(elements):
            raise ExpressionError(f"index out of range: {index} (array length is {len(elements)})")
        return elements[index]
    raise ExpressionError(f"cannot fetch {key} from {go_type(value)}")


def _member(run: Evaluation, node: Member) -> Json:
    found = run.value(node.object)
    if node.optional and found is None:
        raise _Absent
    key = run.value(node.key)
    return fetch(found, key)


def _chain(run: Evaluation, node: Chain) -> Json:
    try:
        return run.value(node.node)
    except _Absent:
        return None


def _slice(run: Evaluation, node: Slice) -> Json:
    found = run.value(node.object)
    if not isinstance(found, (list, str)):
        raise ExpressionError(f"cannot slice {go_type(found)}")
    elements: Any = found.encode("utf-8", "replace") if isinstance(found, str) else found
    first = run.value(node.first) if node.first else 0
    last = run.value(node.last) if node.last else len(elements)
    if not is_number(first) or not is_number(last):
        raise ExpressionError("cannot slice: an index is not a number")
    start = max(to_int(first) + len(elements) if first < 0 else to_int(first), 0)
    end = min(max(to_int(last) + len(elements) if last < 0 else to_int(last), 0), len(elements))
    part = elements[min(start, end) : end]
    return part.decode("utf-8", "replace") if isinstance(part, bytes) else part


def _unary(run: Evaluation, node: Unary) -> Json:
    if node.operator == "!":
        return not run.boolean(node.node)
    found = run.value(node.node)
    if not is_number(found):
        raise ExpressionError(f"invalid operation: {node.operator} {go_type(found)}")
    if node.operator == "+":
        return found
    return wrap(-found) if isinstance(found, int) else -found


def _binary(run: Evaluation, node: Binary) -> Json:
    """Chains of operators are left-associative and may be long: a loop walks them, not recursion."""
    spine = [node]
    while isinstance(spine[-1].left, Binary):
        spine.append(spine[-1].left)
    left = run.value(spine[-1].left)
    for step in reversed(spine):
        run.budget.step()
        try:
            left = _operate(run, step, left)
        except ExpressionError as error:
            raise ExpressionError(str(error), step.at if error.position is None else error.position) from error
    return left


def _operate(run: Evaluation, node: Binary, left: Json) -> Json:
    operator = node.operator
    if operator == "??":
        return run.value(node.right) if left is None else left
    if operator in ("&&", "||"):
        if not isinstance(left, bool):
            raise ExpressionError(f"interface conversion: interface {{}} is {_nil(left)}, not bool")
        return left if left == (operator == "||") else run.boolean(node.right)
    right = run.value(node.right)
    if operator in ("==", "!="):
        run.budget.step(len(left) if isinstance(left, (list, dict)) else 0)
        return equal(left, right) == (operator == "==")
    if operator in _COMPARE:
        try:
            return _COMPARE[operator](left, right)
        except ExpressionError as error:
            raise ExpressionError(f"invalid operation: {go_type(left)} {operator} {go_type(right)}") from error
    if operator in ("matches", "contains", "startsWith", "endsWith"):
        return _text_operation(operator, left, right)
    if operator == "in":
        return contains(run, left, right)
    return arithmetic(run.budget, operator, left, right)


_COMPARE: dict[str, Callable[[Json, Json], bool]] = {
    "<": less,
    ">": lambda a, b: less(b, a),
    "<=": lambda a, b: less(a, b) or equal(a, b),
    ">=": lambda a, b: less(b, a) or equal(a, b),
}


def _text_operation(operator: str, left: Json, right: Json) -> bool:
    if left is None or right is None:
        return False
    if not isinstance(left, str) or not isinstance(right, str):
        wrong = right if isinstance(left, str) else left
        raise ExpressionError(f"interface conversion: interface {{}} is {go_type(wrong)}, not string")
    if operator == "matches":
        try:
            return re2.match(right, left)
        except ExpressionError as error:
            raise ExpressionError(str(error)) from error  # its position is the operator's
    if operator == "contains":
        return right in left
    return left.startswith(right) if operator == "startsWith" else left.endswith(right)


def contains(run: Evaluation, needle: Json, found: Json) -> bool:
    """`needle in found`: an element of a list, a key of a map."""
    if found is None:
        return False
    if isinstance(found, dict):
        return isinstance(needle, str) and needle in found
    if isinstance(found, list):
        run.budget.step(len(found))
        return any(equal(item, needle) for item in found)
    raise ExpressionError(f'operator "in" not defined on {go_type(found)}')


def _conditional(run: Evaluation, node: Conditional) -> Json:
    return run.value(node.then if run.boolean(node.condition) else node.otherwise)


def _call(run: Evaluation, node: Call) -> Json:
    callee = node.callee
    name = ""
    if isinstance(callee, Name):
        name = callee.name
    elif isinstance(callee, Member) and isinstance(callee.key, Literal):
        owner = callee.object
        if isinstance(owner, Name) and owner.name == "sprig":
            return _sprig(run, str(callee.key.value), [run.value(argument) for argument in node.arguments])
        found = run.value(owner)
        return call_method(found, str(callee.key.value), [run.value(argument) for argument in node.arguments])
    function = ENVIRONMENT.get(name)
    if function is None:
        raise ExpressionError(f"unknown name {name}" if name else "cannot call what is not a function", node.at)
    return function(run.budget, [run.value(argument) for argument in node.arguments])


def _sprig(run: Evaluation, name: str, arguments: list[Json]) -> Json:
    from localargo.expressions import sprig

    return sprig.call(name, arguments, run.budget)


def _builtin(run: Evaluation, node: Builtin) -> Json:
    predicate = PREDICATES.get(node.name)
    if predicate is not None:
        return predicate(run, node)
    return _BUILTINS[node.name](run.budget, [run.value(argument) for argument in node.arguments])


def _pointer(run: Evaluation, node: Pointer) -> Json:
    if not run.closures:
        raise ExpressionError("cannot use pointer accessor outside predicate")
    element = run.closures[-1]
    key = node.name or "item"
    if key not in element or (node.name == "item"):
        raise ExpressionError(f"unknown pointer #{node.name}")
    return element[key]


def _array(run: Evaluation, node: Array) -> Json:
    run.budget.take(len(node.items))
    return [run.value(item) for item in node.items]


def _map(run: Evaluation, node: Map) -> Json:
    result: dict[str, Json] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        name = run.value(key)
        if not isinstance(name, str):
            raise ExpressionError(f"interface conversion: interface {{}} is {_nil(name)}, not string", key.at)
        result[name] = run.value(value)
    run.budget.take(len(result))
    return result


def _let(run: Evaluation, node: Let) -> Json:
    run.scopes.append((node.name, run.value(node.value)))
    try:
        return run.value(node.body)
    finally:
        run.scopes.pop()


def _sequence(run: Evaluation, node: Sequence) -> Json:
    return [run.value(part) for part in node.nodes][-1]


_EVALUATORS: dict[type[Node], Callable[[Evaluation, Any], Json]] = {
    Literal: _literal,
    Name: _name,
    Member: _member,
    Chain: _chain,
    Slice: _slice,
    Unary: _unary,
    Binary: _binary,
    Conditional: _conditional,
    Call: _call,
    Builtin: _builtin,
    Pointer: _pointer,
    Array: _array,
    Map: _map,
    Let: _let,
    Sequence: _sequence,
}
