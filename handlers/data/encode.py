"""Rows as numbers: encoded when they are read, from the statistics of the manifest, so that parts never go stale.

A feature with `serve: false` has its value in rows that are learned from. In rows that are scored, it is what a missing value is: what
judges a model must see what the model will see when it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from handlers.data.codes.category import Category
from handlers.data.codes.number import Number, Numbers, boolean
from handlers.data.codes.text import Text
from handlers.data.codes.timestamp import Timestamp
from handlers.data.codes.vector import Vector
from handlers.data.column_types import arrow_type
from handlers.data.rows import Kinds, Layout, Rows

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from handlers.data.manifest import Dataset
    from handlers.modelspec.model import ModelSpec

BLOCK_ROWS = 16384  # that are encoded at a time
TOGETHER = 8  # numbers of a row, so that what is worked on stays in the processor's cache
Fill = Callable[[slice], None]  # values of some rows into their places
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
    `categories` are the columns that may come as codes of their values.

    Encoding has two steps. `rows` makes columns as they are kept: `numbers` (rows, n) float64 of all dense codes side by side, `places`
    (rows, categories) int32, the output column of each category or -1, and the `texts`. `matrix` makes what an estimator reads.
    """

    def __init__(self, dataset: Dataset, _spec: ModelSpec | None = None) -> None:
        self.columns = list(dataset.features)
        self.served = [name for name, feature in dataset.features.items() if feature.serve]
        nothing = {"count": 0, "missing": 0}
        codes: list[Any] = [
            CODES[feature.type][0](name, feature, dataset.statistics.get(name) or nothing) for name, feature in dataset.features.items()
        ]
        self._codes = codes
        self._starts = [0, *accumulate(code.width for code in codes)]
        self._absent = {name: CODES[feature.type][1] for name, feature in dataset.features.items() if not feature.serve}
        self.width = self._starts[-1]
        self.stored = sum(code.stored for code in codes)
        self.sparse = any(isinstance(code, Category | Text) for code in codes)
        self._many: Any = ()
        self.categories = [code.name for code in codes if isinstance(code, Category)]

    @cached_property
    def names(self) -> list[str]:
        return [name for code in self._codes for name in code.names]

    def missing(self) -> dict[str, Any]:
        """What a missing value of each feature counts as, None where nothing stands for it. An unknown category counts as missing."""
        return {code.name: code.missing for code in self._codes}

    def encode(self, table: pa.Table, *, scoring: bool = False) -> Any:
        """float64 of shape (rows, width): a csr_matrix where there is a category or a text, else an ndarray.

        With `scoring` the table need not have the columns of features that are not served.
        """
        return self.matrix(self.rows(table, scoring=scoring))

    @property
    def kinds(self) -> Kinds:
        """The arrays of rows as they are kept."""
        width = sum(code.width for code in self._codes if not isinstance(code, Category | Text))
        return {"numbers": ("f8", (width,)), **({"places": ("i4", (len(self.categories),))} if self.sparse else {})}

    def rows(self, table: pa.Table, *, scoring: bool = False) -> Rows:
        """The rows as they are kept."""
        found = Layout(self.kinds).empty(len(table))
        self.fill(found, table, {}, scoring=scoring)
        return found

    def fill(self, rows: Rows, table: pa.Table, more: Mapping[str, NDArray[Any]], *, scoring: bool = False) -> None:
        """Make the table's rows as they are kept, with `more` arrays beside those that are encoded."""
        from scipy import sparse

        arrays = rows.arrays
        filling: list[Fill] = [partial(_copy, values, arrays[name]) for name, values in more.items()]
        numbers = _Runs()
        at = category = 0
        for code, start in zip(self._codes, self._starts, strict=False):
            column = self._column(table, code.name, scoring)
            if isinstance(code, Category):
                filling.append(partial(_copy, code.places(column, start), arrays["places"][:, category]))
                category += 1
            elif isinstance(code, Text):
                found = code.matrix(column)
                shape = (len(table), self.width)
                rows.texts.append(sparse.csr_matrix((found.data, found.indices + start, found.indptr), shape=shape))
            elif isinstance(code, Number):
                numbers.add(at, code, code.values(column))
                at += 1
            else:
                filling.append(partial(_copy, code.numbers(column), arrays["numbers"][:, at : at + code.width]))
                at += code.width
        filling += numbers.filling(arrays["numbers"])
        # some rows of all arrays at a time: what is side by side is written while the processor has it at hand
        for first in range(0, len(table), BLOCK_ROWS):
            for fill in filling:
                fill(slice(first, first + BLOCK_ROWS))

    def matrix(self, rows: Rows) -> Any:
        """What an estimator reads: csr_matrix or ndarray, float64 of shape (rows, width)."""
        import numpy as np
        from scipy import sparse

        arrays = rows.arrays
        if not self.sparse:
            return np.ascontiguousarray(arrays["numbers"])
        made = self._fixed(arrays["numbers"], arrays["places"])
        if not rows.texts:
            return made
        blocks = [block.tocoo() for block in (made, *rows.texts)]
        row, column, data = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("row", "col", "data"))
        made = sparse.csr_matrix((data, (row, column)), shape=made.shape)
        made.sort_indices()
        return made

    def _fixed(self, numbers: NDArray[Any], places: NDArray[Any]) -> Any:
        """The csr_matrix of all but texts: each row has a place for each number, and loses those of categories that are none."""
        import numpy as np
        from scipy import sparse

        count, stored = len(numbers), numbers.shape[1] + places.shape[1]
        values, columns = np.ones((count, stored)), self._columns(count)
        for to, of in self._layout[1]:
            values[:, to] = numbers[:, of]
        for category, place in enumerate(self._layout[2]):
            columns[:, place] = places[:, category]
        if not len(places) or not places.size or places.min() >= 0:
            ends = np.arange(count + 1, dtype=np.int32) * np.int32(stored)
            return sparse.csr_matrix((values.ravel(), columns.ravel(), ends), shape=(count, self.width))
        known = columns >= 0
        return sparse.csr_matrix((values[known], columns[known], np.append(0, np.cumsum(known.sum(axis=1)))), shape=(count, self.width))

    def _columns(self, count: int) -> NDArray[Any]:
        """The output column of each place of so many rows. Copying all rows is faster than writing one row again and again."""
        import numpy as np

        if len(self._many) < count:
            self._many = np.tile(self._layout[0], (count, 1))
        found: NDArray[Any] = self._many[:count].copy()
        return found

    @cached_property
    def _layout(self) -> tuple[NDArray[Any], list[tuple[slice, slice]], list[int]]:
        """Of a row without texts: the output column of each place, the places of neighbouring numbers, and that of each category."""
        import numpy as np

        columns: list[int] = []
        runs: list[tuple[slice, slice]] = []
        categories: list[int] = []
        at = 0
        for code, start in zip(self._codes, self._starts, strict=False):
            if isinstance(code, Category):
                categories.append(len(columns))
                columns.append(-1)
            elif not isinstance(code, Text):
                runs.append((slice(len(columns), len(columns) + code.width), slice(at, at + code.width)))
                columns.extend(range(start, start + code.width))
                at += code.width
        return np.asarray(columns, np.int32), _joined(runs), categories

    def _column(self, table: pa.Table, name: str, scoring: bool) -> pa.ChunkedArray:
        import pyarrow as pa

        if scoring and name in self._absent:
            return pa.chunked_array([pa.nulls(len(table), arrow_type(self._absent[name]))])
        return table.column(name)


