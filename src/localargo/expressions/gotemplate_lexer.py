"""The pieces of a Go template: plain text and the tokens of its actions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from localargo.expressions import ExpressionError

_LEFT = re.compile(r"\{\{(- )?")
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
    |(?P<char>'(?:[^'\\\n]|\\.[0-9a-fA-F]*)')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w.]))
    |(?P<variable>\$\w*)
    |(?P<field>\.[^\W\d]\w*)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign>:=|[=|(),.])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))")
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_TRIMMED = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is text, string, number, variable, field, word, sign or space; `glued`: no space before it; `at`: character position."""

    kind: str
    text: str
    at: int
    glued: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Plain text (no tokens), or one action."""

    text: str
    tokens: tuple[Token, ...] | None
    at: int


def pieces(source: str) -> list[Piece]:
    """The template cut into text and actions, trim markers applied. ExpressionError with position."""
    found: list[Piece] = []
    at = 0
    trim_next = False
    while True:
        left = _LEFT.search(source, at)
        text = source[at : left.start() if left else len(source)]
        text = text.lstrip(_TRIMMED) if trim_next else text
        text = text.rstrip(_TRIMMED) if left and left[1] else text
        if text:
            found.append(Piece(text, None, at))
        if left is None:
            return found
        tokens, at, trim_next = _action(source, left)
        if tokens is not None:
            found.append(Piece("", tokens, left.start()))


def _action(source: str, left: re.Match[str]) -> tuple[tuple[Token, ...] | None, int, bool]:
    at = left.end()
    if source.startswith("/*", at):
        close = re.compile(r"/\*.*?\*/(\s-)?\}\}", re.DOTALL).match(source, at)
        if close is None:
            raise ExpressionError("unclosed comment", at)
        return None, close.end(), close[1] is not None
    tokens: list[Token] = []
    glued = False
    while True:
        close = re.compile(r"(?:\s-)?\}\}").match(source, at)
        if close:
            return tuple(tokens), close.end(), len(close[0]) == 4
        found = _TOKEN.match(source, at)
        if found is None or found.lastgroup is None:
            raise ExpressionError(_problem(source, at), at)
        if found.lastgroup != "space":
            tokens.append(Token(found.lastgroup, found[0], at, glued))
        glued = found.lastgroup != "space"
        at = found.end()


def _problem(source: str, at: int) -> str:
    rest = source[at : at + 1]
    if not rest:
        return "unclosed action"
    if rest in "\"`'":
        return "unterminated quoted string"
    if rest.isdigit():
        return f"bad number syntax: {source[at : at + 8]!r}"
    return f"unexpected {rest!r} in action (U+{ord(rest):04X})"


def unquote(token: Token) -> str:
    """The value of a string or character token."""
    if token.text[0] == "`":
        return token.text[1:-1]
    inside = token.text[1:-1]

    def replace(found: re.Match[str]) -> str:
        if found[1]:
            return _SIMPLE.get(found[1], found[1])
        code = int(found[5], 8) if found[5] else int(found[2] or found[3] or found[4], 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise ExpressionError("invalid syntax", token.at)
        return chr(code)

    rest = _ESCAPE.sub("", inside)
    if "\\" in rest:
        raise ExpressionError(f"invalid syntax: {token.text}", token.at)
    return _ESCAPE.sub(replace, inside)
