"""Rows as the columns that were declared, for a model that makes numbers of them itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from handlers.data.column_types import arrow_type
from handlers.data.encode import Encoder
from handlers.data.rows import Kinds, Rows

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from handlers.data.manifest import Dataset


class Unencoded(Encoder):
    """The columns of a dataset's features in their declared types. What it gives for rows is an Arrow table.

    Of a feature that is not served, every value of rows that are scored is missing.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset)
        self.categories = []  # values, not codes of them
        self._types = {name: dataset.schema[name] for name in self.columns}

    def encode(self, table: pa.Table, *, scoring: bool = False) -> pa.Table:
        import pyarrow as pa

        arrays = []
        for name, kind in self._types.items():
            wanted = arrow_type(kind)
            absent = scoring and name not in self.served
            column = pa.nulls(len(table), wanted) if absent else table.column(name)
            arrays.append(column if column.type == wanted else column.cast(wanted))
        return pa.table(arrays, names=list(self._types))

    def missing(self) -> dict[str, Any]:
        return dict.fromkeys(self.columns)

    @property
    def kinds(self) -> Kinds:
        return {}

    def fill(self, rows: Rows, table: pa.Table, more: Mapping[str, NDArray[Any]], *, scoring: bool = False) -> None:
        arrays = rows.arrays
        for name, values in more.items():
            arrays[name][:] = values
        rows.table = self.encode(table, scoring=scoring)

    def matrix(self, rows: Rows) -> pa.Table:
        return rows.table


def encoder(dataset: Dataset, *, table: bool) -> Encoder:
    """How the rows of a dataset are given to a model: as a table of its columns, or encoded."""
    return Unencoded(dataset) if table else Encoder(dataset)
