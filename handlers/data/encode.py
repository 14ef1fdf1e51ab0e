"""Rows as numbers: encoded when they are read, from the statistics of the manifest, so that parts never go stale.

A number is one column (missing values replaced, scaled where asked). A category is one column for each value that train has often
enough, one for its `default`, or `hash` columns. A boolean is one column.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, BadSpec
from handlers.data.checks import text
from handlers.data.manifest import Dataset
from handlers.data.statistics import Statistics, deviation
from handlers.modelspec.model import Feature, ModelSpec

if TYPE_CHECKING:
    import pyarrow as pa

HASHED = 1 << 16  # values whose hash a process remembers


class Encoder:
    """The encoding of a dataset's features. `columns` are the columns it reads, `names` its output columns, `width` their number."""

    def __init__(self, dataset: Dataset, spec: ModelSpec) -> None:
        self.spec = spec
        self.columns = list(dataset.features)
        self._codes = [
            _code(name, feature, dataset.statistics.get(name) or {"count": 0, "missing": 0}) for name, feature in dataset.features.items()
        ]
        self.names = [name for code in self._codes for name in code.names]
        self.width = len(self.names)
        self.sparse = any(isinstance(code, Category) for code in self._codes)

    def encode(self, table: pa.Table) -> Any:
        """float64 of shape (rows, width): a csr_matrix where there is a category, else an ndarray."""
        import numpy as np
        from scipy import sparse

        rows = len(table)
        if not self.sparse:
            return np.column_stack([code.dense(table.column(code.name)) for code in self._codes if not isinstance(code, Category)])
        indices, values, places = [], [], []
        start = 0
        for code in self._codes:
            column = table.column(code.name)
            if isinstance(code, Category):
                index = code.indices(column)
                known = index >= 0
                places.append(np.flatnonzero(known))
                indices.append(index[known] + start)
                values.append(np.ones(int(known.sum())))
            else:
                places.append(np.arange(rows))
                indices.append(np.full(rows, start))
                values.append(code.dense(column))
            start += len(code.names)
        shape = (rows, self.width)
        made = sparse.csr_matrix((np.concatenate(values), (np.concatenate(places), np.concatenate(indices))), shape=shape)
        made.sort_indices()
        return made

    def target(self, table: pa.Table) -> Any:
        """(rows,): 1 for the positive class and 0 (binary), the index of the class (multiclass), or the number, clipped (regression)."""
        import numpy as np
        import pyarrow as pa

        target = self.spec.data.target
        column = table.column(target.column)
        if self.spec.task == "regression":
            y = column.cast(pa.float64()).to_numpy()
            return np.clip(y, *target.clip) if target.clip else y
        classes = [text(c) for c in classes_of(self.spec, str(column.type))]
        codes = _lookup(column, {value: i for i, value in enumerate(classes)})
        if self.spec.task == "binary":
            positive = text(target.positive) if target.positive is not None else classes[1]
            return (codes == classes.index(positive)).astype(np.float64)
        return codes.astype(np.float64)


def classes_of(spec: ModelSpec, column_type: str = "bool") -> list[Any]:
    """The classes of the target in their order; a boolean column has false and true."""
    if spec.data.target.classes is not None:
        return list(spec.data.target.classes)
    if spec.task == "binary" and column_type == "bool":
        return [False, True]
    raise BadSpec(f"data.target.classes: required for a {spec.task} target of type {column_type}; list the values")


class Number:
    """One column: (value - mean) / deviation where scaled, with missing values replaced before."""

    def __init__(self, name: str, feature: Feature, statistics: Statistics) -> None:
        self.name = name
        self.names = [name]
        mean = float(statistics.get("mean", 0.0))
        self._center, self._scale = (mean, deviation(statistics)) if feature.scale == "standard" and statistics.get("n") else (0.0, 1.0)
        missing = feature.missing
        self._missing = float("nan") if missing == "keep" else mean if missing in (None, "mean", "median") else float(missing or 0)

    def dense(self, column: pa.ChunkedArray) -> Any:
        import numpy as np
        import pyarrow as pa
        import pyarrow.types as t

        numbers = column.cast(pa.int8()) if t.is_boolean(column.type) else column
        values = numbers.cast(pa.float64()).fill_null(float("nan")).to_numpy().astype(np.float64, copy=True)
        values[~np.isfinite(values)] = self._missing
        return (values - self._center) / self._scale


class Category:
    """One column for each value that train has at least `min_count` times, then one for `default`; or `hash` columns."""

    def __init__(self, name: str, feature: Feature, statistics: Statistics) -> None:
        self.name = name
        self._size = feature.hash
        if feature.hash:
            self.names = [f"{name}#{i}" for i in range(feature.hash)]
            self._other = _hash(feature.default, feature.hash) if feature.default is not None else -1
            return
        counts = statistics.get("counts")
        if counts is None and statistics["count"]:
            raise BadData(f"features.{name}: train has too many values for one column each; set `hash: 1024`, or another size")
        kept = sorted(value for value, rows in (counts or {}).items() if rows >= (feature.min_count or 1) and value != feature.default)
        self._index = {value: i for i, value in enumerate(kept)}
        self._other = len(kept) if feature.default is not None else -1
        self.names = [f"{name}={value}" for value in kept] + ([f"{name}={feature.default}"] if feature.default is not None else [])

    def indices(self, column: pa.ChunkedArray) -> Any:
        """(rows,) the column of each row's value, -1 for none."""
        if self._size:
            size = self._size
            return _lookup(column, None, lambda value: _hash(value, size), self._other)
        return _lookup(column, self._index, other=self._other)


@lru_cache(maxsize=HASHED)
def _hash(value: str, size: int) -> int:
    """A hash below `size` that is the same in every process and on every machine."""
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "big") % size


def _code(name: str, feature: Feature, statistics: Statistics) -> Number | Category:
    return Category(name, feature, statistics) if feature.type == "category" else Number(name, feature, statistics)


def _lookup(column: pa.ChunkedArray, index: dict[str, int] | None, of: Any = None, other: int = -1) -> Any:
    """(rows,) int64: the index of each value's text, by a look at each distinct value once; missing values count as `other`."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(column.cast(pa.string()).combine_chunks())
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = encoded.dictionary.to_pylist()
    table = [of(value) if index is None else index.get(value, other) for value in values]
    codes = encoded.indices.fill_null(len(values)).to_numpy().astype(np.int64)
    return np.asarray([*table, other], dtype=np.int64)[codes]
