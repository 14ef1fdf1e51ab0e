"""The tokens of expr-lang."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from localargo.expressions import ExpressionError

Kind = Literal["name", "number", "string", "bytes", "operator", "bracket", "end"]

_WORDS = {"in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else", "not"}
_NEGATABLE = re.compile(r" *(in|matches|contains|startsWith|endsWith)(?![\w$])")
_SPACE = re.compile(r"(?:\s+|//[^\n]*\n?|/\*.*?\*/)+", re.DOTALL)
_NAME = re.compile(r"[^\W\d]\w*|\$\w*|_\w*")
_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F_]*|0[oO][0-7_]*|0[bB][01_]*"
    r"|(?:[0-9][0-9_]*(?:\.(?!\.)[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]*)?"
)
_OPERATOR = re.compile(r"\?\.|\?\?|\|\||::|\.\.|&&|\*\*|==|!=|<=|>=|[?|:,;%+\-^&!=*<>/.#]")
_ESCAPE = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\'\"])|x(?P<x>[0-9a-fA-F]{2})|u\{(?P<v>[0-9a-fA-F]{1,6})\}|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<o>[0-7]{3}))"
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is the unescaped value for strings; `at` counts characters."""

    kind: Kind
    text: str
    at: int

    def __str__(self) -> str:
        if self.kind == "end":
            return "EOF"
        return f'{"Identifier" if self.kind == "name" else self.kind.capitalize()}("{self.text}")'


def tokens(text: str) -> list[Token]:
    """Every token and an end mark. ExpressionError with position."""
    found: list[Token] = []
    at = 0
    while True:
        blank = _SPACE.match(text, at)
        at = blank.end() if blank else at
        if at >= len(text):
            found.append(Token("end", "", max(0, len(text) - 1)))
            return found
        at = _one(text, at, found)


def _one(text: str, at: int, found: list[Token]) -> int:
    char = text[at]
    if char in "'\"":
        return _string(text, at, at, found, "string")
    if char == "`":
        return _raw(text, at, found)
    if char in "bB" and text[at + 1 : at + 2] in ("'", '"'):
        return _string(text, at + 1, at, found, "bytes")
    if char.isascii() and (char.isdigit() or (char == "." and text[at + 1 : at + 2].isdigit() and text[at + 1].isascii())):
        return _number(text, at, found)
    if char in "()[]{}":
        found.append(Token("bracket", char, at))
        return at + 1
    name = _NAME.match(text, at)
    if name:
        return _word(text, name[0], at, found)
    operator = _OPERATOR.match(text, at)
    if operator is None:
        shown = f" '{char}'" if char.isprintable() else ""
        raise ExpressionError(f"unrecognized character: U+{ord(char):04X}{shown}", at)
    if text.startswith("/*", at):
        raise ExpressionError("unclosed comment", at)
    found.append(Token("operator", operator[0], at))
    return operator.end()


def _word(text: str, word: str, at: int, found: list[Token]) -> int:
    found.append(Token("operator" if word in _WORDS else "name", word, at))
    end = at + len(word)
    if word == "not":
        following = _NEGATABLE.match(text, end)
        if following:
            found.append(Token("operator", following[1], following.start(1)))
            return following.end()
    return end


def _number(text: str, at: int, found: list[Token]) -> int:
    number = _NUMBER.match(text, at)
    end = number.end() if number else at
    after = text[end : end + 1]
    if number is None or after.isalnum() or after in ("_", "$"):
        raise ExpressionError(f'bad number syntax: "{text[at : end + 1]}"', end)
    found.append(Token("number", number[0], at))
    return end


def _raw(text: str, at: int, found: list[Token]) -> int:
    end = re.compile(r"`((?:[^`]|``)*)`").match(text, at)
    if end is None:
        raise ExpressionError("literal not terminated", at)
    found.append(Token("string", end[1].replace("``", "`"), at))
    return end.end()


def _string(text: str, start: int, at: int, found: list[Token], kind: Kind) -> int:
    quote = text[start]
    parts: list[str] = []
    position = start + 1
    while True:
        char = text[position : position + 1]
        if not char or char == "\n":
            raise ExpressionError("literal not terminated", position)
        if char == quote:
            found.append(Token(kind, "".join(parts), at))
            return position + 1
        if char == "\\":
            escape = _ESCAPE.match(text, position)
            if escape is None or (escape["simple"] in ("'", '"') and escape["simple"] != quote):
                raise ExpressionError("invalid char escape", position)
            parts.append(_unescape(escape))
            position = escape.end()
        else:
            parts.append(char)
            position += 1


def _unescape(escape: re.Match[str]) -> str:
    if escape["simple"]:
        return _SIMPLE.get(escape["simple"], escape["simple"])
    code = int(escape["o"], 8) if escape["o"] else int(escape["x"] or escape["u"] or escape["v"] or escape["U"], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ExpressionError("unable to unescape string", escape.start())
    return chr(code)
