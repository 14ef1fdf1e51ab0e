"""`fmt.Sprintf`, the part that templates and withSequence's `format` use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.gotext import format_number, go_quote, go_value
from localargo.expressions.values import go_type, is_number

Json = Any

_VERB = re.compile(r"%([-+# 0]*)(\*|[0-9]+)?(?:\.(\*|[0-9]*))?(.?)", re.DOTALL)
_WIDEST = 1_000


def sprintf(template: str, arguments: Sequence[Json]) -> str:
    """The text with its verbs filled in; wrong or missing arguments are shown in the text, as Go does (`%!d(string=x)`)."""
    rest = list(arguments)

    def replace(found: re.Match[str]) -> str:
        flags, width, precision, verb = found[1], found[2], found[3], found[4]
        if verb == "%":
            return "%"
        if not verb:
            return "%!(NOVERB)"
        if width == "*" or precision == "*":
            raise ExpressionError("printf: a * width is not supported")
        if not rest:
            return f"%!{verb}(MISSING)"
        if int(width or 0) > _WIDEST or int(precision or 0) > _WIDEST:
            raise ExpressionError(f"printf: width above {_WIDEST}")
        text = _verb(verb, flags, None if precision is None else int(precision or 0), rest.pop(0))
        return _pad(text, flags, int(width or 0))

    result = _VERB.sub(replace, template)
    if rest:
        result += "%!(EXTRA " + ", ".join(f"{go_type(value)}={go_value(value)}" for value in rest) + ")"
    return result


def _pad(text: str, flags: str, width: int) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags:
        sign = text[0] if text[:1] in ("-", "+") else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def _verb(verb: str, flags: str, precision: int | None, value: Json) -> str:
    integer = isinstance(value, int) and not isinstance(value, bool)
    if verb == "v":
        return go_value(value) if precision is None or not isinstance(value, float) else f"{value:.{precision}g}"
    if verb == "T":
        return go_type(value)
    if verb == "t" and isinstance(value, bool):
        return "true" if value else "false"
    if verb in "dboOcU" and integer:
        return _signed(_integer(verb, value), flags)
    if verb in "eEfFgG" and isinstance(value, float):
        return _signed(_float(verb, precision, value), flags)
    if verb in "xX" and (integer or isinstance(value, str)):
        text = f"{value:x}" if integer else value.encode("utf-8", "replace").hex()
        text = ("0x" if "#" in flags else "") + text
        return text.upper() if verb == "X" else text
    if verb == "q" and isinstance(value, str):
        return go_quote(value)
    if verb == "s" and (value is None or not (is_number(value) or isinstance(value, bool))):
        text = "%!s(<nil>)" if value is None else _strings(value)
        return text if precision is None else text[:precision]
    if verb == "d" and isinstance(value, list):
        return "[" + " ".join(_verb(verb, flags, precision, item) for item in value) + "]"
    return f"%!{verb}({go_type(value)}={go_value(value)})" if value is not None else f"%!{verb}(<nil>)"


def _strings(value: Json) -> str:
    return "[" + " ".join(_verb("s", "", None, item) for item in value) + "]" if isinstance(value, list) else go_value(value)


def _integer(verb: str, value: int) -> str:
    if verb == "c":
        return chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF else "\ufffd"
    if verb == "U":
        return f"U+{value:04X}"
    return {"d": f"{value:d}", "b": f"{value:b}", "o": f"{value:o}", "O": f"0o{value:o}"}[verb]


def _float(verb: str, precision: int | None, value: float) -> str:
    if verb in "gG":
        text = format_number(value) if precision is None else f"{value:.{precision or 1}g}"
    else:
        text = f"{value:.{6 if precision is None else precision}{verb}}"
    return text.replace("inf", "+Inf").replace("-+Inf", "-Inf").replace("nan", "NaN")


def _signed(text: str, flags: str) -> str:
    if "+" in flags and text[:1] not in ("-", "+"):
        return f"+{text}"
    return f" {text}" if " " in flags and text[:1] != "-" else text
