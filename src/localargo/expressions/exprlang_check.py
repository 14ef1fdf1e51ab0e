"""The type errors that expr-lang finds before it evaluates: operators on values of known types that do not fit."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.exprlang_nodes import (
    Array,
    Binary,
    Builtin,
    Call,
    Conditional,
    Let,
    Literal,
    Map,
    Member,
    Name,
    Node,
    Predicate,
    Unary,
    walk,
)
from localargo.expressions.gotime import Duration, Time

Json = Any

_RESULTS = {
    "len": "int",
    "type": "string",
    "int": "int",
    "float": "float64",
    "string": "string",
    "trim": "string",
    "trimPrefix": "string",
    "trimSuffix": "string",
    "upper": "string",
    "lower": "string",
    "split": "array",
    "replace": "string",
    "repeat": "string",
    "join": "string",
    "indexOf": "int",
    "lastIndexOf": "int",
    "hasPrefix": "bool",
    "hasSuffix": "bool",
    "toJSON": "string",
    "toBase64": "string",
    "fromBase64": "string",
    "keys": "array",
    "values": "array",
    "all": "bool",
    "any": "bool",
    "none": "bool",
    "one": "bool",
    "count": "int",
    "filter": "array",
    "map": "array",
    "ceil": "float64",
    "floor": "float64",
    "round": "float64",
    "mean": "float64",
    "median": "float64",
}
_NUMBERS = ("int", "float64")
_BOOLS = ("==", "!=", "<", ">", "<=", ">=", "&&", "||", "in", "matches", "contains", "startsWith", "endsWith")


def check_types(tree: Node, env: Mapping[str, Json]) -> None:
    """ExpressionError for the first operator whose operands can never fit. Types of nested values are not known, as in expr-lang."""
    known: dict[Node, str] = {}
    for node in reversed(list(walk(tree))):  # children before parents
        known[node] = _type(node, known, env)


def _type(node: Node, known: dict[Node, str], env: Mapping[str, Json]) -> str:
    if isinstance(node, Literal):
        return _of(node.value)
    if isinstance(node, Name):
        return _of(env[node.name]) if node.name in env and not isinstance(env[node.name], (dict, list)) else ""
    if isinstance(node, Unary):
        return _unary(node, known[node.node])
    if isinstance(node, Binary):
        return _binary(node, known[node.left], known[node.right])
    if isinstance(node, Conditional):
        if known[node.condition] not in ("", "bool"):
            raise ExpressionError(f"non-bool expression (type {known[node.condition]}) used as condition", node.condition.at)
        return known[node.then] if known[node.then] == known[node.otherwise] else ""
    if isinstance(node, Member):
        if known[node.object] in ("string", "bool", *_NUMBERS):
            raise ExpressionError(f"type {known[node.object]}[{known[node.key] or 'unknown'}] is undefined", node.at)
        return ""
    if isinstance(node, Let) and node.name in env:
        raise ExpressionError(f"cannot redeclare {node.name}", node.at)
    if isinstance(node, Array):
        return "array"
    if isinstance(node, Map):
        return "map"
    if isinstance(node, Builtin):
        return _RESULTS.get(node.name, "")
    if isinstance(node, Call) and isinstance(node.callee, Name):
        return {"toJson": "string"}.get(node.callee.name, "")
    return known[node.node] if isinstance(node, Predicate) else ""


def _of(value: Json) -> str:
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "bool"
    kinds = {int: "int", float: "float64", str: "string", Time: "time.Time", Duration: "time.Duration"}
    return "" if isinstance(value, datetime.tzinfo) else kinds.get(type(value), "")


def _unary(node: Unary, kind: str) -> str:
    fits = kind in (("", "bool") if node.operator == "!" else ("", *_NUMBERS))
    if not fits:
        raise ExpressionError(f"invalid operation: {node.operator} (mismatched type {kind})", node.at)
    return "bool" if node.operator == "!" else kind


def _binary(node: Binary, left: str, right: str) -> str:
    operator = node.operator
    if left and right and not _fits(operator, left, right):
        raise ExpressionError(f"invalid operation: {operator} (mismatched types {left} and {right})", node.at)
    if operator in _BOOLS:
        return "bool"
    if operator == "??":
        return left if left == right else ""
    if operator == "..":
        return "array"
    if operator in ("/", "**"):
        return "float64"
    if left in _NUMBERS and right in _NUMBERS:
        return "int" if left == right == "int" else "float64"
    return left if left == right else ""


def _fits(operator: str, left: str, right: str) -> bool:
    numbers = left in _NUMBERS and right in _NUMBERS
    times = left.startswith("time.") or right.startswith("time.")
    if operator in ("==", "!="):
        return left == right or numbers or "nil" in (left, right)
    if operator in ("&&", "||"):
        return left == right == "bool"
    if operator in ("matches", "contains", "startsWith", "endsWith"):
        return left == right == "string"
    if operator in ("<", ">", "<=", ">="):
        return numbers or left == right == "string" or times
    if operator == "in":
        return right in ("array", "map")
    if operator == "+":
        return numbers or left == right == "string" or times
    if operator == "..":
        return left == right == "int"
    if operator == "%":
        return left == right == "int"
    return operator == "??" or numbers or times
