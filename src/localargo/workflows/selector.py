"""Kubernetes' label selectors. In the conditions of `resource` templates their keys are paths into the document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from localargo.errors import InvalidInput
from localargo.expressions import jsonpaths
from localargo.manifests.metadata import LONGEST_PART, PART
from localargo.ports import Doc

_WORDS = ("in", "notin")
_SYMBOLS = (")", ",", "!", "==", "=", ">", "<", "!=", "(")
_SPECIAL = "=!(),><"
_OPERATORS = {"in": "in", "notin": "notin", "=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt"}
_END = ""


class Condition:
    """One requirement on a label, or on a field of a document (`status.phase == Succeeded`)."""

    def __init__(self, key: str, operator: str, values: Sequence[str]) -> None:
        self.key, self.operator, self.values = key, operator, values

    def holds(self, doc: Doc) -> bool:
        """Whether the document meets the condition."""
        found = jsonpaths.get(doc, self.key)
        return self.fits(_text(found.value) if found.exists else None)

    def fits(self, value: str | None) -> bool:
        """Whether the value of the field or label, None if there is none, meets the condition."""
        match self.operator:
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "=" | "==" | "in":
                return value in self.values
            case "!=" | "notin":
                return value not in self.values
            case _:
                try:
                    number, bound = int(value or ""), int(self.values[0])
                except ValueError:
                    return False
                return number > bound if self.operator == "gt" else number < bound

    def __str__(self) -> str:
        return f"{{{self.key} {self.operator} [{' '.join(self.values)}]}}"


def selects(conditions: Sequence[Condition], labels: Mapping[str, str]) -> bool:
    """Whether the labels meet all conditions."""
    return all(condition.fits(labels.get(condition.key)) for condition in conditions)


def parse(text: str) -> list[Condition]:
    """The requirements of a selector, all of which must hold, in the order of their keys. Raises InvalidInput with Kubernetes' message."""
    tokens = _Tokens(text)
    found: list[Condition] = []
    while tokens.peek() != _END:
        if not (tokens.is_name() or tokens.peek() == "!"):
            raise InvalidInput(f"found '{tokens.peek()}', expected: !, identifier, or 'end of string'")
        try:
            found.append(_requirement(tokens))
        except InvalidInput as error:
            raise InvalidInput(f"unable to parse requirement: {error}") from None
        then = tokens.take()
        if then not in (",", _END):
            raise InvalidInput(f"found '{then}', expected: ',' or 'end of string'")
        if then == "," and not (tokens.is_name() or tokens.peek() == "!"):
            raise InvalidInput(f"found '{tokens.peek()}', expected: identifier after ','")
    return sorted(found, key=lambda condition: condition.key)


def _requirement(tokens: _Tokens) -> Condition:
    absent = tokens.peek() == "!"
    if absent:
        tokens.take()
    if not tokens.is_name():
        raise InvalidInput(f"found '{tokens.peek()}', expected: identifier")
    key = tokens.take()
    if len(key) > LONGEST_PART or not PART.fullmatch(key.rpartition("/")[2]):
        raise InvalidInput(f"key: Invalid value: \"{key}\": name part must consist of alphanumeric characters, '-', '_' or '.'")
    if absent or tokens.peek() in (_END, ","):
        return Condition(key, "!" if absent else "exists", ())
    operator = _OPERATORS.get(tokens.peek())
    if operator is None:
        raise InvalidInput(f"found '{tokens.peek()}', expected: in, notin, =, ==, !=, gt, lt")
    tokens.take()
    values = _list(tokens) if operator in _WORDS else [_exact(tokens)]
    for value in values:
        if operator in ("gt", "lt") and not re.fullmatch(r"[+-]?\d+", value):
            raise InvalidInput(f"values[0][{key}]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer")
        if value and (len(value) > LONGEST_PART or not PART.fullmatch(value)):
            raise InvalidInput(
                f'values[0][{key}]: Invalid value: "{value}": a valid label must be an empty string or consist of'
                " alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
            )
    return Condition(key, operator, sorted(set(values)))


def _exact(tokens: _Tokens) -> str:
    if tokens.peek() in (_END, ","):
        return ""
    value = tokens.take()
    if value in _SYMBOLS:
        raise InvalidInput(f"found '{value}', expected: identifier")
    return value


def _list(tokens: _Tokens) -> list[str]:
    opening = tokens.take()
    if opening != "(":
        raise InvalidInput(f"found '{opening}', expected: '('")
    values = [""]
    while (word := tokens.take()) != ")":
        if word == _END:
            raise InvalidInput("found '', expected: ',', or ')'")
        if word == ",":
            values.append("")
        elif word in _SYMBOLS or values[-1]:
            raise InvalidInput(f"found '{word}', expected: ',', or ')'")
        else:
            values[-1] = word
    return values


class _Tokens:
    """The tokens of a selector, with one token of lookahead."""

    def __init__(self, text: str) -> None:
        self._rest = list(_scan(text))

    def peek(self) -> str:
        return self._rest[0] if self._rest else _END

    def take(self) -> str:
        return self._rest.pop(0) if self._rest else _END

    def is_name(self) -> bool:
        return self.peek() not in (*_SYMBOLS, *_WORDS, _END)


def _scan(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        char = text[place]
        if char in " \t\r\n":
            place += 1
        elif char in _SPECIAL:
            symbol = char if text[place : place + 2] not in _SYMBOLS else text[place : place + 2]
            yield symbol
            place += len(symbol)
        else:
            end = next((i for i in range(place, len(text)) if text[i] in _SPECIAL or text[i] in " \t\r\n"), len(text))
            yield text[place:end]
            place = end


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
