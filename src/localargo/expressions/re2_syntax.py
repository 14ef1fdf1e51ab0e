"""From RE2's syntax to that of Rust's `regex` and of Python's `re`; what RE2 does not support is refused here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from localargo.expressions import ExpressionError

Dialect = Literal["rust", "python"]

_LENGTH = 2_000
_DEPTH = 100
_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": r"\x20-\x7E",
    "punct": r"\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_CONTROL = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_REPEAT = re.compile(r"\{([0-9]+)(,([0-9]*))?\}")
_FLAGS = re.compile(r"\(\?([imsU]*)(-[imsU]+)?([:)])")
_NAMED = re.compile(r"\(\?P?<([A-Za-z_][0-9A-Za-z_]*)>")
_UNICODE = re.compile(r"[pP](\{\^?[A-Za-z_]+\}|[A-Z])")


@dataclass(frozen=True, slots=True)
class Translated:
    """The pattern in the other syntax. `repeats`: open-ended repeats in it; `options`: `?`s; `nested`: a repeat over an ambiguous group."""

    text: str
    repeats: int
    options: int
    nested: bool


def translate(pattern: str, dialect: Dialect) -> Translated:
    """Translate; ExpressionError with Go's message for what RE2 refuses."""
    if len(pattern) > _LENGTH:
        raise ExpressionError(f"error parsing regexp: expression longer than {_LENGTH} characters")
    return _Translation(pattern, dialect).run()


