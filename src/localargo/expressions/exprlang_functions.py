"""expr-lang's builtin functions without a closure, and the functions that Argo adds to the environment."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.exprlang_registry import BUILTINS, builtin
from localargo.expressions.gotext import go_value
from localargo.expressions.jsonpaths import read
from localargo.expressions.rawjson import dumps, indented, loads_go
from localargo.expressions.values import Budget, go_type, is_number, plain, plain_tree, to_int, wrap

__all__ = ["BUILTINS", "ENVIRONMENT"]

Json = Any
Function = Callable[[Budget, list[Json]], Json]

_SPACE = " \t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


@builtin("len", "*")
def _len(budget: Budget, arguments: list[Json]) -> Json:
    if not isinstance(arguments[0], (str, list, dict)):
        raise ExpressionError(f"invalid argument for len (type {go_type(arguments[0])})")
    return len(arguments[0])


@builtin("type", "*")
def _type(budget: Budget, arguments: list[Json]) -> Json:
    names = {"<nil>": "nil", "float64": "float", "[]interface {}": "array", "map[string]interface {}": "map"}
    return names.get(go_type(arguments[0]), go_type(arguments[0]))


builtin("abs", "n")(lambda _, a: wrap(abs(a[0])) if isinstance(a[0], int) else abs(a[0]))
builtin("ceil", "n")(lambda _, a: _whole(math.ceil, a[0]))
builtin("floor", "n")(lambda _, a: _whole(math.floor, a[0]))
builtin("round", "n")(lambda _, a: _whole(lambda x: math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1), a[0]))


def _whole(function: Callable[[float], int], number: float) -> float:
    return float(function(number)) if math.isfinite(number) and abs(number) < 2**52 else float(number)


@builtin("int", "*")
def as_int(budget: Budget, arguments: list[Json]) -> Json:
    """`int(x)`, `asInt(x)`: of a string only plain decimal digits."""
    value = arguments[0]
    if isinstance(value, str):
        if re.fullmatch(r"[+-]?[0-9]{1,19}", value) and -(2**63) <= int(value) < 2**63:
            return int(value)
        raise ExpressionError(f"invalid operation: int({value})")
    if not is_number(value):
        raise ExpressionError(f"invalid operation: int({go_type(value)})")
    return value if isinstance(value, int) else to_int(value)


@builtin("float", "*")
def as_float(budget: Budget, arguments: list[Json]) -> Json:
    """`float(x)`, `asFloat(x)`."""
    value = arguments[0]
    if isinstance(value, str):
        if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?|[+-]?(?i:inf|infinity|nan)", value):
            return float(value)
        raise ExpressionError(f"invalid operation: float({value})")
    if not is_number(value):
        raise ExpressionError(f"invalid operation: float({go_type(value)})")
    return float(value)


@builtin("string", "*")
def _string(budget: Budget, arguments: list[Json]) -> Json:
    text = go_value(plain_tree(arguments[0]))
    budget.take(len(text))
    return text


builtin("trim", "s", "s", least=1)(lambda _, a: a[0].strip(a[1]) if len(a) == 2 else a[0].strip(_SPACE))
builtin("trimPrefix", "s", "s", least=1)(lambda _, a: a[0].removeprefix(a[1] if len(a) == 2 else " "))
builtin("trimSuffix", "s", "s", least=1)(lambda _, a: a[0].removesuffix(a[1] if len(a) == 2 else " "))
builtin("upper", "s")(lambda _, a: a[0].upper())
builtin("lower", "s")(lambda _, a: a[0].lower())
builtin("indexOf", "s", "s")(lambda _, a: _offset(a[0], a[0].find(a[1])))
builtin("lastIndexOf", "s", "s")(lambda _, a: _offset(a[0], a[0].rfind(a[1])))
builtin("hasPrefix", "s", "s")(lambda _, a: a[0].startswith(a[1]))
builtin("hasSuffix", "s", "s")(lambda _, a: a[0].endswith(a[1]))


def _offset(text: str, found: int) -> int:
    return found if found < 0 else len(text[:found].encode("utf-8", "replace"))


@builtin("split", "s", "s", "n", least=2)
def split(budget: Budget, arguments: list[Json]) -> Json:
    """Go's Split and SplitN."""
    text, separator, most = arguments[0], arguments[1], to_int(arguments[2]) if len(arguments) == 3 else -1
    budget.take(len(text))
    if most == 0:
        return []
    if not separator:
        characters = list(text)
        return characters if most < 0 or len(characters) <= most else [*characters[: most - 1], "".join(characters[most - 1 :])]
    return text.split(separator, most - 1 if most > 0 else -1)


