"""What metrics are computed from: a model's predictions beside the truth, and the same by cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

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
        rows = (self.truth[chosen], self.score[chosen], self.weight[chosen], self.cluster[chosen])
        return Predictions(*rows, self.kind, columns, self.clustered, self.threshold)


@dataclass(frozen=True)
class Ranking:
    """Rows from the highest score down: `order` are their numbers, `ends` the places of the last row of each distinct score."""

    order: NDArray[Any]
    ends: NDArray[Any]

    @classmethod
    def of(cls, score: NDArray[Any]) -> Ranking:
        import numpy as np

        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        return cls(order, np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1))


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

        order = np.lexsort((-score, cluster))
        ranked, sorted_score = cluster[order], score[order]
        new_list = np.append(True, ranked[1:] != ranked[:-1])[: len(order)]
        new_score = new_list | np.append(True, sorted_score[1:] != sorted_score[:-1])[: len(order)]
        starts = np.flatnonzero(new_list)
        list_of = np.cumsum(new_list) - 1
        begins = np.flatnonzero(new_score)
        block = np.cumsum(new_score) - 1
        ends = np.append(begins[1:], len(order)) - 1
        return cls(order, list_of, begins[block] - starts[list_of], ends[block] - starts[list_of], starts)


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
        if count > MOST_CLUSTERS:
            values, joined = np.unique(_joined(values), return_inverse=True)
            index = joined.reshape(-1)[index]
        return cls(predictions, count, len(values), index)

    @cached_property
    def ranking(self) -> Ranking:
        """The rows by their score, sorted once for every metric that needs the order."""
        return Ranking.of(self.of.score)

    @cached_property
    def lists(self) -> Lists:
        """The lists of a ranking, sorted once for every metric."""
        return Lists.of(self.of.cluster, self.of.score)

    def sums(self, *columns: NDArray[Any]) -> NDArray[Any]:
        """(size, columns): the weighted sum of each column over the rows of each cluster."""
        import numpy as np

        return np.stack([np.bincount(self.index, weights=column * self.of.weight, minlength=self.size) for column in columns], axis=1)


def _numbered(cluster: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The distinct values in order, and the place of each row's among them. Whole numbers that lie close together need no sort."""
    import numpy as np

    if cluster.dtype.kind in "iu" and len(cluster):
        low, high = int(cluster.min()), int(cluster.max())
        if high - low <= 4 * len(cluster):
            there = np.zeros(high - low + 1, dtype=bool)
            away = (cluster - low).astype(np.int64)
            there[away] = True
            return np.flatnonzero(there) + low, (np.cumsum(there) - 1)[away]
    values, index = np.unique(cluster, return_inverse=True)
    return values, index.astype(np.int64).reshape(-1)


def _joined(values: NDArray[Any]) -> NDArray[Any]:
    """The group of each cluster, below MOST_CLUSTERS, by a hash of its value alone: clusters that are independent of each other stay so
    when some of them are joined, as long as what joins them knows nothing of their rows."""
    import numpy as np

    whole = values.astype(np.int64).view(np.uint64) if values.dtype.kind in "iufb" else np.arange(len(values), dtype=np.uint64)
    # the finalizer of splitmix64: neighbouring numbers land in unrelated groups
    mixed = whole + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))) % np.uint64(MOST_CLUSTERS)
