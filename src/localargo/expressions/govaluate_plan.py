"""govaluate's plan of an expression and its evaluation, with its type checks and their messages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localargo.expressions import ExpressionError, re2
from localargo.expressions.gotext import go_value
from localargo.expressions.govaluate_lexer import Token
from localargo.expressions.values import to_int

Json = Any

# loosest first; every level is left-associative, the power operator too
_LEVELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("SEPARATOR", (",",)),
    ("TERNARY", ("?", ":", "??")),
    ("LOGICALOP", ("||",)),
    ("LOGICALOP", ("&&",)),
    ("COMPARATOR", ("==", "!=", ">", ">=", "<", "<=", "=~", "!~", "in")),
    ("MODIFIER", ("^", "&", "|")),
    ("MODIFIER", (">>", "<<")),
    ("MODIFIER", ("+", "-")),
    ("MODIFIER", ("*", "/", "%")),
    ("MODIFIER", ("**",)),
)
_DEPTH = 40
_MESSAGES = {
    "LOGICALOP": "Value '{}' cannot be used with the logical operator '{}', it is not a bool",
    "MODIFIER": "Value '{}' cannot be used with the modifier '{}', it is not a number",
    "COMPARATOR": "Value '{}' cannot be used with the comparator '{}', it is not a number",
    "TERNARY": "Value '{}' cannot be used with the ternary operator '{}', it is not a bool",
    "PREFIX": "Value '{}' cannot be used with the prefix '{}'",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """An operator with its operands, or (operator empty) a literal or variable. `kind` is the token's."""

    kind: str
    operator: str
    value: float | bool | str = ""
    left: Stage | None = None
    right: Stage | None = None


def plan(found: list[Token]) -> Stage | None:
    """The tree of tokens in a valid order."""
    if not found:
        return None
    return _Planner(found).level(0)


class _Planner:
    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0
        self.depth = 0

    def level(self, index: int) -> Stage | None:
        if index == len(_LEVELS):
            return self.value()
        kind, operators = _LEVELS[index]
        left = self.level(index + 1)
        while self.at < len(self.tokens) and self.tokens[self.at].kind == kind and self.tokens[self.at].value in operators:
            operator = str(self.tokens[self.at].value)
            self.at += 1
            left = Stage(kind, operator, left=left, right=self.level(index + 1))
        return left

    def value(self) -> Stage | None:
        if self.at >= len(self.tokens):
            return None
        token = self.tokens[self.at]
        if token.kind == "CLAUSE_CLOSE":
            return None
        self.at += 1
        if token.kind == "CLAUSE":
            self.depth += 1
            if self.depth > _DEPTH:
                raise ExpressionError(f"expression nests deeper than {_DEPTH}")
            inner = self.level(0)
            self.at += 1
            self.depth -= 1
            return Stage("CLAUSE", "()", right=inner)
        if token.kind == "PREFIX":
            return Stage("PREFIX", str(token.value), right=self.value())
        if token.kind in ("NUMERIC", "BOOLEAN", "STRING", "TIME", "VARIABLE", "ACCESSOR"):
            return Stage(token.kind, "", token.value)
        raise ExpressionError(f"Unable to plan token kind: '{token.kind}', value: '{go_value(token.value)}'")


def run(stage: Stage, variables: Mapping[str, Json]) -> Json:
    """The stage's value: bool, float, text, list or None."""
    spine = [stage]
    while spine[-1].left is not None:
        spine.append(spine[-1].left)
    value = _leaf(spine.pop(), variables)
    for step in reversed(spine):
        value = _step(step, value, variables)
    return value


def _leaf(stage: Stage, variables: Mapping[str, Json]) -> Json:
    if stage.kind == "CLAUSE":
        return None if stage.right is None else run(stage.right, variables)
    if stage.kind == "PREFIX":
        return _prefix(stage, None if stage.right is None else run(stage.right, variables))
    if stage.kind == "VARIABLE":
        return _variable(str(stage.value), variables)
    if stage.kind == "ACCESSOR":
        first, second = str(stage.value).split(".")[:2]
        _variable(first, variables)
        raise ExpressionError(f"Unable to access '{second}', '{first}' is not a struct")
    return stage.value


