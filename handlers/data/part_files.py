"""The rows of a part from its Parquet object: only the columns that are needed, small objects whole, of large ones only some row groups."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from handlers.data.cut import gone
from handlers.data.manifest import PartRef
from handlers.storage import Missing, Store

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE_BYTES = 32 << 20  # a part up to this size is one GET


def table(store: Store, part: PartRef, columns: Sequence[str], coded: Collection[str] = ()) -> pa.Table:
    """The columns of a part's rows; those that are `coded`, which are text, as codes of their distinct values."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        if part.bytes <= WHOLE_BYTES:
            file = parquet.ParquetFile(pa.BufferReader(store.get(part.key)), read_dictionary=list(coded))
        else:
            ranged = RangedFile(store, part.key, part.bytes)
            file = parquet.ParquetFile(ranged, read_dictionary=list(coded), pre_buffer=True)
    except Missing:
        raise gone(part.key, "parts.json") from None
    groups, skipped = _row_groups(file.metadata, part.first, part.rows)
    found = file.read_row_groups(groups, columns=list(columns), use_threads=False)
    return found if len(found) == part.rows else found.slice(part.first - skipped, part.rows)


def _row_groups(metadata: Any, first: int, rows: int) -> tuple[list[int], int]:
    """The row groups that hold `rows` rows from `first` on, and the number of rows before them."""
    ends = list(accumulate(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)))
    groups = [i for i, end in enumerate(ends) if end > first and (ends[i - 1] if i else 0) < first + rows]
    return groups, ends[groups[0] - 1] if groups[0] else 0


class RangedFile(io.RawIOBase):
    """An object as a seekable file: every read is one ranged GET."""

    def __init__(self, store: Store, key: str, size: int) -> None:
        self._store, self._key, self._size, self._at = store, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset if whence == 0 else self._at + offset if whence == 1 else self._size + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        data = self._store.get_range(self._key, self._at, length)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
