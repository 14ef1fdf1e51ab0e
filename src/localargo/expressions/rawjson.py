"""JSON as Go reads and writes it: numbers keep their text, output is compact, `<`, `>`, `&` may be escaped."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from localargo.expressions import ExpressionError

Json = Any

_LIMIT = 32 * 1024 * 1024  # characters; far above what an event or a parameter may hold
_ESCAPED = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
_LINES = {0x2028: "\\u2028", 0x2029: "\\u2029"}


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number with its original text: `1e-05`, `1.0`, `12345678901234567`."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __float__(self) -> float:
        return float(self.text)

    @property
    def value(self) -> int | float:
        """The number itself: an int when the text has neither fraction nor exponent and fits Go's int64, else a float."""
        digits = self.text.lstrip("-")
        if digits.isdigit() and len(digits) <= 19 and -(2**63) <= int(self.text) < 2**63:
            return int(self.text)
        return float(self.text)


def loads(text: str) -> Json:
    """Parse one JSON document; its numbers become `Number`. ExpressionError with the messages of Go's encoding/json."""
    return _parse(text, Number)


def loads_plain(text: str) -> Json:
    """Parse one JSON document with Python's numbers (a float for anything with a fraction or an exponent)."""
    return _parse(text, lambda number: Number(number).value)


def loads_go(text: str) -> Json:
    """Parse one JSON document as Go's `json.Unmarshal` into `any`: every number is a float64."""
    return _parse(text, float)


def _parse(text: str, number: Callable[[str], Any]) -> Json:
    if len(text) > _LIMIT:
        raise ExpressionError(f"JSON text of {len(text)} characters is longer than {_LIMIT}")
    try:
        return json.loads(text, parse_float=number, parse_int=number, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ExpressionError(_go_words(text, error), error.pos) from error
    except RecursionError as error:
        raise ExpressionError("exceeded max depth") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ExpressionError(f"invalid character '{name.lstrip('-')[0]}' looking for beginning of value")


def _go_words(text: str, error: json.JSONDecodeError) -> str:
    rest = text[error.pos : error.pos + 1]
    if not rest or not text.strip():
        return "unexpected end of JSON input"
    if error.msg == "Extra data":
        return f"invalid character '{rest}' after top-level value"
    if error.msg == "Unterminated string starting at":
        return "unexpected end of JSON input"
    if error.msg.startswith("Expecting property name"):
        return f"invalid character '{rest}' looking for beginning of object key string"
    if error.msg == "Expecting ':' delimiter":
        return f"invalid character '{rest}' after object key"
    if error.msg == "Expecting ',' delimiter":
        return f"invalid character '{rest}' after array element"
    return f"invalid character '{rest}' looking for beginning of value"


def dumps(value: Json, *, html: bool = False, sort: bool = True) -> str:
    """Compact JSON as Go's encoding/json prints it: keys sorted, non-ASCII kept; `html` escapes `<`, `>` and `&`.

    A `Number` keeps its text, a Python float is printed by Go's rule (`1e+21`, `42` for 42.0).
    """
    parts: list[str] = []
    try:
        _write(value, parts, html, sort)
    except RecursionError as error:
        raise ExpressionError("exceeded max depth") from error
    return "".join(parts)


_PLAIN = re.compile(r"[ !#-%'-;=?-\[\]-~]*")  # nothing that is escaped anywhere


def _write(value: Json, out: list[str], html: bool, sort: bool) -> None:
    if isinstance(value, str):
        out.append(quote(value, html=html))
    elif value is None:
        out.append("null")
    elif value is True or value is False:
        out.append("true" if value else "false")
    elif isinstance(value, Number):
        out.append(value.text)
    elif isinstance(value, int):
        out.append(str(value))
    elif isinstance(value, float):
        out.append(float_text(value))
    elif isinstance(value, dict):
        out.append("{")
        for index, key in enumerate(sorted(value, key=str) if sort else value):
            out.append("," if index else "")
            out.append(quote(str(key), html=html))
            out.append(":")
            _write(value[key], out, html, sort)
        out.append("}")
    elif isinstance(value, (list, tuple)):
        out.append("[")
        for index, item in enumerate(value):
            out.append("," if index else "")
            _write(item, out, html, sort)
        out.append("]")
    elif hasattr(value, "go_json"):
        out.append(value.go_json())
    else:
        raise ExpressionError(f"json: unsupported type: {type(value).__name__}")


def indented(value: Json, margin: str = "") -> str:
    """JSON as Go's `MarshalIndent(value, "", "  ")` prints it."""
    deeper = margin + "  "
    if isinstance(value, dict) and value:
        rows = [f"{deeper}{quote(str(key), html=True)}: {indented(value[key], deeper)}" for key in sorted(value, key=str)]
        return "{\n" + ",\n".join(rows) + f"\n{margin}}}"
    if isinstance(value, (list, tuple)) and value:
        return "[\n" + ",\n".join(deeper + indented(item, deeper) for item in value) + f"\n{margin}]"
    return dumps(value, html=True)


def quote(text: str, *, html: bool = False) -> str:
    """One JSON string. Lone surrogates become U+FFFD, as Go does with what is not UTF-8."""
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    clean = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text) if not text.isascii() else text
    quoted = json.dumps(clean, ensure_ascii=False).translate(_LINES)
    return quoted.translate(_ESCAPED) if html else quoted


def float_text(number: float) -> str:
    """A float64 as encoding/json prints it: plain digits between 1e-6 and 1e21, else an exponent (`1e+21`, `1e-7`)."""
    if math.isinf(number) or math.isnan(number):
        raise ExpressionError(f"json: unsupported value: {'NaN' if math.isnan(number) else ('+Inf' if number > 0 else '-Inf')}")
    if number == 0:
        return "-0" if math.copysign(1, number) < 0 else "0"
    if 1e-6 <= abs(number) < 1e21:
        return plain_digits(number)
    mantissa, _, exponent = f"{number!r}".partition("e")
    sign, digits = exponent[0], exponent[1:].lstrip("0")
    return f"{mantissa.removesuffix('.0')}e{sign}{digits}"


def plain_digits(number: float) -> str:
    """The shortest digits that read back as this float64, without an exponent (Go's 'f' format with precision -1)."""
    from decimal import Decimal

    text = format(Decimal(repr(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