@builtin("splitAfter", "s", "s", "n", least=2)
def _split_after(budget: Budget, arguments: list[Json]) -> Json:
    parts = split(budget, arguments)
    return [part + (arguments[1] if index < len(parts) - 1 else "") for index, part in enumerate(parts)]


@builtin("replace", "s", "s", "s", "n", least=3)
def replace(budget: Budget, arguments: list[Json]) -> Json:
    """Go's Replace and ReplaceAll."""
    text, old, new = arguments[:3]
    most = to_int(arguments[3]) if len(arguments) == 4 else -1
    times = text.count(old) if most < 0 else min(text.count(old), most)
    budget.take(len(text) + times * len(new))
    return text.replace(old, new, most)


@builtin("repeat", "s", "n")
def repeat(budget: Budget, arguments: list[Json]) -> Json:
    """The text n times, within the budget."""
    count = to_int(arguments[1])
    if count < 0:
        raise ExpressionError(f"invalid argument for repeat (expected positive integer, got {count})")
    budget.take(len(arguments[0]) * count)
    return str(arguments[0]) * count


@builtin("join", "l", "s", least=1)
def _join(budget: Budget, arguments: list[Json]) -> Json:
    for item in arguments[0]:
        if not isinstance(item, str):
            raise ExpressionError(f"interface conversion: interface {{}} is {go_type(plain(item))}, not string")
    text = (arguments[1] if len(arguments) == 2 else "").join(arguments[0])
    budget.take(len(text))
    return text


@builtin("toJSON", "*")
def _to_json_indented(budget: Budget, arguments: list[Json]) -> Json:
    text = indented(arguments[0])
    budget.take(len(text))
    return text


def to_json(budget: Budget, arguments: list[Json]) -> Json:
    """Argo's `toJson`: compact, HTML characters escaped, as Go's json.Marshal."""
    _exactly("toJson", arguments, 1)
    text = dumps(arguments[0], html=True)
    budget.take(len(text))
    return text


def json_path(budget: Budget, arguments: list[Json]) -> Json:
    """Argo's `jsonpath(json text, path)`."""
    _exactly("jsonpath", arguments, 2)
    text, path = arguments
    if not isinstance(text, str) or not isinstance(path, str):
        raise ExpressionError("jsonpath takes a JSON text and a path")
    try:
        return read(loads_go(text), path)
    except LookupError as error:
        raise ExpressionError(f"jsonpath: there is nothing at {path}") from error


def _exactly(name: str, arguments: list[Json], count: int) -> None:
    if len(arguments) != count:
        raise ExpressionError(f"invalid number of arguments for {name} (expected {count}, got {len(arguments)})")


builtin("fromJSON", "s")(lambda _, a: loads_go(a[0]))
builtin("toBase64", "s")(lambda _, a: base64.b64encode(a[0].encode("utf-8", "replace")).decode())


@builtin("fromBase64", "s")
def _from_base64(budget: Budget, arguments: list[Json]) -> Json:
    try:
        return base64.b64decode(arguments[0], validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise ExpressionError("illegal base64 data") from error


ENVIRONMENT: dict[str, Function] = {"asInt": BUILTINS["int"], "asFloat": BUILTINS["float"], "toJson": to_json, "jsonpath": json_path}
