"""Batches of encoded rows, in order or shuffled over several parts at a time, resumable exactly at a position.

The order of the rows follows from seed and epoch alone. Each row group is one ranged GET; what was read is kept while it is small, so that
later epochs over a small dataset read nothing.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData
from handlers.data import places
from handlers.data.cut import gone
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset, PartRef
from handlers.data.split import Clusters, clusters
from handlers.data.units import UNIT
from handlers.modelspec.model import ModelSpec
from handlers.storage import Missing, Store

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

KEPT_BYTES = 64 << 20
WHOLE_BYTES = 32 << 20  # a part up to this size is one GET


@dataclass(frozen=True, slots=True)
class Position:
    """After a batch: the epoch, the group of parts (from 0), and how many rows of the group have been given out."""

    epoch: int
    group: int
    offset: int


@dataclass(slots=True)
class Batch:
    """`X` (rows, width) csr_matrix or ndarray, `y` (rows,), `weight` (rows,) or None.

    `unit` (rows,) is what the split tells rows apart by, such as the day since 1970; `cluster` (rows,) numbers what intervals resample.
    `columns` holds the values of the columns that evaluate.slices names, for the slices' metrics.
    """

    X: Any
    y: Any
    weight: Any
    unit: Any
    cluster: Any
    position: Position
    columns: dict[str, Any]


def batches(
    store: Store,
    dataset: Dataset,
    spec: ModelSpec,
    encoder: Encoder,
    role: str,
    *,
    epoch: int = 0,
    seed: int | None = None,
    start: Position | None = None,
) -> Iterator[Batch]:
    """The rows of a role. Without a seed by unit, part after part; with one, shuffled over `training.shuffle.parts` parts at a time.

    `start` continues after the batch that had this position. Memory is bounded by one group of parts.
    """
    import numpy as np

    parts = dataset.of_role(role)
    width = spec.training.shuffle.parts
    if seed is not None:
        parts = [parts[i] for i in np.random.default_rng([seed, epoch]).permutation(len(parts))]
    reader = _reader(store, dataset, spec, encoder)
    found = clusters(spec)
    before = dict(
        zip(((p.key, p.first) for p in dataset.of_role(role)), accumulate((p.rows for p in dataset.of_role(role)), initial=0), strict=False)
    )
    groups = [parts[i : i + width] for i in range(0, len(parts), width)]
    for number, group in enumerate(groups):
        if start is not None and number < start.group:
            continue
        table = reader.table(group)
        numbers = np.concatenate([np.arange(p.rows) + before[p.key, p.first] for p in group])
        order = np.random.default_rng([seed, epoch, number]).permutation(len(table)) if seed is not None else None
        first = start.offset if start is not None and number == start.group else 0
        for offset in range(first, len(table), spec.training.batch_rows):
            last = min(offset + spec.training.batch_rows, len(table))
            chosen = np.arange(offset, last) if order is None else order[offset:last]
            rows = table.slice(offset, last - offset) if order is None else table.take(chosen)
            yield _batch(
                rows, spec, encoder, Position(epoch, number, last), _clusters(rows, numbers[chosen], found), scoring=role != "train"
            )


def _clusters(rows: pa.Table, numbers: NDArray[Any], found: Clusters) -> NDArray[Any]:
    """(rows,) int64: the number of each row's cluster; `numbers` are those of the rows among all of the role."""
    import numpy as np

    if found.how == "unit":
        units: NDArray[Any] = rows.column(UNIT).to_numpy()
        return units
    if found.how == "row":
        return numbers
    hashed: NDArray[Any] = places.hashes(rows, found.columns).to_numpy()
    return hashed.view(np.int64)


def _batch(rows: pa.Table, spec: ModelSpec, encoder: Encoder, position: Position, cluster: NDArray[Any], *, scoring: bool) -> Batch:
    import numpy as np

    weight = rows.column(spec.data.weight).cast("float64", safe=False).to_numpy() if spec.data.weight else None
    if weight is not None and not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise BadData(f"column {spec.data.weight!r} has a missing, infinite or negative value; a weight must be a number of 0 or more")
    columns = {name: np.asarray(rows.column(name).to_pylist(), dtype=object) for name in spec.evaluate.slices if name in rows.column_names}
    return Batch(
        encoder.encode(rows, scoring=scoring), encoder.target(rows), weight, rows.column(UNIT).to_numpy(), cluster, position, columns
    )


class Reader:
    """Reads the columns that encoder, target, weight and slices need; keeps parts while all readers together keep little."""

    def __init__(self, store: Store, columns: Sequence[str]) -> None:
        self.store = store
        self.columns = list(columns)
        self._kept: OrderedDict[tuple[str, int, int], pa.Table] = OrderedDict()
        self.kept_bytes = 0

    def table(self, parts: Sequence[PartRef]) -> pa.Table:
        """The rows of the parts, one after the other."""
        import pyarrow as pa

        return pa.concat_tables([self._part(part) for part in parts]).combine_chunks()

    def _part(self, part: PartRef) -> pa.Table:
        name = (part.key, part.first, part.rows)
        if name in self._kept:
            return self._kept[name]
        table = self._read(part)
        if sum(reader.kept_bytes for reader in _readers.values()) + table.nbytes <= KEPT_BYTES:
            self._kept[name] = table
            self.kept_bytes += table.nbytes
        return table

    def _read(self, part: PartRef) -> pa.Table:
        """Small files whole; of large ones the footer and one coalesced range for each row group that has rows of the part."""
        from pyarrow import parquet

        try:
            if part.bytes <= WHOLE_BYTES:
                file = parquet.ParquetFile(io.BytesIO(self.store.get(part.key)))
            else:
                file = parquet.ParquetFile(RangedFile(self.store, part.key, part.bytes), pre_buffer=True)
        except Missing:
            raise gone(part.key, "parts.json") from None
        groups, skipped = _row_groups(file.metadata, part.first, part.rows)
        table = file.read_row_groups(groups, columns=self.columns, use_threads=False)
        return table if len(table) == part.rows else table.slice(part.first - skipped, part.rows)


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


_readers: OrderedDict[tuple[int, tuple[str, ...]], Reader] = OrderedDict()


def _reader(store: Store, dataset: Dataset, spec: ModelSpec, encoder: Encoder) -> Reader:
    """The reader of this process for these columns: epochs and roles share what was read."""
    wanted = [*encoder.columns, spec.data.target.column, *([spec.data.weight] if spec.data.weight else []), *spec.evaluate.slices]
    columns = (*(name for name in dict.fromkeys([*wanted, *clusters(spec).columns]) if name in dataset.schema), UNIT)
    key = (id(store), columns)
    if key not in _readers:
        _readers[key] = Reader(store, columns)
        while len(_readers) > 2:
            _readers.popitem(last=False)
    return _readers[key]
