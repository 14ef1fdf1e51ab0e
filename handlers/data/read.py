"""Batches of encoded rows, in order or shuffled over several parts at a time, resumable exactly at a position.

The order of the rows follows from seed and epoch alone. Each part is read and encoded once, as a whole, and rows are shuffled as numbers.
Parts are made by threads while the rows before them are handed out, so memory is bounded by two groups of parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

from handlers.data import part_files, places, targets
from handlers.data.batch import Batch, Position
from handlers.data.coded import Coded, Values
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset, PartRef
from handlers.data.rows import Rows, join
from handlers.data.split import Clusters, clusters
from handlers.data.units import UNIT
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Batch", "Kept", "Position", "Targets", "batches", "read_targets"]

THREADS = 2  # that make parts: more would hold more of them at once
AHEAD_BYTES = 64 << 20  # of encoded parts of the next group, beyond the first of them


class Kept(Protocol):
    """Where encoded parts are kept between epochs: `get` gives None for what is not there, `put` may keep nothing."""

    def get(self, part: PartRef) -> Rows | None: ...

    def put(self, part: PartRef, rows: Rows) -> None: ...


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
    judged: bool = True,
    columns: Sequence[str] = (),
    kept: Kept | None = None,
) -> Iterator[Batch]:
    """The rows of a role. Without a seed by unit, part after part; with one, shuffled over `training.shuffle.parts` parts at a time.

    `start` continues after the batch that had this position. Of rows that are not `judged` no cluster is found.
    """
    import numpy as np

    parts = dataset.of_role(role)
    width = spec.training.shuffle.parts
    if seed is not None:
        parts = [parts[i] for i in np.random.default_rng([seed, epoch]).permutation(len(parts))]
    groups = [parts[i : i + width] for i in range(0, len(parts), width)]
    first, given = (start.group, start.offset) if start is not None else (0, 0)
    apart = {name: Values() for name in columns if name in dataset.schema}
    load = _loader(store, dataset, spec, encoder, role, judged=judged, apart=apart, kept=kept)
    with _Ahead(load, groups[first:]) as coming:
        for number in range(first, len(groups)):
            count = sum(part.rows for part in groups[number])
            # while the parts are made
            order = np.arange(count) if seed is None else np.random.default_rng([seed, epoch, number]).permutation(count)
            rows = coming.next()
            for offset in range(given, count, spec.training.batch_rows):
                last = min(offset + spec.training.batch_rows, count)
                yield _batch(rows.take(order[offset:last]), encoder, Position(epoch, number, last), apart)
            given = 0
            # not held while the next ones are made
            del rows, order


def _batch(rows: Rows, encoder: Encoder, position: Position, apart: Mapping[str, Values]) -> Batch:
    found = rows.arrays
    columns = {name: Coded(found[f"column {name}"], values.found) for name, values in apart.items()}
    return Batch(encoder.matrix(rows), found["y"], found.get("weight"), found.get("cluster"), position, columns)


@dataclass(frozen=True, slots=True)
class Targets:
    """The target of every row of a part, its weight or None, and what the split tells it apart by, such as the day since 1970."""

    y: Any
    weight: Any
    unit: Any


def read_targets(store: Store, dataset: Dataset, spec: ModelSpec, role: str) -> Iterator[Targets]:
    """The targets of a role's rows, part after part: nothing else is read."""
    for part in dataset.of_role(role):
        table = part_files.table(store, part, [*targets.columns(spec), UNIT])
        yield Targets(targets.target(table, spec), targets.weight(table, spec), table.column(UNIT).to_numpy())


def _loader(
    store: Store,
    dataset: Dataset,
    spec: ModelSpec,
    encoder: Encoder,
    role: str,
    *,
    judged: bool,
    apart: Mapping[str, Values],
    kept: Kept | None,
) -> Callable[[PartRef], Rows]:
    """How a part of the role becomes rows."""
    found = clusters(spec) if judged else None
    by = [UNIT, *found.columns] if found is not None else []
    wanted = dict.fromkeys([*encoder.columns, *targets.columns(spec), *apart, *by])
    needed = [name for name in wanted if name in dataset.schema or name == UNIT]
    coded = [name for name in dict.fromkeys([*encoder.categories, *apart]) if dataset.schema.get(name) == "string"]
    before = _places(dataset.of_role(role))

    def load(part: PartRef) -> Rows:
        known = kept.get(part) if kept is not None else None
        if known is not None:
            return known
        table = part_files.table(store, part, needed, coded)
        rows = encoder.rows(table, scoring=role != "train")
        more = {
            "y": targets.target(table, spec),
            "weight": targets.weight(table, spec),
            "cluster": _clusters(table, before[part.key, part.first], found) if found is not None else None,
            **{f"column {name}": values.codes(table.column(name)) for name, values in apart.items()},
        }
        rows.arrays.update((name, array) for name, array in more.items() if array is not None)
        if kept is not None:
            kept.put(part, rows)
        return rows

    return load


def _places(parts: Sequence[PartRef]) -> dict[tuple[str, int], int]:
    """How many rows of a role stand before each of its parts."""
    starts = accumulate((part.rows for part in parts), initial=0)
    return dict(zip(((part.key, part.first) for part in parts), starts, strict=False))


def _clusters(rows: pa.Table, before: int, found: Clusters) -> NDArray[Any]:
    """(rows,) int64: the number of each row's cluster; `before` is how many rows of the role stand before these."""
    import numpy as np

    if found.how == "unit":
        units: NDArray[Any] = rows.column(UNIT).to_numpy()
        return units
    if found.how == "row":
        return np.arange(before, before + len(rows))
    hashed: NDArray[Any] = places.hashes(rows, found.columns).to_numpy()
    return hashed.view(np.int64)


class _Ahead:
    """The parts of one group after the other. While a group is handed out, threads make those of the next."""

    def __init__(self, load: Callable[[PartRef], Rows], groups: list[list[PartRef]]) -> None:
        self._load, self._groups = load, groups
        self._pool = ThreadPoolExecutor(THREADS, "parts")
        self._coming: list[Future[Rows]] = [self._pool.submit(load, part) for part in (groups[0] if groups else ())]

    def __enter__(self) -> _Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def next(self) -> Rows:
        """The rows of the next group."""
        group = self._groups.pop(0)
        coming = [*self._coming, *(self._pool.submit(self._load, part) for part in group[len(self._coming) :])]
        self._coming = []
        rows = join([future.result() for future in coming])
        coming.clear()
        size, each = 0.0, rows.nbytes / max(1, len(rows))
        for part in self._groups[0] if self._groups else ():
            size += part.rows * each
            if self._coming and size > AHEAD_BYTES:
                break
            self._coming.append(self._pool.submit(self._load, part))
        return rows
