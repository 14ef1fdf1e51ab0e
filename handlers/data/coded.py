"""A column of values as numbers, so that rows of one value are found without looking at values again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handlers.data import long_arrays

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Coded:
    """`codes` (n,) are places in `values`, which are different from each other; -1 is a missing value."""

    codes: NDArray[Any]
    values: list[Any]

    def only(self, chosen: NDArray[Any]) -> Coded:
        return Coded(long_arrays.chosen(len(self.codes), chosen.__getitem__, self.codes.__getitem__, self.codes.dtype), self.values)

    def counts(self) -> list[int]:
        """How many rows each value has."""
        import numpy as np

        found = np.zeros(len(self.values), np.int64)
        for block in long_arrays.blocks(len(self.codes)):
            codes = self.codes[block]
            found += np.bincount(codes[codes >= 0], minlength=len(self.values))
        counts: list[int] = found.tolist()
        return counts


class Values:
    """The values of a column in the order in which they are met; several threads may code blocks of it."""

    def __init__(self) -> None:
        self.found: list[Any] = []
        self._places: dict[Any, int] = {}
        self._lock = threading.Lock()

    def codes(self, column: pa.ChunkedArray) -> NDArray[Any]:
        """(rows,) int64: the place of each value; each distinct value of a chunk is looked at once."""
        import numpy as np
        import pyarrow.types as t

        codes = [np.zeros(0, np.int64)]
        for chunk in column.chunks:
            coded = chunk if t.is_dictionary(chunk.type) else chunk.dictionary_encode()
            table = [self._place(value) for value in coded.dictionary.to_pylist()]
            codes.append(np.asarray([*table, -1], np.int64)[coded.indices.fill_null(len(table)).to_numpy()])
        return np.concatenate(codes)

    def _place(self, value: Any) -> int:
        # NaN is missing, and unlike itself
        if value is None or value != value:
            return -1
        with self._lock:
            place = self._places.setdefault(value, len(self.found))
            if place == len(self.found):
                self.found.append(value)
            return place
