"""Rows as numbers: encoded when they are read, from the statistics of the manifest, so that parts never go stale.

A feature with `serve: false` has its value in rows that are learned from. In rows that are scored, it is what a missing value is: what
judges a model must see what the model will see when it is used.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from handlers.data import classes
from handlers.data.codes.category import Category
from handlers.data.codes.number import Number, boolean
from handlers.data.codes.text import Text
from handlers.data.codes.timestamp import Timestamp
from handlers.data.codes.vector import Vector
from handlers.data.column_types import arrow_type
from handlers.data.manifest import Dataset
from handlers.modelspec.model import ModelSpec

if TYPE_CHECKING:
    import pyarrow as pa

Sparse = Category | Text
Dense = Number | Timestamp | Vector
# of each type of feature: its code, and the type of column that stands for one whose values are all missing
CODES: dict[str, tuple[Any, str]] = {
    "number": (Number, "float"),
    "category": (Category, "string"),
    "boolean": (boolean, "boolean"),
    "timestamp": (Timestamp, "timestamp"),
    "vector": (Vector, "vector"),
    "text": (Text, "string"),
}


class Encoder:
    """The encoding of a dataset's features. `columns` are the columns it reads, `served` those it needs to score.

    `width` is the number of its output columns, `names` are theirs; `stored` is about how many numbers of a row a sparse matrix keeps.
    """

    def __init__(self, dataset: Dataset, spec: ModelSpec) -> None:
        self.spec = spec
        self.columns = list(dataset.features)
        self.served = [name for name, feature in dataset.features.items() if feature.serve]
        nothing = {"count": 0, "missing": 0}
        self._codes: list[Dense | Sparse] = [
            CODES[feature.type][0](name, feature, dataset.statistics.get(name) or nothing) for name, feature in dataset.features.items()
        ]
        self._absent = {name: CODES[feature.type][1] for name, feature in dataset.features.items() if not feature.serve}
        self.width = sum(code.width for code in self._codes)
        self.stored = sum(code.stored for code in self._codes)
        self.sparse = any(isinstance(code, Sparse) for code in self._codes)

    @cached_property
    def names(self) -> list[str]:
        return [name for code in self._codes for name in code.names]

    def encode(self, table: pa.Table, *, scoring: bool = False) -> Any:
        """float64 of shape (rows, width): a csr_matrix where there is a category or a text, else an ndarray.

        With `scoring` the table need not have the columns of features that are not served.
        """
        import numpy as np
        from scipy import sparse

        rows = len(table)
        if not self.sparse:
            dense = [code for code in self._codes if not isinstance(code, Sparse)]
            return np.column_stack([code.numbers(self._column(table, code.name, scoring)) for code in dense])
        indices, values, places = [], [], []
        start = 0
        for code in self._codes:
            column = self._column(table, code.name, scoring)
            if isinstance(code, Sparse):
                at, index, found = code.places(column)
                places.append(at)
                indices.append(index + start)
                values.append(found)
            else:
                places.append(np.repeat(np.arange(rows), code.width))
                indices.append(np.tile(np.arange(start, start + code.width), rows))
                values.append(code.numbers(column).ravel())
            start += code.width
        shape = (rows, self.width)
        made = sparse.csr_matrix((np.concatenate(values), (np.concatenate(places), np.concatenate(indices))), shape=shape)
        made.sort_indices()
        return made

    def _column(self, table: pa.Table, name: str, scoring: bool) -> pa.ChunkedArray:
        import pyarrow as pa

        if scoring and name in self._absent:
            return pa.chunked_array([pa.nulls(len(table), arrow_type(self._absent[name]))])
        return table.column(name)

    def target(self, table: pa.Table) -> Any:
        """(rows,): 1 for the positive class and 0 (binary), the index of the class (multiclass), or the number, clipped (regression)."""
        import numpy as np
        import pyarrow as pa

        target = self.spec.data.target
        column = table.column(target.column)
        if self.spec.task == "regression":
            y = column.cast(pa.float64(), safe=False).to_numpy()
            return np.clip(y, *target.clip) if target.clip else y
        known = classes.of_column(self.spec, column)
        codes = known.codes(column).to_numpy()
        if self.spec.task == "binary":
            return (codes == known.positive).astype(np.float64)
        return codes.astype(np.float64)
