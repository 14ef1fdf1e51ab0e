"""Go's regular expressions are RE2's: linear time, no look-around, no back references. The library is Google's own."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from localargo.expressions import ExpressionError

_WORK = 1_000_000_000  # bytes that finding all matches of a text may look at
_GO = {
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid repetition size": "invalid repeat count",
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "trailing \\": "trailing backslash at end of expression",
}  # the words of Go's errors where they are others than the library's
_ANY_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")  # the library's alone: Go has no such escape


class _Expression(Protocol):
    """A compiled expression, as far as it is used here."""

    groups: int
    groupindex: Mapping[str, int]

    def search(self, text: str, pos: int | None = None) -> Match | None: ...

    def finditer(self, text: str) -> Iterator[Match]: ...


class Match(Protocol):
    """A match and the expression that found it."""

    @property
    def re(self) -> _Expression: ...

    def __getitem__(self, group: int | str) -> str | None: ...

    def start(self) -> int: ...

    def end(self) -> int: ...


def match(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text (Go's `MatchString`). ExpressionError when it is not RE2."""
    return find(pattern, text) is not None


def check(pattern: str) -> None:
    """ExpressionError when the pattern is not RE2."""
    _compiled(pattern)


def find(pattern: str, text: str) -> Match | None:
    """The first match."""
    return _compiled(pattern).search(_encodable(text))


def find_all(pattern: str, text: str) -> Iterator[Match]:
    """All matches from left to right; as in Go none is empty that stands where another one has ended."""
    text, last = _encodable(text), -1
    work = 0
    for found in _compiled(pattern).finditer(text):
        work += len(text) - found.start()
        if work > _WORK:
            raise ExpressionError(f"regexp `{pattern}` has too many matches in a text of {len(text)} characters")
        if found.start() < found.end() or found.start() != last:
            yield found
        last = found.end()


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> _Expression:
    import re2

    options: Any = re2.Options()
    options.log_errors = False
    if any_byte := _ANY_BYTE.search(pattern):
        raise ExpressionError(f"error parsing regexp: invalid escape sequence: `{any_byte[0][-2:]}`")
    try:
        compiled: _Expression = re2.compile(_encodable(pattern), options)
    except re2.error as error:
        reason, _, where = error.args[0].decode("utf-8", "replace").partition(": ")
        raise ExpressionError(f"error parsing regexp: {_GO.get(reason, reason)}: `{where}`") from error
    return compiled


def _encodable(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8")


def expand(template: str, found: Match) -> str:
    """Go's `Expand`: `$1`, `${1}`, `$name`, `$$`; a missing group is empty."""

    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        if name.isdigit():
            return (found[int(name)] or "") if int(name) <= found.re.groups else ""
        return (found[name] or "") if name in found.re.groupindex else ""

    return re.sub(r"\$(?:\{([0-9A-Za-z_]+)\}|([0-9A-Za-z_]+)|\$)", group, template)
