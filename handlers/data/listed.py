"""Which of the values that a spec lists a value of a column is: the one that is the same number, or the same text.

`true` and `false` are the numbers 1 and 0 where the listed value, or the column, is a number. In a column of numbers, a listed text stands
for the number that it reads as; in a column of text, a value that reads as a number is that number for listed numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from handlers.modelspec.mapping import Scalar

NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
WHOLE = re.compile(r"[+-]?\d+")


def text(value: Any) -> str:
    """A spec's value as Arrow prints it: booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Listed:
    """The listed values in their order, for a column of type `kind`."""

    def __init__(self, names: Sequence[Scalar], kind: str) -> None:
        self.kind = kind
        self.names = list(names)
        self._texts = {text(name): i for i, name in enumerate(self.names)}
        self._numbers = {number: i for i, name in enumerate(self.names) if (number := self._number_of(name)) is not None}

    def index(self, value: Any) -> int | None:
        """The place in the list of a value of the column, None for none."""
        if self.kind not in ("int", "float") and (found := self._texts.get(text(value))) is not None:
            return found
        number = _read(value) if isinstance(value, str) else value
        return None if number is None else self._numbers.get(number)

    def place(self, name: Scalar) -> int | None:
        """Where a listed value is found as a number of the column: with another one, where both are the same number."""
        number = self._number_of(name)
        return None if number is None else self._numbers[number]

    def foreign(self, values: Iterable[Any]) -> Any:
        """The first value that is not listed, None when each is."""
        return next((value for value in values if self.index(value) is None), None)

    def __str__(self) -> str:
        return ", ".join(map(text, self.names))

    def _number_of(self, name: Scalar) -> int | float | None:
        if isinstance(name, str):
            return _read(name) if self.kind in ("int", "float") else None
        return int(name) if isinstance(name, bool) else name


def _read(value: str) -> int | float | None:
    """The number that a text is, None where it is none."""
    if not NUMBER.fullmatch(value):
        return None
    return int(value) if WHOLE.fullmatch(value) else float(value)
