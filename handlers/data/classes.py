"""Which class a target's value is. A value is a class when both are the same number or the same text.

`true` and `false` are the numbers 1 and 0 where the class, or the column, is a number. In a column of numbers, a class that is a text
stands for the number that it reads as; in a column of text, a value that reads as a number is that number for classes that are numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadSpec
from handlers.data.checks import text
from handlers.data.sources import type_name
from handlers.modelspec.model import ModelSpec, Scalar

if TYPE_CHECKING:
    import pyarrow as pa

NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
WHOLE = re.compile(r"[+-]?\d+")
TYPES = ("string", "int", "float", "boolean")  # of a column of classes


class Classes:
    """The classes of a spec's target in their order, for a column of type `kind`. Raises BadSpec for a column that can have none."""

    def __init__(self, spec: ModelSpec, kind: str) -> None:
        target = spec.data.target
        if kind not in TYPES:
            raise BadSpec(f"data.target.column: {target.column!r} is {kind}; a class is a {', '.join(TYPES[:-1])} or {TYPES[-1]}")
        if target.classes is None and not (spec.task == "binary" and kind == "boolean"):
            raise BadSpec(f"data.target.classes: needed for a target of type {kind}; list the values of {target.column!r}")
        self.kind = kind
        self.names: list[Scalar] = [False, True] if target.classes is None else list(target.classes)
        self._texts = {text(name): i for i, name in enumerate(self.names)}
        self._numbers = {number: i for i, name in enumerate(self.names) if (number := self._number_of(name)) is not None}
        self.positive = 1 if target.positive is None else self.names.index(target.positive)

    def index(self, value: Any) -> int | None:
        """The index of the class that a value of the column is, None for none."""
        if self.kind in ("string", "boolean") and (found := self._texts.get(text(value))) is not None:
            return found
        number = _read(value) if isinstance(value, str) else value
        return None if number is None else self._numbers.get(number)

    def codes(self, column: pa.ChunkedArray) -> pa.Array:
        """(rows,) int64: the index of each row's class, -1 for none and for a missing value."""
        import pyarrow as pa
        import pyarrow.compute as pc

        encoded = pc.dictionary_encode(column.combine_chunks())
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        indices = [self.index(value) for value in encoded.dictionary.to_pylist()]
        table = pa.array([*(-1 if index is None else index for index in indices), -1], pa.int64())
        return table.take(encoded.indices.fill_null(len(indices)))

    def foreign(self, values: Iterable[Any]) -> Any:
        """The first value that is no class, None when each is one."""
        return next((value for value in values if self.index(value) is None), None)

    def counted(self, statistics: dict[str, Any]) -> set[int]:
        """The classes that occur in a column, from its statistics; all of them where it has too many values to be counted."""
        if "counts" in statistics:
            values: Iterable[Any] = map(self._typed, statistics["counts"])
        elif "values" in statistics or statistics["count"] == statistics["missing"]:
            values = statistics.get("values", [[]])[0]
        else:
            return set(range(len(self.names)))
        return {index for value in values if (index := self.index(value)) is not None}

    def _number_of(self, name: Scalar) -> int | float | None:
        if isinstance(name, str):
            return _read(name) if self.kind in ("int", "float") else None
        return int(name) if isinstance(name, bool) else name

    def _typed(self, value: str) -> Any:
        """A value of the column from its text in statistics."""
        return value if self.kind == "string" else value == "true" if self.kind == "boolean" else int(value)


def _read(value: str) -> int | float | None:
    """The number that a text is, None where it is none."""
    if not NUMBER.fullmatch(value):
        return None
    return int(value) if WHOLE.fullmatch(value) else float(value)


def of_column(spec: ModelSpec, column: pa.ChunkedArray) -> Classes:
    """The classes for a column as it is."""
    try:
        kind = type_name(column.type)
    except ValueError:
        kind = str(column.type)
    return Classes(spec, kind)
