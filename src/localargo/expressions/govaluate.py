"""govaluate: `when`, Sensor `conditions` and `filters.exprs`. Numbers are float64, and errors have govaluate's own messages."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.gotext import go_value
from localargo.expressions.govaluate_lexer import Token, check_order, tokens
from localargo.expressions.govaluate_plan import Stage, plan, run

Json = Any

_LENGTH = 100_000
_NOTHING: Mapping[str, Json] = {}


@functools.lru_cache(maxsize=2048)
def _plan(text: str, words: bool) -> Stage | None:
    if len(text) > _LENGTH:
        raise ExpressionError(f"expression longer than {_LENGTH} characters")
    found = tokens(text)
    if words:
        found = [Token("STRING", token.value) if token.kind == "VARIABLE" else token for token in found]
        check_order(found)
    return plan(found)


def evaluate(text: str, variables: Mapping[str, Json] | None = _NOTHING) -> Json:
    """The expression's value: bool, float or text; None for an empty one. With `variables` None a bare word is a string."""
    try:
        stage = _plan(text, variables is None)
        return None if stage is None else run(stage, _floats(variables or {}))
    except RecursionError as error:
        raise ExpressionError("expression nests too deeply") from error


def _floats(variables: Mapping[str, Json]) -> dict[str, Json]:
    return {name: float(value) if isinstance(value, int) and not isinstance(value, bool) else value for name, value in variables.items()}


def names(text: str) -> list[str]:
    """The variables, in the order of their first use."""
    return list(dict.fromkeys(str(token.value) for token in tokens(text) if token.kind == "VARIABLE"))


def evaluate_when(text: str) -> bool:
    """A `when` after substitution; empty is true. ExpressionError with Argo's message ("Failed to evaluate 'when' expresion ...")."""
    if text == "":
        return True
    try:
        _plan(text, False)
    except ExpressionError as error:
        hint = ' (hint: try wrapping the affected expression in quotes ("))' if "Invalid token" in str(error) else ""
        raise ExpressionError(f"Invalid 'when' expression '{text}': {error}{hint}") from error
    try:
        _plan(text, True)
    except ExpressionError as error:
        raise ExpressionError(f"Failed to parse 'when' expression '{text}': {error}") from error
    try:
        result = evaluate(text, None)
    except ExpressionError as error:
        raise ExpressionError(f"Failed to evaluate 'when' expresion '{text}': {error}") from error
    if not isinstance(result, bool):
        raise ExpressionError(f"Expected boolean evaluation for '{text}'. Got {go_value(result)}")
    return result
