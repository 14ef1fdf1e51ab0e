"""Lua 5.1 for a Sensor's filter scripts: expressions, control flow, functions, tables, and the libraries `string`, `table`, `math`.

A script comes from a manifest and sees one JSON value, `event`. It has access to nothing else (no io, os, load or metatables), and its
work is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.lua_library import library
from localargo.expressions.lua_parser import Block, Node, parse
from localargo.expressions.lua_values import Builtin, Table, arithmetic, compared, equal, from_json, text_of, truth, type_name
from localargo.expressions.values import Budget

__all__ = ["check", "run"]


class _Break(Exception):
    pass


class _Return(Exception):
    def __init__(self, values: list[Any]) -> None:
        self.values = values


class _Scope:
    """Local names; `up` is the enclosing scope. Without `up` the globals."""

    __slots__ = ("names", "up")

    def __init__(self, up: _Scope | None, names: dict[str, Any] | None = None) -> None:
        self.up = up
        self.names: dict[str, Any] = {} if names is None else names

    def holder(self, name: str) -> _Scope:
        scope = self
        while name not in scope.names and scope.up is not None:
            scope = scope.up
        return scope


class _Function:
    """A function of the script with its enclosing scope."""

    __slots__ = ("body", "names", "rest", "scope")

    def __init__(self, names: Sequence[str], rest: bool, body: Block, scope: _Scope) -> None:
        self.names = names
        self.rest = rest
        self.body = body
        self.scope = scope


def check(text: str) -> None:
    """ExpressionError when the text is not a script."""
    parse(text)


def run(text: str, event: Any) -> Any:
    """The first value that the script returns, given the JSON value `event` as its global of that name: None, bool, float, str or Table.

    ExpressionError: syntax, an operation on the wrong type, an unknown name, too much work.
    """
    machine = _Machine()
    scope = _Scope(None, {**library(machine.call), "event": from_json(event)})
    try:
        machine.block(parse(text), _Scope(scope), ())
    except _Return as done:
        return done.values[0] if done.values else None
    except _Break:
        raise ExpressionError("break outside of a loop") from None
    except RecursionError as error:
        raise ExpressionError("stack overflow") from error
    except (OverflowError, ValueError) as error:  # infinity where an integer is needed
        raise ExpressionError(f"number out of range: {error}") from error
    return None


class _Machine:
    def __init__(self) -> None:
        self.budget = Budget()
        self._calls = 0

    def call(self, function: Any, arguments: Sequence[Any], line: int = 0) -> list[Any]:
        """The values that a function returns."""
        self.budget.step()
        if isinstance(function, Builtin):
            return function.run(self.budget, list(arguments))
        if not isinstance(function, _Function):
            raise ExpressionError(f"<string>:{line}: attempt to call a non-function object ({type_name(function)})")
        self._calls += 1
        if self._calls > 100:
            raise ExpressionError(f"<string>:{line}: stack overflow")
        given = [*arguments, *[None] * (len(function.names) - len(arguments))]
        scope = _Scope(function.scope, dict(zip(function.names, given, strict=False)))
        try:
            self.block(function.body, scope, given[len(function.names) :] if function.rest else ())
        except _Return as done:
            return done.values
        finally:
            self._calls -= 1
        return []

    # ------------------------------------------------------------------------------------------ statements

    def block(self, block: Block, scope: _Scope, rest: Sequence[Any]) -> None:
        for node in block:
            self.budget.step()
            getattr(self, f"_do_{node[0]}")(node, scope, rest)

    def _do_return(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        raise _Return(self.values(node[1], scope, rest))

    def _do_break(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        raise _Break

    def _do_do(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        self.block(node[1], _Scope(scope), rest)

    def _do_do_call(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        self.many(node[1], scope, rest)

    def _do_if(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        for test, body in node[1]:
            if truth(self.value(test, scope, rest)):
                self.block(body, _Scope(scope), rest)
                return
        self.block(node[2], _Scope(scope), rest)

    def _do_while(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        try:
            while truth(self.value(node[1], scope, rest)):
                self.budget.step()
                self.block(node[2], _Scope(scope), rest)
        except _Break:
            return

    def _do_repeat(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        try:
            while True:
                self.budget.step()
                inner = _Scope(scope)
                self.block(node[1], inner, rest)
                if truth(self.value(node[2], inner, rest)):
                    return
        except _Break:
            return

    def _do_count(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        bounds = [self.value(bound, scope, rest) for bound in node[2]]
        if any(not isinstance(bound, float) for bound in bounds):
            raise ExpressionError("for statement: init, limit and step must be numbers")
        now, last, step = (*bounds, 1.0)[:3]
        try:
            while (now <= last) if step >= 0 else (now >= last):
                self.budget.step()
                self.block(node[3], _Scope(scope, {node[1]: now}), rest)
                now += step
        except _Break:
            return

    def _do_each(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        following, state, control = (*self.values(node[2], scope, rest), None, None, None)[:3]
        try:
            while True:
                given = self.call(following, [state, control])
                control = given[0] if given else None
                if control is None:
                    return
                named = dict(zip(node[1], [*given, *[None] * len(node[1])], strict=False))
                self.block(node[3], _Scope(scope, named), rest)
        except _Break:
            return

    def _do_local(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        given = self.values(node[2], scope, rest)
        scope.names.update(zip(node[1], [*given, *[None] * len(node[1])], strict=False))

    def _do_function(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        scope.names[node[1]] = None
        scope.names[node[1]] = self.value(node[2], scope, rest)

    def _do_assign(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> None:
        given = [*self.values(node[2], scope, rest), *[None] * len(node[1])]
        for target, value in zip(node[1], given, strict=False):
            if target[0] == "name":
                scope.holder(target[1]).names[target[1]] = value
                continue
            table = self.value(target[1], scope, rest)
            if not isinstance(table, Table):
                raise ExpressionError(f"<string>:{target[3]}: attempt to index a non-table object({type_name(table)})")
            self.budget.take(1)
            table.set(self.value(target[2], scope, rest), value)

    # ------------------------------------------------------------------------------------------ expressions

    def values(self, nodes: Sequence[Node], scope: _Scope, rest: Sequence[Any]) -> list[Any]:
        """A list of expressions: one value each, and all that the last gives."""
        if not nodes:
            return []
        return [*(self.value(node, scope, rest) for node in nodes[:-1]), *self.many(nodes[-1], scope, rest)]

    def many(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> list[Any]:
        if node[0] == "call":
            return self.call(self.value(node[1], scope, rest), self.values(node[2], scope, rest), node[3])
        if node[0] == "method":
            target = self.value(node[1], scope, rest)
            return self.call(self._index(target, node[2], node[4], scope), [target, *self.values(node[3], scope, rest)], node[4])
        return list(rest) if node[0] == "rest" else [self.value(node, scope, rest)]

    def value(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> Any:
        self.budget.step()
        evaluate: Callable[[Node, _Scope, Sequence[Any]], Any] | None = getattr(self, f"_of_{node[0]}", None)
        if evaluate is not None:
            return evaluate(node, scope, rest)
        given = self.many(node, scope, rest)
        return given[0] if given else None

    def _of_value(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> Any:
        return node[1]

    def _of_one(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> Any:
        return self.value(node[1], scope, rest)

    def _of_name(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> Any:
        return scope.holder(node[1]).names.get(node[1])

    def _of_index(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> Any:
        return self._index(self.value(node[1], scope, rest), self.value(node[2], scope, rest), node[3], scope)

    def _index(self, target: Any, key: Any, line: int, scope: _Scope) -> Any:
        if isinstance(target, str):
            target = scope.holder("string").names.get("string")
        if not isinstance(target, Table):
            raise ExpressionError(f"<string>:{line}: attempt to index a non-table object({type_name(target)}) with key '{text_of(key)}'")
        return target.get(key)

    def _of_and(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> Any:
        left = self.value(node[1], scope, rest)
        return self.value(node[2], scope, rest) if truth(left) else left

    def _of_or(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> Any:
        left = self.value(node[1], scope, rest)
        return left if truth(left) else self.value(node[2], scope, rest)

    def _of_unary(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> Any:
        value = self.value(node[2], scope, rest)
        if node[1] == "not":
            return not truth(value)
        if node[1] == "-":
            return arithmetic("-", 0.0, value, node[3])
        if isinstance(value, str):
            return float(len(value.encode()))
        if isinstance(value, Table):
            return float(value.length())
        raise ExpressionError(f"<string>:{node[3]}: attempt to get length of a {type_name(value)} value")

    def _of_binary(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> Any:
        operator, line = node[1], node[4]
        left, right = self.value(node[2], scope, rest), self.value(node[3], scope, rest)
        if operator in ("==", "~="):
            return equal(left, right) == (operator == "==")
        if operator in ("<", ">", "<=", ">="):
            return compared(operator, left, right, line)
        if operator == "..":
            if not isinstance(left, str | float) or not isinstance(right, str | float):
                raise ExpressionError(f"<string>:{line}: cannot perform concat operation between {type_name(left)} and {type_name(right)}")
            joined = text_of(left) + text_of(right)
            self.budget.take(len(joined))
            return joined
        return arithmetic(operator, left, right, line)

    def _of_lambda(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> Any:
        return _Function(node[1], node[2], node[3], scope)

    def _of_table(self, node: Node, scope: _Scope, rest: Sequence[Any]) -> Any:
        table, position = Table(), 0
        for index, (key, entry) in enumerate(node[1]):
            if key is not None:
                table.set(self.value(key, scope, rest), self.value(entry, scope, rest))
                continue
            given = self.many(entry, scope, rest) if index == len(node[1]) - 1 else [self.value(entry, scope, rest)]
            for value in given:
                position += 1
                table.set(float(position), value)
        self.budget.take(len(node[1]))
        return table
