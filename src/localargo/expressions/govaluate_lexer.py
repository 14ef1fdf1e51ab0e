"""govaluate's tokens and the rules of their order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

from localargo.expressions import ExpressionError, re2
from localargo.expressions.gotext import go_value
from localargo.expressions.gotime import parse_time

_PREFIX = {"-", "!", "~"}
_MODIFIER = {"+", "-", "*", "/", "%", "**", "&", "|", "^", ">>", "<<"}
_LOGICAL = {"&&", "||"}
_COMPARATOR = {"==", "!=", ">", ">=", "<", "<=", "=~", "!~", "in"}
_TERNARY = {"?", ":", "??"}
_TIMES = (
    "Mon Jan _2 15:04:05 2006",
    "Mon Jan _2 15:04:05 MST 2006",
    "Mon Jan 02 15:04:05 -0700 2006",
    "3:04PM",
    "2006-01-02T15:04:05Z07:00",
    "2006-01-02",
    "2006-01-02 15:04",
    "2006-01-02 15:04:05",
    "2006-01-02 15:04:05-07:00",
    "2006-01-02T15Z0700",
    "2006-01-02T15:04Z0700",
    "2006-01-02T15:04:05Z0700",
)

_VALUES = {"NUMERIC", "BOOLEAN", "VARIABLE", "STRING", "TIME", "CLAUSE", "ACCESSOR", "PATTERN"}
_AFTER_VALUE = {"MODIFIER", "COMPARATOR", "LOGICALOP", "CLAUSE_CLOSE", "TERNARY", "SEPARATOR"}
_START = _VALUES | {"PREFIX"}
_NEXT: dict[str, set[str]] = {
    "UNKNOWN": _START,
    "CLAUSE": _START | {"CLAUSE_CLOSE"},
    "CLAUSE_CLOSE": _AFTER_VALUE | (_VALUES - {"ACCESSOR"}),
    "NUMERIC": _AFTER_VALUE,
    "BOOLEAN": _AFTER_VALUE,
    "STRING": _AFTER_VALUE,
    "VARIABLE": _AFTER_VALUE,
    "TIME": _AFTER_VALUE - {"TERNARY"},
    "PATTERN": _AFTER_VALUE - {"TERNARY"},
    "ACCESSOR": _AFTER_VALUE | {"CLAUSE"},
    "MODIFIER": (_START | {"CLAUSE_CLOSE"}) - {"TIME", "PATTERN"},
    "COMPARATOR": _START | {"CLAUSE_CLOSE"},
    "LOGICALOP": (_START | {"CLAUSE_CLOSE"}) - {"PATTERN"},
    "PREFIX": {"NUMERIC", "BOOLEAN", "VARIABLE", "ACCESSOR", "CLAUSE", "CLAUSE_CLOSE"},
    "TERNARY": (_START | {"SEPARATOR"}) - {"PATTERN"},
    "SEPARATOR": _START - {"PATTERN"},
}
_MAY_END = {"CLAUSE_CLOSE", "NUMERIC", "BOOLEAN", "STRING", "TIME", "PATTERN", "VARIABLE", "ACCESSOR"}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is govaluate's name for it; `value` a float, a bool or text."""

    kind: str
    value: float | bool | str


def tokens(text: str) -> list[Token]:
    """Every token, in an order that govaluate accepts. ExpressionError with govaluate's message."""
    found = _Reader(text).run()
    opened = sum((token.kind == "CLAUSE") - (token.kind == "CLAUSE_CLOSE") for token in found)
    if opened:
        raise ExpressionError("Unbalanced parenthesis")
    check_order(found)
    for token, following in itertools.pairwise(found):
        if token.value in ("=~", "!~") and token.kind == "COMPARATOR" and following.kind == "STRING":
            re2.check(str(following.value))
    return found


def check_order(found: list[Token]) -> None:
    """ExpressionError when a token is not allowed at its position."""
    state, last = "UNKNOWN", "<nil>"
    depth = 0
    for token in found:
        if token.kind not in _NEXT[state]:
            if state == "VARIABLE" and token.kind == "CLAUSE":
                raise ExpressionError(f"Undefined function {last}")
            raise ExpressionError(f"Cannot transition token types from {state} [{last}] to {token.kind} [{_shown(token)}]")
        depth += (token.kind == "CLAUSE") - (token.kind == "CLAUSE_CLOSE")
        if depth < 0:
            raise ExpressionError("Unbalanced parenthesis")
        state, last = token.kind, _shown(token)
    if found and state not in _MAY_END:
        raise ExpressionError("Unexpected end of expression")