def _variable(name: str, variables: Mapping[str, Json]) -> Json:
    if name not in variables:
        raise ExpressionError(f"No parameter '{name}' found.")
    return variables[name]


def _prefix(stage: Stage, value: Json) -> Json:
    fits = isinstance(value, bool) if stage.operator == "!" else isinstance(value, float)
    if not fits:
        raise _misfit(stage, value)
    if stage.operator == "!":
        return not value
    return -value if stage.operator == "-" else float(~to_int(value))


def _misfit(stage: Stage, value: Json) -> ExpressionError:
    operator = "=" if stage.operator == "==" else stage.operator
    return ExpressionError(_MESSAGES[stage.kind].format(go_value(value), operator))


def _step(stage: Stage, left: Json, variables: Mapping[str, Json]) -> Json:
    operator = stage.operator
    if (operator == "&&" and left is False) or (operator == "||" and left is True) or (operator in ("??", ":") and left is not None):
        return left
    if operator == "?" and left is False:
        return None
    right = None if stage.right is None else run(stage.right, variables)
    if operator == ",":
        return [*left, right] if isinstance(left, list) else [left, right]
    if operator in ("??", ":"):
        return right
    if operator == "?":
        if left is not True:
            raise _misfit(stage, left)
        return right
    if stage.kind == "LOGICALOP":
        for side in (left, right):
            if not isinstance(side, bool):
                raise _misfit(stage, side)
        return (left and right) if operator == "&&" else (left or right)
    return _compare(stage, left, right) if stage.kind == "COMPARATOR" else _modify(stage, left, right)


def _same(left: Json, right: Json) -> bool:
    return type(left) is type(right) and bool(left == right)


def _compare(stage: Stage, left: Json, right: Json) -> bool:
    operator = stage.operator
    if operator in ("==", "!="):
        return _same(left, right) == (operator == "==")
    if operator == "in":
        if not isinstance(right, list):
            raise _misfit(stage, right)
        return any(_same(left, item) for item in right)
    if operator in ("=~", "!~"):
        for side in (left, right):
            if not isinstance(side, str):
                raise _misfit(stage, side)
        return re2.match(right, left) == (operator == "=~")
    if not (isinstance(left, float) and isinstance(right, float)) and not (isinstance(left, str) and isinstance(right, str)):
        raise _misfit(stage, left)
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass")
    order: dict[str, bool] = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}
    return order[operator]


def _modify(stage: Stage, left: Json, right: Json) -> Json:
    if stage.operator == "+":
        if isinstance(left, str) or isinstance(right, str):
            return go_value(left) + go_value(right)
        if not isinstance(left, float) or not isinstance(right, float):
            raise _misfit(stage, left)
        return left + right
    for side in (left, right):
        if not isinstance(side, float):
            raise _misfit(stage, side)
    return _ARITHMETIC[stage.operator](left, right)


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)


def _modulus(left: float, right: float) -> float:
    return math.nan if right == 0 or math.isinf(left) else math.fmod(left, right)


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return -math.inf if left < 0 and right % 2 == 1 else math.inf
    except ValueError:
        return math.inf if left == 0 else math.nan


def _unsigned(number: float) -> int:
    return to_int(number) % 2**64


def _shift_left(left: float, right: float) -> float:
    count = _unsigned(right)
    return float((_unsigned(left) << count) % 2**64) if count < 64 else 0.0


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": _modulus,
    "**": _power,
    "&": lambda a, b: float(to_int(a) & to_int(b)),
    "|": lambda a, b: float(to_int(a) | to_int(b)),
    "^": lambda a, b: float(to_int(a) ^ to_int(b)),
    "<<": _shift_left,
    ">>": lambda a, b: float(_unsigned(a) >> min(_unsigned(b), 64)),
}
