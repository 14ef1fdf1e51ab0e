"""expr-lang: `{{=...}}`, `valueFrom.expression`, `retryStrategy.expression`, hooks, `fromExpression`, an EventSource's filter."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.exprlang_check import check_types
from localargo.expressions.exprlang_evaluate import Evaluation
from localargo.expressions.exprlang_functions import ENVIRONMENT
from localargo.expressions.exprlang_nodes import Binary, Call, Let, Member, Name, Node, path, walk
from localargo.expressions.exprlang_parser import parse
from localargo.expressions.goprintf import sprintf

Json = Any

_LENGTH = 100_000
_FUNCTIONS = frozenset({*ENVIRONMENT, "sprig", "$env"})


class Program:
    """A parsed expression."""

    __slots__ = ("_tree", "names", "required", "roots", "sprig", "text")

    def __init__(self, text: str, tree: Node) -> None:
        self.text = text
        self._tree = tree
        guarded = _guarded(tree)
        nodes = list(walk(tree))
        variables = {node.name for node in nodes if isinstance(node, Let)}
        inner = {node.object for node in nodes if isinstance(node, Member)} | {node.callee for node in nodes if isinstance(node, Call)}
        self.roots = {node.name: node.at for node in reversed(nodes) if isinstance(node, Name) and node.name not in _FUNCTIONS | variables}
        """Top-level names, each with the position of its first use."""
        self.names = frozenset(name for node in nodes if node not in inner for name in [path(node)] if name and _root(name) in self.roots)
        """Dotted names in full: `tasks.a.outputs.parameters.x`."""
        self.required = frozenset(
            name for node in nodes if node not in guarded for name in [path(node)] if name and _root(name) in self.roots
        )
        """Dotted names and their prefixes that must exist: no `??` or `?.` covers them."""
        self.sprig = frozenset(name.removeprefix("sprig.") for node in nodes for name in [path(node)] if name and name.startswith("sprig."))
        """Names of sprig functions in the text, whether they exist or not."""

    def evaluate(self, env: Mapping[str, Json]) -> Json:
        """The value over plain JSON values. ExpressionError: unknown name, type error, or more work than allowed."""
        self.check(env)
        try:
            return Evaluation(env).value(self._tree)
        except ExpressionError as error:
            raise ExpressionError(f"{error} {_place(self.text, error.position)}".rstrip(), error.position) from error
        except RecursionError as error:
            raise ExpressionError("expression nests too deeply") from error

    def check(self, env: Mapping[str, Json]) -> None:
        """Raise ExpressionError for what is wrong before anything is evaluated: unknown names, types that do not fit."""
        for name, position in self.roots.items():
            if name not in env:
                raise ExpressionError(f"unknown name {name} {_place(self.text, position)}", position)
        try:
            check_types(self._tree, env)
        except ExpressionError as error:
            raise ExpressionError(f"{error} {_place(self.text, error.position)}".rstrip(), error.position) from error
        except RecursionError as error:
            raise ExpressionError("expression nests too deeply") from error


def holds(text: str, env: Mapping[str, Json]) -> bool:
    """Whether a condition is true. ExpressionError with Argo's message (`argoexpr.EvalBool`), with lines that point at the place."""
    try:
        program = compile(text)
        program.check(env)
    except ExpressionError as error:
        raise ExpressionError(f"{error}{_pointer(text, error.position)}", error.position) from error
    try:
        result = program.evaluate(env)
    except ExpressionError as error:
        message = f"unable to evaluate expression '{text}': {error}{_pointer(text, error.position)}"
        raise ExpressionError(message, error.position) from error
    if not isinstance(result, bool):
        raise ExpressionError(f"unable to cast expression result '{sprintf('%s', [result])}' to bool")
    return result


def run(text: str, env: Mapping[str, Json]) -> Json:
    """The value of an expression. ExpressionError with expr-lang's lines that point at the place, as Argo shows it."""
    try:
        return compile(text).evaluate(env)
    except ExpressionError as error:
        raise pointed(error, text) from error


def pointed(error: ExpressionError, text: str) -> ExpressionError:
    """The error of an expression with expr-lang's lines that point at the place."""
    return ExpressionError(f"{error}{_pointer(text, error.position)}", error.position)


def _root(name: str) -> str:
    return name.partition(".")[0]


def _place(text: str, position: int | None) -> str:
    if position is None:
        return ""
    before = text[:position]
    return f"({before.count(chr(10)) + 1}:{position - (before.rfind(chr(10)) + 1) + 1})"


def _pointer(text: str, position: int | None) -> str:
    """The line of the text, and below it dots up to the position."""
    if position is None:
        return ""
    start = text.rfind("\n", 0, position) + 1
    line = text[start:].partition("\n")[0].replace("\t", " ")
    return f"\n | {line}\n | {'.' * (position - start)}^" if line else ""


def _guarded(tree: Node) -> set[Node]:
    """Members left of `??` and before an optional step: they may be absent."""
    found: set[Node] = set()
    for node in walk(tree):
        if isinstance(node, Binary) and node.operator == "??":
            found.update(below for below in walk(node.left) if isinstance(below, Member))
        elif isinstance(node, Member) and node.optional and isinstance(node.object, Member):
            found.add(node.object)
    return found


@functools.lru_cache(maxsize=2048)
def compile(text: str) -> Program:
    """Parse. ExpressionError with `position`, the message ends with Go's `(line:column)`."""
    if len(text) > _LENGTH:
        raise ExpressionError(f"expression longer than {_LENGTH} characters")
    try:
        return Program(text, parse(text))
    except ExpressionError as error:
        raise ExpressionError(f"{error} {_place(text, error.position)}".rstrip(), error.position) from error
    except RecursionError as error:
        raise ExpressionError("expression nests too deeply") from error
