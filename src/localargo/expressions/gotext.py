"""How Go prints values, reads durations and formats times, the part that manifests and messages show."""

from __future__ import annotations

import datetime
import math
import re
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.rawjson import plain_digits

Json = Any

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]*)(\.[0-9]*)?([^.0-9]*)")


def format_number(number: float) -> str:
    """A number as `%v`: an int plainly, a float64 by Go's `%g` with the shortest digits (`1.234567e+06`, `1e-05`, `2`)."""
    if isinstance(number, int):
        return str(number)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    if number == 0:
        return "-0" if math.copysign(1, number) < 0 else "0"
    digits, exponent = _shortest(number)
    if exponent < -4 or exponent >= 6:
        return _scientific(number, digits, exponent)
    return plain_digits(number)


def _shortest(number: float) -> tuple[str, int]:
    mantissa, _, exponent = f"{abs(number):.17e}".partition("e")
    for precision in range(17):
        text = f"{abs(number):.{precision}e}"
        if float(text) == abs(number):
            mantissa, _, exponent = text.partition("e")
            break
    return mantissa.replace(".", ""), int(exponent)


def _scientific(number: float, digits: str, exponent: int) -> str:
    sign = "-" if number < 0 else ""
    rest = digits[1:].rstrip("0")
    return f"{sign}{digits[0]}{'.' + rest if rest else ''}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def go_value(value: Json) -> str:
    """A value as `fmt.Sprint` (`%v`) prints it: nil is `<nil>`, a list `[1 two]`, a map `map[a:1 b:2]` with sorted keys."""
    if value is None:
        return "<nil>"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return format_number(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{go_value(key)}:{go_value(value[key])}" for key in sorted(value, key=str)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(go_value(item) for item in value) + "]"
    return str(value)


_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"'}


def go_quote(text: str) -> str:
    """A text as `%q` (`strconv.Quote`) prints it."""
    return '"' + "".join(_ESCAPES.get(char) or _printable(char) for char in text) + '"'


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def parse_duration(text: str) -> float:
    """Seconds of a Go duration (`1h2m3s`, `-1.5h`, `300ms`) or, as Argo allows, of a bare number of seconds."""
    rest = text.strip()
    if re.fullmatch(r"[0-9]+", rest):
        return float(rest)
    try:
        return go_duration(rest)
    except ExpressionError as error:
        raise ExpressionError(f"{error} (write it as 30s, 5m or 1h30m)") from error


def argo_duration(text: str) -> float:
    """Seconds of a duration in a Workflow: a Go duration or a whole number of seconds. Its errors are Argo's messages."""
    if re.fullmatch(r"[+-]?[0-9]+", text):
        return float(text)
    try:
        return go_duration(text)
    except ExpressionError as error:
        raise ExpressionError(f"unable to parse {text} as a duration: {error}") from error


def go_duration(text: str) -> float:
    """Seconds of a duration as Go's `time.ParseDuration` reads it. Its errors are Go's messages."""
    invalid = ExpressionError(f'time: invalid duration "{text}"')
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0.0
    if not rest:
        raise invalid
    total, position = 0.0, 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None or (not part[1] and part[2] in (None, ".")):
            raise invalid
        if not part[3]:
            raise ExpressionError(f'time: missing unit in duration "{text}"')
        if part[3] not in _UNITS:
            raise ExpressionError(f'time: unknown unit "{part[3]}" in duration "{text}"')
        total += float((part[1] or "0") + (part[2] or "")) * _UNITS[part[3]]
        position = part.end()
    if total > 9_223_372_036.0:
        raise invalid  # longer than 292 years
    return -total if text.startswith("-") else total


def format_duration(seconds: float) -> str:
    """A duration as Go's `time.Duration` prints it: `1h2m3s`, `1.5s`, `300ms`, `0s`."""
    nanoseconds = round(abs(seconds) * 1e9)
    sign = "-" if seconds < 0 and nanoseconds else ""
    if nanoseconds == 0:
        return "0s"
    for limit, unit, scale in ((1_000, "ns", 1), (1_000_000, "µs", 1_000), (1_000_000_000, "ms", 1_000_000)):
        if nanoseconds < limit:
            return f"{sign}{_fraction(nanoseconds, scale)}{unit}"
    whole, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(whole, 60)
    text = f"{_fraction(rest, 1_000_000_000)}s"
    if whole:
        text = f"{minutes}m{text}"
    return sign + (f"{hours}h{text}" if hours else text)


def _fraction(value: int, scale: int) -> str:
    whole, rest = divmod(value, scale)
    digits = str(rest).rjust(len(str(scale)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


_STRFTIME = "aAbBcCdDeFHIjklmMnprRStTuUvVwWxXyYZz%hf"


def strftime(moment: float, letter: str) -> str:
    """`workflow.creationTimestamp.<letter>`: one strftime letter of a UTC time (epoch seconds); `s` and `RFC3339` as Argo adds them."""
    when = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    special = {
        "s": str(int(moment)),
        "RFC3339": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "v": f"{when.day:2d}-{when.strftime('%b-%Y')}",
        "F": when.strftime("%Y-%m-%d"),
        "L": f"{when.microsecond // 1000:03d}",
    }
    if letter in special:
        return special[letter]
    if len(letter) != 1 or letter not in _STRFTIME:
        raise ExpressionError(f"unknown time format letter {letter!r} (use one of strftime's, s or RFC3339)")
    return when.strftime(f"%{letter}")