def _shown(token: Token) -> str:
    return {"(": "40", ")": "41"}[str(token.value)] if token.kind.startswith("CLAUSE") else go_value(token.value)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.state = "UNKNOWN"

    def run(self) -> list[Token]:
        found: list[Token] = []
        while True:
            while self.at < len(self.text) and self.text[self.at].isspace():
                self.at += 1
            if self.at >= len(self.text):
                return found
            token = self.read()
            self.state = token.kind
            found.append(token)

    def read(self) -> Token:
        char = self.text[self.at]
        if char.isdecimal() or char == ".":
            return self.number()
        if char == ",":
            self.at += 1
            return Token("SEPARATOR", ",")
        if char == "[":
            self.at += 1
            return Token("VARIABLE", self.until("]", "Unclosed parameter bracket"))
        if char.isalpha():
            return self.word()
        if char in "'\"":
            self.at += 1
            value = self.until("'\"", "Unclosed string literal")
            moment = _moment(value)
            return Token("STRING", value) if moment is None else Token("TIME", moment)
        if char in "()":
            self.at += 1
            return Token("CLAUSE" if char == "(" else "CLAUSE_CLOSE", char)
        return self.symbol()

    def number(self) -> Token:
        hexadecimal = re.compile(r"0x([0-9a-fA-F]*)").match(self.text, self.at)
        if hexadecimal:
            self.at = hexadecimal.end()
            if not hexadecimal[1] or len(hexadecimal[1].lstrip("0")) > 16:
                raise ExpressionError(f"Unable to parse hex value '{hexadecimal[1]}' to uint64\n")
            return Token("NUMERIC", float(int(hexadecimal[1], 16)))
        text = self.run_of(lambda char: char.isdecimal() or char == ".")
        if not re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", text, re.ASCII):
            raise ExpressionError(f"Unable to parse numeric value '{text}' to float64\n")
        return Token("NUMERIC", float(text))

    def word(self) -> Token:
        text = self.run_of(lambda char: char.isalpha() or char.isdecimal() or char in "_.")
        if text in ("true", "false"):
            return Token("BOOLEAN", text == "true")
        if text in ("in", "IN"):
            return Token("COMPARATOR", "in")
        if text.find(".") <= 0:
            return Token("VARIABLE", text)
        if text.endswith("."):
            raise ExpressionError(f"Hanging accessor on token '{text}'")
        for part in text.split(".")[1:]:
            if part[:1] != part[:1].upper():
                raise ExpressionError(f"Unable to access unexported field '{part}' in token '{text}'")
        return Token("ACCESSOR", text)

    def symbol(self) -> Token:
        text = self.run_of(lambda char: not (char.isdecimal() or char.isalpha() or char in "()[]'\""))
        if text in _PREFIX and "PREFIX" in _NEXT[self.state]:
            return Token("PREFIX", text)
        for kind, symbols in (("MODIFIER", _MODIFIER), ("LOGICALOP", _LOGICAL), ("COMPARATOR", _COMPARATOR), ("TERNARY", _TERNARY)):
            if text in symbols:
                return Token(kind, text)
        raise ExpressionError(f"Invalid token: '{text}'")

    def run_of(self, wanted: Callable[[str], bool]) -> str:
        """The characters that belong to the token; a space ends it, a backslash adds any character after it."""
        parts: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "\\":
                parts.append(self.text[self.at + 1 : self.at + 2])
                self.at += 2
            elif char.isspace() or not wanted(char):
                break
            else:
                parts.append(char)
                self.at += 1
        return "".join(parts)

    def until(self, ends: str, problem: str) -> str:
        parts: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char == "\\":
                parts.append(self.text[self.at : self.at + 1])
                self.at += 1
            elif char in ends:
                return "".join(parts)
            else:
                parts.append(char)
        raise ExpressionError(problem)


def _moment(text: str) -> float | None:
    """A quoted string in the form of a time is its epoch seconds."""
    if not re.match(r"[0-9]{4}-|[0-9]{1,2}:|[A-Z][a-z]{2} ", text):
        return None
    for layout in _TIMES:
        try:
            return float(parse_time(layout, text).unix())
        except ExpressionError:
            continue
    return None
