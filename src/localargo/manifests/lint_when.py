"""`when`: the two sides of a comparison, and whether it can be evaluated."""

from __future__ import annotations

import re

from localargo.expressions import ExpressionError
from localargo.expressions.govaluate import evaluate_when
from localargo.manifests.lint_checker import Checker
from localargo.manifests.lint_locations import Location

COMPARISON = re.compile(r"(==|!=|=~|!~)")
PLAIN_TAG = re.compile(r"\{\{(?!\s*=)[^{}]*\}\}")
EXPRESSION_TAG = re.compile(r"\{\{\s*=.*?\}\}", re.DOTALL)
ANY_TAG = re.compile(r"\{\{.*?\}\}", re.DOTALL)
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
LITERAL = re.compile(r"true|false|[-+]?\d+(\.\d+)?")
SAMPLES = ("1", "true", "x")


def check(checker: Checker, text: str, place: Location) -> None:
    """Warn of unquoted sides and of text that govaluate cannot read."""
    for side in unquoted(text):
        message = f"`{side}` is not in quotes: a value that contains a dash, a dot, a slash or a space makes this `when` an error"
        checker.warning(place, message, f"quote both sides: '{side}'" if "{{" in side else f"write '{side}'")
    broken = unreadable(text)
    if broken:
        checker.warning(place, f"this `when` cannot be evaluated: {broken}", "Argo starts the workflow and ends this node with an error")


def unquoted(text: str) -> list[str]:
    """Sides of `==`, `!=`, `=~`, `!~` that are a bare tag compared with a text."""
    found = []
    for part in re.split(r"&&|\|\|", _hide(text)):
        sides = COMPARISON.split(part)
        if len(sides) != 3:
            continue
        left, right = (side.strip().lstrip("!( ").rstrip(") ") for side in (sides[0], sides[2]))
        if LITERAL.fullmatch(left) or LITERAL.fullmatch(right):
            continue
        found += [side for side in (left, right) if PLAIN_TAG.search(side) and not QUOTED.fullmatch(side)]
    return found


def _hide(text: str) -> str:
    """Operators inside quotes and tags do not count."""
    return QUOTED.sub(lambda match: "'" + re.sub(r"[&|=!~]", "_", match[0][1:-1]) + "'", ANY_TAG.sub(_hidden, text))


def _hidden(match: re.Match[str]) -> str:
    return match[0] if PLAIN_TAG.fullmatch(match[0]) else "true"


def unreadable(text: str) -> str:
    """Why the text is not a condition with any value of its tags; empty when it is one."""
    reason = ""
    for sample in SAMPLES:
        try:
            evaluate_when(PLAIN_TAG.sub(sample, EXPRESSION_TAG.sub("true", text)))
        except ExpressionError as error:
            reason = reason or str(error)
        else:
            return ""
    return reason
