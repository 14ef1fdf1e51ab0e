"""How many different values a column has, from its smallest hashes: in flat memory, the same however the rows are cut into blocks.

With KEPT hashes the estimate is off by about 1.6 % (one in the square root of KEPT).
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from handlers.data import places

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = 4096
SPACE = 1 << 64


class Distinct:
    """Add the blocks of a column, then ask."""

    def __init__(self) -> None:
        self._smallest: set[int] = set()

    def add(self, column: pa.ChunkedArray) -> None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.types as t

        values = pc.unique(column.drop_null())
        if t.is_floating(values.type):
            values = values.filter(pc.is_finite(values))
        hashes: Any = places.hashes(pa.table({"": values}), [""]).to_numpy()
        smallest = np.partition(hashes, KEPT)[:KEPT] if len(hashes) > KEPT else hashes
        self._smallest = set(heapq.nsmallest(KEPT, {*self._smallest, *smallest.tolist()}))

    def number(self) -> tuple[int, bool]:
        """How many, and whether that is exact."""
        if len(self._smallest) < KEPT:
            return len(self._smallest), True
        return round((KEPT - 1) / (max(self._smallest) / SPACE)), False
