"""Batches of encoded rows, in order or shuffled over several parts at a time, resumable exactly at a position.

The order of the rows follows from seed and epoch alone. Each part is read and encoded once, as a whole, and rows are shuffled as numbers.
Parts are made by threads while the rows before them are handed out, so memory is bounded by two groups of parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol

from handlers import workers
from handlers.data import part_files, places, targets, whole_lists
from handlers.data.batch import Batch, Position
from handlers.data.coded import Coded, Values
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset, PartRef
from handlers.data.rows import Kinds, Layout, Rows, part_of, table, texts
from handlers.data.split import Clusters, clusters
from handlers.data.units import UNIT
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Batch", "Kept", "Position", "Targets", "batches", "read_targets"]

Given = ParamSpec("Given")
THREADS = 2  # that make parts: more would hold more of them at once
TAKEN_BYTES = 2 << 20  # of encoded rows that become batches at once: each time the threads have to wait for each other
AHEAD_BYTES = 64 << 20  # of encoded parts of the next group, beyond the first of them


class Kept(Protocol):
    """Where encoded parts are kept between epochs: `get` fills the rows, or says that it has none; `put` may keep nothing."""

    def get(self, part: PartRef, into: Rows) -> bool: ...

    def put(self, part: PartRef, rows: Rows) -> None: ...


def several(
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
    lists: bool = False,
    columns: Sequence[str] = (),
    kept: Kept | None = None,
) -> Iterator[list[Batch]]:
    """The rows of a role. Without a seed by unit, part after part; with one, shuffled over `training.shuffle.parts` parts at a time.

    Batches that are small come several at once. `start` continues after the batch that had this position. Of rows that are not `judged` no
    cluster is found, unless batches are to hold whole `lists`: then whole lists are shuffled.
    """
    import numpy as np

    parts = dataset.of_role(role)
    width = spec.training.shuffle.parts
    if seed is not None:
        parts = [parts[i] for i in np.random.default_rng([seed, epoch]).permutation(len(parts))]
    groups = [parts[i : i + width] for i in range(0, len(parts), width)]
    first, given = (start.group, start.offset) if start is not None else (0, 0)
    apart = {name: Values() for name in columns if name in dataset.schema}
    loader = _Loader(store, dataset, spec, encoder, role, judged=judged or lists, apart=apart, kept=kept)
    with _Ahead(loader, groups[first:]) as coming:
        for number in range(first, len(groups)):
            count = sum(part.rows for part in groups[number])
            # while the parts are made
            random = None if seed is None else np.random.default_rng([seed, epoch, number])
            order = np.arange(count) if random is None or lists else random.permutation(count)
            rows = coming.next()
            step = spec.training.batch_rows
            ends = [min(end, count) for end in range(given + step, count + step, step)]
            if random is not None and lists:
                order, ends = whole_lists.shuffled(rows.arrays["cluster"], step, random)
                ends = [end for end in ends if end > given]
            for taken, some in _taken(rows, order, given, ends, step):
                yield _batches(taken, encoder, [Position(epoch, number, end) for end in some], apart)
                del taken
                coming.begin()
            given = 0
            # not held while the next ones are made
            del rows, order


def _taken(rows: Rows, order: NDArray[Any], given: int, ends: Sequence[int], step: int) -> Iterator[tuple[Rows, Sequence[int]]]:
    """The rows of some batches at once, in their order, and where each of these batches ends."""
    at_once = max(1, int(TAKEN_BYTES / (step * max(1, rows.nbytes / len(rows)))))
    for first in range(0, len(ends), at_once):
        some = ends[first : first + at_once]
        yield rows.take(order[given : some[-1]]), some
        given = some[-1]


def _one_by_one(of: Callable[Given, Iterator[list[Batch]]]) -> Callable[Given, Iterator[Batch]]:
    def each(*given: Given.args, **options: Given.kwargs) -> Iterator[Batch]:
        for some in of(*given, **options):
            yield from some

    return each


batches = _one_by_one(several)


def _batches(rows: Rows, encoder: Encoder, positions: list[Position], apart: Mapping[str, Values]) -> list[Batch]:
    """The rows as batches that end at these positions of a group."""
    import numpy as np

    X = encoder.matrix(rows)
    found = {name: np.ascontiguousarray(array) for name, array in rows.arrays.items() if name not in ("numbers", "places")}
    first = positions[-1].offset - len(rows)
    made, begin = [], 0
    for position in positions:
        end = position.offset - first
        some = {name: array[begin:end] for name, array in found.items()}
        columns = {name: Coded(some[f"column {name}"], values.found) for name, values in apart.items()}
        made.append(Batch(part_of(X, begin, end), some["y"], some.get("weight"), some.get("cluster"), position, columns))
        begin = end
    return made


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


class _Loader:
    """How the parts of a role become rows."""

    def __init__(
        self,
        store: Store,
        dataset: Dataset,
        spec: ModelSpec,
        encoder: Encoder,
        role: str,
        *,
        judged: bool,
        apart: Mapping[str, Values],
        kept: Kept | None,
    ) -> None:
        self._store, self._spec, self._encoder, self._apart, self._kept = store, spec, encoder, apart, kept
        self._clusters = found = clusters(spec) if judged else None
        by = [UNIT, *found.columns] if found is not None else []
        wanted = dict.fromkeys([*encoder.columns, *targets.columns(spec), *apart, *by])
        self._needed = [name for name in wanted if name in dataset.schema or name == UNIT]
        self._coded = [name for name in dict.fromkeys([*encoder.categories, *apart]) if dataset.schema.get(name) == "string"]
        self._before = _places(dataset.of_role(role))
        self._scoring = role != "train"

    @property
    def layout(self) -> Layout:
        """Of the rows."""
        more: Kinds = {"y": ("f8", ()), **{f"column {name}": ("i8", ()) for name in self._apart}}
        weight: Kinds = {"weight": ("f8", ())} if self._spec.data.weight else {}
        cluster: Kinds = {"cluster": ("i8", ())} if self._clusters is not None else {}
        return Layout({**self._encoder.kinds, **more, **weight, **cluster})

    def make(self, part: PartRef, into: Rows) -> bool:
        """Fill in the rows of a part; whether they were not kept before."""
        if self._kept is not None and self._kept.get(part, into):
            return False
        self._read(part, into)
        return True

    def keep(self, part: PartRef, rows: Rows) -> None:
        if self._kept is not None:
            self._kept.put(part, rows)

    def _read(self, part: PartRef, into: Rows) -> None:
        table = part_files.table(self._store, part, self._needed, self._coded)
        more = {"y": targets.target(table, self._spec)}
        if self._spec.data.weight:
            more["weight"] = targets.weight(table, self._spec)
        if self._clusters is not None:
            more["cluster"] = _clusters(table, self._before[part.key, part.first], self._clusters)
        for name, values in self._apart.items():
            more[f"column {name}"] = values.codes(table.column(name))
        self._encoder.fill(into, table, more, scoring=self._scoring)


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


class _Group:
    """The rows of some parts, one part after the other, each to be made in its place."""

    def __init__(self, layout: Layout, parts: Sequence[PartRef]) -> None:
        self.parts = list(parts)
        self.rows = layout.empty(sum(part.rows for part in parts))
        self.pieces = self.rows.pieces([part.rows for part in parts])
        self.coming: list[Future[bool]] = []


class _Ahead:
    """The parts of one group after the other. While a group is handed out, threads make those of the next, and keep its own."""

    def __init__(self, loader: _Loader, groups: list[list[PartRef]]) -> None:
        self._loader, self._groups = loader, iter(groups)
        self._pool = ThreadPoolExecutor(THREADS, "parts", workers.behind)
        self._keeping: list[Future[None]] = []
        self._made: list[tuple[PartRef, Rows]] = []
        self._most = math.inf  # rows of the group that follows that are made before all of it is waited for
        self._next: _Group | None = None
        self.begin()

    def __enter__(self) -> _Ahead:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._wait_until_kept()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def next(self) -> Rows:
        """The rows of the next group."""
        group = self.begin()
        rows = group.rows
        self._make(group, len(group.parts))
        fresh = [future.result() for future in group.coming]
        self._wait_until_kept()
        self._made = [(part, replace(piece)) for part, piece, new in zip(group.parts, group.pieces, fresh, strict=True) if new]
        rows.texts, rows.table = texts(group.pieces), table(group.pieces)
        self._next, self._most = None, AHEAD_BYTES * len(rows) / max(1, rows.nbytes)
        return rows

    def begin(self) -> _Group:
        """The group that follows, with as many of its parts under way as have at most so many rows as may be ahead, or one.

        Called when the first rows of a group are handed out: until then, no other work takes a processor from those who wait for them.
        """
        if self._next is None:
            self._next = group = _Group(self._loader.layout, next(self._groups, []))
            ends = accumulate(part.rows for part in group.parts)
            self._make(group, max(1, sum(end <= self._most for end in ends)))
            # after the parts that are waited for next
            self._keeping = [self._pool.submit(self._loader.keep, part, piece) for part, piece in self._made]
            self._made = []
        return self._next

    def _make(self, group: _Group, count: int) -> None:
        """Have the first parts of a group made."""
        begun = len(group.coming)
        for part, piece in zip(group.parts[begun:count], group.pieces[begun:count], strict=True):
            group.coming.append(self._pool.submit(self._loader.make, part, piece))

    def _wait_until_kept(self) -> None:
        for future in self._keeping:
            future.result()
        self._keeping = []
