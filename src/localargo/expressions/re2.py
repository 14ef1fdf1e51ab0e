"""Go's regular expressions (RE2): linear time, no look-around, no back references.

Matching runs on Rust's `regex` (part of pydantic), which has RE2's guarantees: a hostile pattern cannot hang. Finding and
replacing need the positions of a match, which pydantic does not offer; they run on `re`, for patterns whose work can be bounded.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.re2_syntax import Translated, translate

_WORK = 200_000_000  # steps of `re` that a find or replace may take at the very most


def match(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text (Go's `MatchString`). ExpressionError when it is not RE2."""
    return bool(_matcher(pattern).isinstance_python(text.encode("utf-8", "replace").decode("utf-8")))


def check(pattern: str) -> None:
    """ExpressionError when the pattern is not RE2."""
    _matcher(pattern)


@functools.lru_cache(maxsize=512)
def _matcher(pattern: str) -> Any:
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    text = translate(pattern, "rust").text
    try:
        return SchemaValidator(core_schema.str_schema(pattern=text))
    except SchemaError as error:
        raise ExpressionError(f"error parsing regexp: {_reason(str(error))}: `{pattern}`") from error


def _reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines()]
    named = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return named[0] if named else lines[-1]


@functools.lru_cache(maxsize=512)
def _finder(pattern: str) -> tuple[re.Pattern[str], Translated]:
    _matcher(pattern)
    translated = translate(pattern, "python")
    try:
        return re.compile(translated.text, re.ASCII), translated
    except (re.error, OverflowError, RecursionError) as error:
        raise ExpressionError(f"error parsing regexp: {error}: `{pattern}`") from error


def finder(pattern: str, text: str) -> re.Pattern[str]:
    """The pattern for `re` when its work on a text of this length is bounded; else ExpressionError."""
    compiled, translated = _finder(pattern)
    if translated.nested:
        raise ExpressionError(f"regexp `{pattern}`: a repeat inside a repeat is not supported for finding and replacing, only for matching")
    work = (len(text) + 1) ** min(translated.repeats, 20) * 2 ** min(translated.options, 60)
    if translated.repeats + translated.options > 1 and work > _WORK:
        raise ExpressionError(f"regexp `{pattern}`: too many open-ended repeats for a text of {len(text)} characters")
    return compiled


def expand(template: str, found: re.Match[str]) -> str:
    """Go's `Expand`: `$1`, `${1}`, `$name`, `$$`; a missing group is empty."""

    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        if name.isdigit():
            return (found[int(name)] or "") if int(name) <= found.re.groups else ""
        return (found[name] or "") if name in found.re.groupindex else ""

    return re.sub(r"\$(?:\{([0-9A-Za-z_]+)\}|([0-9A-Za-z_]+)|\$)", group, template)