def _copy(values: NDArray[Any], out: NDArray[Any], block: slice) -> None:
    out[block] = values[block]


class _Runs:
    """Numbers whose places follow each other, to be encoded together, some at a time."""

    def __init__(self) -> None:
        self._runs: list[tuple[int, list[Number], list[NDArray[Any]]]] = []

    def add(self, at: int, code: Number, values: NDArray[Any]) -> None:
        first, codes, _ = self._runs[-1] if self._runs else (at, [], [])
        if not codes or first + len(codes) != at or len(codes) == TOGETHER:
            self._runs.append((at, [], []))
        _, codes, columns = self._runs[-1]
        codes.append(code)
        columns.append(values)

    def filling(self, out: NDArray[Any]) -> list[Fill]:
        import numpy as np

        work = np.empty((TOGETHER, BLOCK_ROWS))
        return [partial(Numbers(codes).into, columns, work, out[:, at : at + len(codes)]) for at, codes, columns in self._runs]


def _joined(runs: list[tuple[slice, slice]]) -> list[tuple[slice, slice]]:
    """Runs that follow each other as one: each is one copy."""
    found: list[tuple[slice, slice]] = []
    for to, of in runs:
        if found and found[-1][0].stop == to.start:
            found[-1] = slice(found[-1][0].start, to.stop), slice(found[-1][1].start, of.stop)
        else:
            found.append((to, of))
    return found
