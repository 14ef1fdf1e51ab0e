"""What metrics are computed from: a model's predictions beside the truth, and the same by cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from handlers.data import long_arrays
from handlers.data.coded import Coded

if TYPE_CHECKING:
    from numpy.typing import NDArray

ScoreKind = Literal["probability", "decision", "value"]

# more clusters than this are joined into as many groups, so that what a resample costs does not grow with the rows
MOST_CLUSTERS = 512


@dataclass(frozen=True)
class Predictions:
    """Rows with their truth and the model's prediction.

    `truth` (n,): 0 or 1 (binary, 1 is the positive class), the class index (multiclass), the number (regression) or the relevance, which is
    0 for a row that is not (ranking).
    `score`: (n,) probability of the positive class or a decision value; (n, classes) for multiclass; (n,) for regression and ranking.
    `weight` (n,): positive sample weights. `cluster` (n,): the number of what a row belongs to, such as its day, its group or
    itself; rows of one cluster are not independent of each other.
    `kind` says what `score` holds: only a `probability` can be judged by log_loss or brier. `columns` are the values of the columns by
    which rows are looked at apart (`evaluate.slices`). Of a ranking the rows of one cluster are one list; `clustered` is false where no
    clusters were found. With a `threshold` a row of a binary model is positive that scores at least so much.
    """

    truth: NDArray[Any]
    score: NDArray[Any]
    weight: NDArray[Any]
    cluster: NDArray[Any]
    kind: ScoreKind
    columns: Mapping[str, Coded] = field(default_factory=dict)
    clustered: bool = True
    threshold: float | None = None

    @property
    def rows(self) -> int:
        return int(self.truth.shape[0])

    @cached_property
    def grouped(self) -> Grouped:
        """The rows by cluster: numbered once, for every metric."""
        return Grouped.group(self)

    def only(self, chosen: NDArray[Any]) -> Predictions:
        """The rows where `chosen` is true."""
        columns = {name: values.only(chosen) for name, values in self.columns.items()}
        truth, score, weight, cluster = (_only(each, chosen) for each in (self.truth, self.score, self.weight, self.cluster))
        return Predictions(truth, score, weight, cluster, self.kind, columns, self.clustered, self.threshold)


def _only(values: NDArray[Any], chosen: NDArray[Any]) -> NDArray[Any]:
    if values.ndim == 1:
        return long_arrays.chosen(len(values), chosen.__getitem__, values.__getitem__, values.dtype)
    kept = long_arrays.places(len(values), chosen.__getitem__)
    found = long_arrays.empty((len(kept), values.shape[1]), values.dtype)
    for block in long_arrays.blocks(len(kept)):
        found[block] = values[kept[block]]
    return found


@dataclass(frozen=True)
class Ranking:
    """Rows from the highest score down: `order` are their numbers, `ends` the places of the last row of each distinct score."""

    order: NDArray[Any]
    ends: NDArray[Any]

    @classmethod
    def of(cls, score: NDArray[Any]) -> Ranking:
        order = long_arrays.order(len(score), lambda block: -score[block])
        new = long_arrays.changes(long_arrays.made(len(score), lambda block: score[order[block]]))
        begins = long_arrays.places(len(score), new)
        return cls(order, _ends(begins, len(score)))


def _ends(begins: NDArray[Any], rows: int) -> NDArray[Any]:
    """Where each stretch ends: before the next one begins."""
    import numpy as np

    def of(block: slice) -> NDArray[Any]:
        after = begins[block.start + 1 : block.stop + 1]
        return np.append(after, [rows] * (block.stop - block.start - len(after))) - 1

    return long_arrays.made(len(begins), of, "i8")


@dataclass(frozen=True)
class Lists:
    """The rows of a ranking list by list, each from the highest score down: `order` are their numbers, `list_of` the list of each, counted
    from 0, `first` and `last` the places in its list, from 0, of the rows that have its score. `starts` is where each list begins."""

    order: NDArray[Any]
    list_of: NDArray[Any]
    first: NDArray[Any]
    last: NDArray[Any]
    starts: NDArray[Any]

    @classmethod
    def of(cls, cluster: NDArray[Any], score: NDArray[Any]) -> Lists:
        import numpy as np

        rows = len(cluster)
        order = by_cluster(cluster, lambda block: -score[block])
        new_list = long_arrays.changes(long_arrays.made(rows, lambda block: cluster[order[block]], cluster.dtype))
        other = long_arrays.changes(long_arrays.made(rows, lambda block: score[order[block]]))

        def new_score(block: slice) -> NDArray[Any]:
            return np.asarray(new_list(block) | other(block))

        starts, begins = long_arrays.places(rows, new_list), long_arrays.places(rows, new_score)
        ends = _ends(begins, rows)
        list_of, tied = (long_arrays.running(rows, new, "i8") for new in (new_list, new_score))
        list_of -= 1
        tied -= 1

        def place(of: NDArray[Any]) -> NDArray[Any]:
            return long_arrays.made(rows, lambda block: of[tied[block]] - starts[list_of[block]], "i8")

        return cls(order, list_of, place(begins), place(ends), starts)


def by_cluster(cluster: NDArray[Any], key: long_arrays.Of) -> NDArray[Any]:
    """(rows,): the rows by cluster, those of one by the key."""
    import numpy as np

    if 16 * len(cluster) <= long_arrays.IN_MEMORY:
        return np.lexsort((np.concatenate([np.zeros(0), *map(key, long_arrays.blocks(len(cluster)))]), cluster))
    inner = long_arrays.order(len(cluster), key)
    number = long_arrays.made(len(cluster), _places_in(long_arrays.distinct(cluster), cluster), "i8")
    outer = long_arrays.order(len(cluster), lambda block: number[inner[block]].astype("f8"))
    return long_arrays.made(len(cluster), lambda block: inner[outer[block]], "i8")


def _places_in(values: NDArray[Any], of: NDArray[Any]) -> long_arrays.Of:
    """The place among the ordered `values` of each of `of`."""
    import numpy as np

    return lambda block: np.searchsorted(values, of[block])


@dataclass(frozen=True)
class Grouped:
    """Predictions with what is resampled numbered from 0: `index[i]` is the number of row i's cluster.

    `clusters` is how many clusters the rows have, `size` how many numbers: fewer where clusters were joined (`_joined`).
    """

    of: Predictions
    clusters: int
    size: int
    index: NDArray[Any]

    @classmethod
    def group(cls, predictions: Predictions) -> Grouped:
        import numpy as np

        values, index = _numbered(predictions.cluster)
        count = len(values)
        if count <= MOST_CLUSTERS:
            return cls(predictions, count, count, index)
        group = long_arrays.made(count, lambda block: _joined(values[block], block.start), "i8")
        groups = np.flatnonzero(np.bincount(group, minlength=MOST_CLUSTERS))
        joined = long_arrays.made(len(index), lambda block: np.searchsorted(groups, group[index[block]]), "i8")
        return cls(predictions, count, len(groups), joined)

    @cached_property
    def ranking(self) -> Ranking:
        """The rows by their score, sorted once for every metric that needs the order."""
        return Ranking.of(self.of.score)

    @cached_property
    def lists(self) -> Lists:
        """The lists of a ranking, sorted once for every metric."""
        return Lists.of(self.of.cluster, self.of.score)

    def sums(self, *columns: long_arrays.Of) -> NDArray[Any]:
        """(size, columns): the weighted sum of each column over the rows of each cluster."""
        import numpy as np

        def weighted(column: long_arrays.Of) -> NDArray[Any]:
            return long_arrays.sums(self.of.rows, self.index.__getitem__, lambda block: column(block) * self.of.weight[block], self.size)

        return np.stack([weighted(column) for column in columns], axis=1)


def _numbered(cluster: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The distinct values in order, and the place of each row's among them. Whole numbers that lie close together need no sort."""
    import numpy as np

    if cluster.dtype.kind in "iu" and len(cluster):
        low, high = int(cluster.min()), int(cluster.max())
        if high - low <= min(4 * len(cluster), long_arrays.IN_MEMORY // 8):
            there = np.zeros(high - low + 1, dtype=bool)
            for block in long_arrays.blocks(len(cluster)):
                there[(cluster[block] - low).astype(np.int64)] = True
            number = np.cumsum(there) - 1
            index = long_arrays.made(len(cluster), lambda block: number[(cluster[block] - low).astype(np.int64)], "i8")
            return np.flatnonzero(there) + low, index
    values = long_arrays.distinct(cluster)
    return values, long_arrays.made(len(cluster), _places_in(values, cluster), "i8")


def _joined(values: NDArray[Any], first: int) -> NDArray[Any]:
    """The group of each cluster, below MOST_CLUSTERS, by a hash of its value alone: clusters that are independent of each other stay so
    when some of them are joined, as long as what joins them knows nothing of their rows. `first` is the place of the first value."""
    import numpy as np

    known = values.dtype.kind in "iufb"
    whole = values.astype(np.int64).view(np.uint64) if known else np.arange(first, first + len(values), dtype=np.uint64)
    # the finalizer of splitmix64: neighbouring numbers land in unrelated groups
    mixed = whole + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))) % np.uint64(MOST_CLUSTERS)
