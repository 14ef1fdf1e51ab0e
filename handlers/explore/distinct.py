"""How many different values a column has, from its smallest hashes: in flat memory, the same however the rows are cut into blocks.

With KEPT hashes the estimate is off by about 1.6 % (one in the square root of KEPT).
"""

from __future__ import annotations

import hashlib
import heapq
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = 4096
SPACE = 1 << 64
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


class Distinct:
    """Add the blocks of a column, then ask."""

    def __init__(self) -> None:
        self._smallest: set[int] = set()

    def add(self, column: pa.ChunkedArray) -> None:
        import pyarrow.compute as pc
        import pyarrow.types as t

        values = pc.unique(column.drop_null())
        hashes = _of_texts(values) if t.is_string(values.type) else _of_numbers(values)
        self._smallest = set(heapq.nsmallest(KEPT, {*self._smallest, *hashes}))

    def number(self) -> tuple[int, bool]:
        """How many, and whether that is exact."""
        if len(self._smallest) < KEPT:
            return len(self._smallest), True
        return round((KEPT - 1) / (max(self._smallest) / SPACE)), False


def _of_texts(values: pa.Array) -> list[int]:
    hashes = (int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") for text in values.to_pylist())
    return heapq.nsmallest(KEPT, hashes)


def _of_numbers(values: pa.Array) -> list[int]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_boolean(values.type):
        values = values.cast(pa.int8())
    elif t.is_date32(values.type):
        values = values.cast(pa.int32())
    elif t.is_timestamp(values.type):
        values = values.cast(pa.int64())
    found = values.to_numpy(zero_copy_only=False)
    if found.dtype.kind == "f":
        found = found[np.isfinite(found)].astype(np.float64) + 0.0  # -0.0 and 0.0 are one number
    mixed: Any = found.astype(np.int64).view(np.uint64) if found.dtype.kind != "f" else found.view(np.uint64)
    mixed = mixed + np.uint64(_MIX[0])
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_MIX[1])
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_MIX[2])
    mixed = mixed ^ (mixed >> np.uint64(31))
    smallest = np.partition(mixed, KEPT)[:KEPT] if len(mixed) > KEPT else mixed
    return [int(one) for one in smallest]
