"""JSON text by spans: a value keeps its raw text, as in GJSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from localargo.expressions.rawjson import loads_plain, plain_digits

Json = Any
Kind = Literal["String", "Number", "JSON", "True", "False", "Null"]

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_SCALAR = re.compile(r"[^\s,\]}]+")


@dataclass(frozen=True, slots=True)
class Found:
    """The value at a path. `raw` is its JSON text in the document, `value` the parsed value."""

    exists: bool
    raw: str = ""

    @property
    def value(self) -> Json:
        return loads_plain(self.raw) if self.exists else None

    @property
    def kind(self) -> Kind:
        """GJSON's type name."""
        first = self.raw[:1]
        kinds: dict[str, Kind] = {'"': "String", "{": "JSON", "[": "JSON", "t": "True", "f": "False"}
        return "Number" if first and first in "-0123456789" else kinds.get(first, "Null")

    @property
    def text(self) -> str:
        """As Argo Events writes it into a parameter: strings plain, `1.0` as `1`, `1e21` in full, containers and null as JSON text."""
        if self.kind == "String":
            return str(self.value)
        if self.kind != "Number" or re.fullmatch(r"-?[0-9]+", self.raw):
            return self.raw
        return plain_digits(float(self.raw)) if abs(float(self.raw)) != float("inf") else self.raw

    @property
    def number(self) -> float:
        """As GJSON's Float(): text that is a number becomes one, true is 1, everything else 0."""
        if self.kind == "True":
            return 1.0
        text = str(self.value) if self.kind == "String" else self.raw if self.kind == "Number" else ""
        return float(text) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) else 0.0


NOTHING = Found(False)


def end_of(text: str, at: int) -> int:
    """Where the value that starts at `at` ends (valid JSON assumed)."""
    if text[at] == '"':
        return _end(_STRING, text, at)
    if text[at] not in "{[":
        return _end(_SCALAR, text, at)
    depth = 0
    for found in _STRUCTURE.finditer(text, at):
        depth += (found[0] in "{[") - (found[0] in "}]")
        if depth == 0:
            return found.end()
    return len(text)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else len(text)


def skip(text: str, at: int) -> int:
    """Past blanks."""
    return _end(_SPACE, text, at)


def members(raw: str) -> Iterator[tuple[str, str]]:
    """The (key, raw value) pairs of an object in order; of a list with empty keys; nothing for a scalar."""
    is_object = raw[:1] == "{"
    if not is_object and raw[:1] != "[":
        return
    at = skip(raw, 1)
    while raw[at] not in "}]":
        key = ""
        if is_object:
            end = end_of(raw, at)
            key = json.loads(raw[at:end], strict=False)
            at = skip(raw, skip(raw, end) + 1)
        end = end_of(raw, at)
        yield key, raw[at:end]
        at = skip(raw, end)
        at = skip(raw, at + 1) if raw[at] == "," else at
