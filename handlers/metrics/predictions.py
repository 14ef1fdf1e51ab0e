"""What metrics are computed from: a model's predictions beside the truth, and the same by cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

ScoreKind = Literal["probability", "decision", "value"]


@dataclass(frozen=True, slots=True)
class Predictions:
    """Rows with their truth and the model's prediction.

    `truth` (n,): 0 or 1 (binary, 1 is the positive class), the class index (multiclass) or the number (regression).
    `score`: (n,) probability of the positive class or a decision value; (n, classes) for multiclass; (n,) for regression.
    `weight` (n,): positive sample weights. `cluster` (n,): the number of what a row belongs to, such as its day, its group or
    itself; rows of one cluster are not independent of each other.
    `kind` says what `score` holds: only a `probability` can be judged by log_loss or brier. `columns` are the values of the columns by
    which rows are looked at apart (`evaluate.slices`).
    """

    truth: NDArray[Any]
    score: NDArray[Any]
    weight: NDArray[Any]
    cluster: NDArray[Any]
    kind: ScoreKind
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return int(self.truth.shape[0])

    def only(self, chosen: NDArray[Any]) -> Predictions:
        """The rows where `chosen` is true."""
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return Predictions(self.truth[chosen], self.score[chosen], self.weight[chosen], self.cluster[chosen], self.kind, columns)


@dataclass(frozen=True, slots=True)
class Grouped:
    """Predictions with the clusters numbered 0..len(clusters)-1: `index[i]` is the number of row i's cluster."""

    of: Predictions
    clusters: NDArray[Any]
    index: NDArray[Any]

    @classmethod
    def group(cls, predictions: Predictions) -> Grouped:
        import numpy as np

        clusters, index = np.unique(predictions.cluster, return_inverse=True)
        return cls(predictions, clusters, index.astype(np.int64).reshape(-1))

    def sums(self, *columns: NDArray[Any]) -> NDArray[Any]:
        """(clusters, columns): the weighted sum of each column over the rows of each cluster."""
        import numpy as np

        size = len(self.clusters)
        return np.stack([np.bincount(self.index, weights=column * self.of.weight, minlength=size) for column in columns], axis=1)
