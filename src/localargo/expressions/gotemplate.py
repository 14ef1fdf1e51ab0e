"""Go's text/template with sprig's functions: `dataTemplate`, `contextTemplate`, the `template` of a data filter."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from localargo.expressions import ExpressionError, sprig
from localargo.expressions.gotemplate_functions import FUNCTIONS, truth
from localargo.expressions.gotemplate_parser import Node, Pipe, Template, Value, parse
from localargo.expressions.gotext import go_value
from localargo.expressions.gotime_methods import call_method, has_method
from localargo.expressions.rawjson import Number
from localargo.expressions.values import Budget, go_type

Json = Any

_LENGTH = 100_000
_CALLS = 50  # depth of templates that call templates
_LOGIC = ("and", "or")


class _Missing:
    """A missing key of a map: it prints as `<no value>`, and its fields are missing as well."""


_MISSING = _Missing()


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


@functools.lru_cache(maxsize=512)
def _parsed(text: str) -> Template:
    if len(text) > _LENGTH:
        raise ExpressionError(f"template longer than {_LENGTH} characters")
    template = parse(text)
    for name in sorted(template.functions):
        if name not in FUNCTIONS and name not in _LOGIC and name not in sprig.names():
            raise sprig.undefined(name)
    return template


def check(text: str) -> None:
    """ExpressionError when the text is not a template or uses an unknown function."""
    _parsed(text)


def render(text: str, data: Json) -> str:
    """The template over the data (`.`), whose numbers are all float64, as Argo Events gets them from GJSON.

    An absent value prints as `<no value>`. ExpressionError: syntax, unknown function, an operation on the wrong type, too much work.
    """
    template = _parsed(text)
    try:
        run = _Run(template)
        run.template("", _floats(data))
        return "".join(run.out)
    except RecursionError as error:
        raise ExpressionError("template nests too deeply") from error


def _floats(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    if isinstance(value, Number) or (isinstance(value, int) and not isinstance(value, bool)):
        try:
            return float(value)
        except OverflowError:
            return float("inf") if int(str(value)) > 0 else float("-inf")
    return value


class _Run:
    def __init__(self, template: Template) -> None:
        self.source = template
        self.out: list[str] = []
        self.budget = Budget()
        self.variables: list[tuple[str, Json]] = []
        self.depth = 0

    def template(self, name: str, dot: Json) -> None:
        body = self.source.trees.get(name)
        if body is None:
            raise ExpressionError(f'template "{name}" not defined')
        self.depth += 1
        if self.depth > _CALLS:
            raise ExpressionError(f"exceeded maximum template depth ({_CALLS})")
        outer, self.variables = self.variables, [("$", dot)]
        self.nodes(body, dot)
        self.variables = outer
        self.depth -= 1

    def write(self, text: str) -> None:
        self.budget.take(len(text))
        self.out.append(text)

    def nodes(self, nodes: list[Node], dot: Json) -> None:
        known = len(self.variables)
        try:
            for node in nodes:
                self.budget.step()
                self.node(node, dot)
        finally:
            del self.variables[known:]

    def node(self, node: Node, dot: Json) -> None:
        if node.kind == "text":
            self.write(node.text)
        elif node.kind == "break":
            raise _Break
        elif node.kind == "continue":
            raise _Continue
        elif node.kind == "template":
            self.template(node.text, None if node.pipe is None else _given(self.pipe(node.pipe, dot)))
        elif node.pipe is not None:
            known = len(self.variables)
            value = self.pipe(node.pipe, dot, ranging=node.kind == "range")
            if node.kind == "action":
                if not node.pipe.variables:
                    self.write(_printed(value))
                return
            self.branch(node, value, dot)
            del self.variables[known:]

    def branch(self, node: Node, value: Json, dot: Json) -> None:
        if node.kind == "range":
            self.loop(node, _given(value), dot)
        elif truth(_given(value)):
            self.nodes(node.body, _given(value) if node.kind == "with" else dot)
        else:
            self.nodes(node.otherwise, dot)

    def loop(self, node: Node, value: Json, dot: Json) -> None:
        names = node.pipe.variables if node.pipe else ()
        some = False
        for key, item in self.elements(value):
            some = True
            known = len(self.variables)
            values = (item,) if len(names) == 1 else (key, item)
            for name, bound in zip(names, values, strict=False):
                self.bind(name, bound, bool(node.pipe and node.pipe.assign))
            try:
                self.nodes(node.body, item)
            except _Continue:
                pass
            except _Break:
                break
            finally:
                del self.variables[known:]
        if not some:
            self.nodes(node.otherwise, dot)

    def elements(self, value: Json) -> Iterator[tuple[Json, Json]]:
        if isinstance(value, dict):
            yield from sorted(value.items())
        elif isinstance(value, list):
            yield from enumerate(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            for index in range(value):
                self.budget.step()
                yield index, index
        elif value is not None:
            raise ExpressionError(f"range can't iterate over {go_value(value)}")

    def bind(self, name: str, value: Json, assign: bool) -> None:
        if assign:
            for index in range(len(self.variables) - 1, -1, -1):
                if self.variables[index][0] == name:
                    self.variables[index] = (name, value)
                    return
        self.variables.append((name, value))

    def pipe(self, pipe: Pipe, dot: Json, ranging: bool = False) -> Json:
        value: Json = None
        for index, command in enumerate(pipe.commands):
            value = self.command(command, dot, [value] if index else [])
        if pipe.variables and not ranging:
            self.bind(pipe.variables[0], value, pipe.assign)
        return value

    def command(self, command: tuple[Value, ...], dot: Json, final: list[Json]) -> Json:
        """A function or method takes the arguments after it, and the value of the pipeline so far as its last one."""
        head = command[0]
        self.budget.step()
        try:
            if head.kind == "function" and not head.fields:
                return self.call(head.name, command[1:], dot, final)
            if head.kind != "constant" and head.fields:
                return self.method(head, command[1:], dot, final)
            if len(command) > 1 or final:
                raise ExpressionError(f"can't give argument to non-function {head.name or 'value'}")
            if head.kind == "constant" and head.name == "nil":
                raise ExpressionError("nil is not a command")
            return self.value(head, dot)
        except ExpressionError as error:
            raise ExpressionError(str(error), head.at if error.position is None else error.position) from error

    def call(self, name: str, arguments: tuple[Value, ...], dot: Json, final: list[Json]) -> Json:
        if name in _LOGIC:
            return self.logic(name, arguments, dot, final)
        values = [_given(self.value(argument, dot)) for argument in arguments] + [_given(value) for value in final]
        if name in FUNCTIONS:
            self.budget.step(sum(len(value) for value in values if isinstance(value, (list, dict))))
            return FUNCTIONS[name](values)
        return sprig.call(name, values, self.budget)

    def logic(self, name: str, arguments: tuple[Value, ...], dot: Json, final: list[Json]) -> Json:
        value: Json = None
        if not arguments and not final:
            raise ExpressionError(f"wrong number of args for {name}: want at least 1 got 0")
        for argument in arguments:
            value = self.value(argument, dot)
            if truth(_given(value)) == (name == "or"):
                return value
        return final[0] if final else value

    def method(self, head: Value, arguments: tuple[Value, ...], dot: Json, final: list[Json]) -> Json:
        *before, last = head.fields
        owner = self.fields(self.start(head, dot), tuple(before))
        if has_method(owner, last):
            return call_method(owner, last, [self.value(argument, dot) for argument in arguments] + final)
        if arguments or final:
            raise ExpressionError(f"{last} has arguments but cannot be invoked as function")
        return self.fields(owner, (last,))

    def value(self, value: Value, dot: Json) -> Json:
        self.budget.step()
        return self.fields(self.start(value, dot), value.fields)

    def start(self, value: Value, dot: Json) -> Json:
        if value.kind == "constant":
            return value.constant
        if value.kind == "dot":
            return dot
        if value.kind == "variable":
            return next(bound for name, bound in reversed(self.variables) if name == value.name)
        if value.kind == "function":
            return self.call(value.name, (), dot, [])
        return None if value.pipe is None else self.pipe(value.pipe, dot)

    def fields(self, value: Json, names: tuple[str, ...]) -> Json:
        for name in names:
            if isinstance(value, dict):
                value = value.get(name, _MISSING)
            elif has_method(value, name):
                value = call_method(value, name, [])
            elif value is None:
                raise ExpressionError(f"nil pointer evaluating interface {{}}.{name}")
            elif not isinstance(value, _Missing):
                raise ExpressionError(f"can't evaluate field {name} in type {go_type(value)}")
        return value


def _given(value: Json) -> Json:
    return None if isinstance(value, _Missing) else value


def _printed(value: Json) -> str:
    return "<no value>" if value is None or isinstance(value, _Missing) else go_value(value)
