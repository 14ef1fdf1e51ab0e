"""A category as one column for each value, or as hashed columns."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from handlers.data.statistics import Statistics
from handlers.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from handlers.modelspec.model import Feature

HASHED = 1 << 16  # values whose hash a process remembers


class Category:
    """One column for each value that train has at least `min_count` times, then one for `default`; or `hash` columns."""

    stored = 1

    def __init__(self, name: str, feature: Feature, statistics: Statistics) -> None:
        self.name = name
        self._size, self._default = feature.hash, feature.default
        self.missing = feature.default
        if feature.hash:
            self.width = feature.hash
            self._other = _hash(feature.default, feature.hash) if feature.default is not None else -1
            return
        counts = statistics.get("counts")
        if counts is None and statistics["count"]:
            raise BadData(f"features.{name}: train has too many values for one column each; set `hash: 1024`, or another size")
        kept = sorted(value for value, rows in (counts or {}).items() if rows >= (feature.min_count or 1) and value != feature.default)
        self._index = {value: i for i, value in enumerate(kept)}
        self._other = len(kept) if feature.default is not None else -1
        self.width = len(kept) + (feature.default is not None)

    @property
    def names(self) -> list[str]:
        if self._size:
            return [f"{self.name}#{i}" for i in range(self._size)]
        return [f"{self.name}={value}" for value in [*self._index, *([] if self._default is None else [self._default])]]

    def places(self, column: pa.ChunkedArray, start: int) -> NDArray[Any]:
        """(rows,) int32: the column of each row's value, counted from `start` on, or -1; each distinct value is looked at once."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.types as t

        found = [np.zeros(0, np.int32)]
        for chunk in column.chunks:
            coded = chunk if t.is_dictionary(chunk.type) else chunk.dictionary_encode()
            values = coded.dictionary.cast(pa.string()).to_pylist()
            table = np.asarray([*map(self._column, values), self._other], np.int32)
            table[table >= 0] += start
            codes = coded.indices.fill_null(len(values)) if coded.indices.null_count else coded.indices
            found.append(table.take(codes.to_numpy()))
        return np.concatenate(found)

    def _column(self, value: str) -> int:
        return _hash(value, self._size) if self._size else self._index.get(value, self._other)


@lru_cache(maxsize=HASHED)
def _hash(value: str, size: int) -> int:
    """A hash below `size` that is the same in every process and on every machine."""
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "big") % size
