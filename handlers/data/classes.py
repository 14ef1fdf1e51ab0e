"""Which class a target's value is, and which classes a column has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadSpec
from handlers.data.column_types import type_name
from handlers.data.listed import Listed
from handlers.modelspec.model import ModelSpec

if TYPE_CHECKING:
    import pyarrow as pa

TYPES = ("string", "int", "float", "boolean")  # of a column of classes


class Classes(Listed):
    """The classes of a spec's target in their order, for a column of type `kind`. Raises BadSpec for a column that can have none."""

    def __init__(self, spec: ModelSpec, kind: str) -> None:
        target = spec.data.target
        if kind not in TYPES:
            raise BadSpec(f"data.target.column: {target.column!r} is {kind}; a class is a {', '.join(TYPES[:-1])} or {TYPES[-1]}")
        if target.classes is None and not (spec.task == "binary" and kind == "boolean"):
            raise BadSpec(f"data.target.classes: needed for a target of type {kind}; list the values of {target.column!r}")
        super().__init__([False, True] if target.classes is None else target.classes, kind)
        twice = next((name for i, name in enumerate(self.names) if self.place(name) not in (i, None)), None)
        if twice is not None:
            raise BadSpec(f"data.target.classes: {twice!r} is the same as another class in a column that is {kind}")
        self.positive = 1 if target.positive is None else self.names.index(target.positive)

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

    def counted(self, statistics: dict[str, Any]) -> set[int]:
        """The classes that occur in a column, from its statistics; all of them where it has too many values to be counted."""
        if "counts" in statistics:
            values: Iterable[Any] = map(self._typed, statistics["counts"])
        elif "values" in statistics or statistics["count"] == statistics["missing"]:
            values = statistics.get("values", [[]])[0]
        else:
            return set(range(len(self.names)))
        return {index for value in values if (index := self.index(value)) is not None}

    def _typed(self, value: str) -> Any:
        """A value of the column from its text in statistics."""
        return value if self.kind == "string" else value == "true" if self.kind == "boolean" else int(value)


def of_column(spec: ModelSpec, column: pa.ChunkedArray) -> Classes:
    """The classes for a column as it is."""
    try:
        kind = type_name(column.type)
    except ValueError:
        kind = str(column.type)
    return Classes(spec, kind)