class _Translation:
    def __init__(self, pattern: str, dialect: Dialect) -> None:
        self.pattern = pattern
        self.rust = dialect == "rust"
        self.at = 0
        self.out: list[str] = []
        self.groups: list[tuple[int, bool, int]] = []  # (extra closing brackets, multi-line before, choices before)
        self.multiline = False
        self.repeats = 0
        self.options = 0
        self.choices = 0  # repeats, options and alternatives so far
        self.nested = False
        self.group_choices = 0  # the same, in the group that was just closed
        self.quantifiable = False
        self.extra = 0

    def fail(self, reason: str) -> ExpressionError:
        return ExpressionError(f"error parsing regexp: {reason}", self.at)

    def run(self) -> Translated:
        while self.at < len(self.pattern):
            char = self.pattern[self.at]
            if char == "\\":
                self.escape()
            elif char == "[":
                self.out.append(self.char_class())
                self.atom()
            elif char == "(":
                self.open()
            elif char == ")":
                self.close()
            elif char in "*+?" or (char == "{" and _REPEAT.match(self.pattern, self.at)):
                self.repeat()
            else:
                self.plain(char)
        if self.groups:
            raise self.fail(f"missing closing ): `{self.pattern}`")
        return Translated("".join(self.out) + ")" * self.extra, self.repeats, self.options, self.nested)

    def atom(self) -> None:
        self.quantifiable, self.group_choices = True, 0

    def plain(self, char: str) -> None:
        self.at += 1
        if char == "$":
            self.out.append("$" if self.multiline or self.rust else r"\Z")
        elif char in "^.|":
            self.out.append(char)
        else:
            self.out.append(self.literal(char))
        self.quantifiable = char != "|"
        self.choices += char == "|"
        self.group_choices = 0

    def literal(self, char: str) -> str:
        if char in r"\.+*?()|[]{}^$#&-~":
            return f"\\{char}"
        return char if char.isprintable() else f"\\x{{{ord(char):X}}}" if self.rust else re.escape(char)

    def escape(self, in_class: bool = False) -> None:
        self.out.append(self.escaped(in_class))
        self.atom()

    def escaped(self, in_class: bool) -> str:
        rest = self.pattern[self.at + 1 :]
        if not rest:
            raise self.fail("trailing backslash at end of expression: ``")
        char = rest[0]
        if char == "Q" and not in_class:
            text, _, _ = rest[1:].partition("\\E")
            self.at += 2 + len(text) + (2 if "\\E" in rest[1:] else 0)
            return "".join(self.literal(c) for c in text)
        self.at += 2
        if char.lower() in _CLASSES:
            return self.perl_class(char, in_class)
        if char in "pP":
            found = _UNICODE.match(rest)
            if found is None or not self.rust:
                raise self.fail(f"invalid character class range: `\\{rest[:6]}`")
            self.at += len(found[0]) - 1
            return f"\\{found[0]}"
        if char in "bB" and not in_class:
            return r"(?-u:\b)" if self.rust and char == "b" else f"\\{char}"
        if char in "Az" and not in_class:
            return r"\A" if char == "A" else (r"\z" if self.rust else r"\Z")
        return self.literal(self.escaped_char(char, rest))

    def escaped_char(self, char: str, rest: str) -> str:
        if char in _CONTROL:
            return _CONTROL[char]
        number = re.match(r"x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,6})\}|(0[0-7]{0,2}|[1-7][0-7]{1,2})", rest)
        if number:
            self.at += len(number[0]) - 1
            code = int(number[3], 8) if number[3] else int(number[1] or number[2], 16)
            if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
                return chr(code)
        elif char.isascii() and not char.isalnum():
            return char
        raise self.fail(f"invalid escape sequence: `\\{rest[:1]}`")

    def perl_class(self, char: str, in_class: bool) -> str:
        ranges = _CLASSES[char.lower()]
        if char.islower():
            return ranges if in_class else f"[{ranges}]"
        if in_class and not self.rust:
            return f"\\{char}"
        return f"[^{ranges}]"

    def char_class(self) -> str:
        start = self.at
        self.at += 1
        parts = ["["]
        if self.pattern.startswith("^", self.at):
            parts.append("^")
            self.at += 1
        first = True
        while True:
            char = self.pattern[self.at : self.at + 1]
            if not char:
                raise self.fail(f"missing closing ]: `{self.pattern[start:]}`")
            if char == "]" and not first:
                self.at += 1
                return "".join([*parts, "]"])
            first = False
            parts.append(self.class_item(char))

    def class_item(self, char: str) -> str:
        if char == "[" and self.pattern.startswith("[:", self.at):
            found = re.compile(r"\[:(\^?)([a-z]+):\]").match(self.pattern, self.at)
            if found is None or found[2] not in _POSIX:
                raise self.fail(f"invalid character class range: `{self.pattern[self.at : self.at + 8]}`")
            if found[1] and not self.rust:
                raise self.fail(f"invalid character class range: `{found[0]}` is supported for matching only")
            self.at += len(found[0])
            return f"[^{_POSIX[found[2]]}]" if found[1] else _POSIX[found[2]]
        if char == "\\":
            return self.escaped(in_class=True)
        self.at += 1
        if char == "-" and self.pattern[self.at : self.at + 1] != "]" and self.pattern[self.at - 2 : self.at - 1] not in ("[", "^", "-"):
            return "-"
        return self.literal(char)

    def open(self) -> None:
        if len(self.groups) >= _DEPTH:
            raise self.fail(f"expression nests too deeply: `{self.pattern}`")
        flags = _FLAGS.match(self.pattern, self.at)
        named = _NAMED.match(self.pattern, self.at)
        if flags:
            self.set_flags(flags)
            return
        if named:
            self.at += len(named[0])
            self.out.append(f"(?P<{named[1]}>")
        elif self.pattern.startswith("(?", self.at):
            raise self.fail(f"invalid or unsupported Perl syntax: `{self.pattern[self.at : self.at + 3]}`")
        else:
            self.at += 1
            self.out.append("(")
        self.push()

    def push(self) -> None:
        self.groups.append((self.extra, self.multiline, self.choices))
        self.extra = 0
        self.quantifiable = False

    def set_flags(self, flags: re.Match[str]) -> None:
        self.at += len(flags[0])
        on, off = flags[1], (flags[2] or "")
        if "U" in on + off and not self.rust:
            raise self.fail("flag U is supported for matching only")
        if flags[3] == ":":
            self.push()
        else:
            self.extra += 1
            self.quantifiable = False
        self.out.append(f"(?{on}{off}:")
        if "m" in on + off:
            self.multiline = "m" in on

    def close(self) -> None:
        if not self.groups:
            raise self.fail(f"unexpected ): `{self.pattern}`")
        self.at += 1
        self.out.append(")" * (self.extra + 1))
        self.extra, self.multiline, before = self.groups.pop()
        self.atom()
        self.group_choices = self.choices - before

    def repeat(self) -> None:
        counted = _REPEAT.match(self.pattern, self.at)
        text = counted[0] if counted else self.pattern[self.at]
        if not self.quantifiable:
            kind = "invalid nested repetition operator" if self.out and self.at else "missing argument to repetition operator"
            raise self.fail(f"{kind}: `{text}`")
        if counted and (int(counted[1]) > 1000 or (counted[3] and (int(counted[3]) > 1000 or int(counted[3]) < int(counted[1])))):
            raise self.fail(f"invalid repeat count: `{text}`")
        self.at += len(text)
        if self.pattern.startswith("?", self.at):
            text += "?"
            self.at += 1
        self.out.append(text)
        self.choices += 1
        if text[0] == "?":
            self.options += 1
        else:
            self.repeats += 1
            self.nested = self.nested or self.group_choices > 0
        self.quantifiable, self.group_choices = False, 0
