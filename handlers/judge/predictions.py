"""Predictions by cluster: what metrics are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handlers.learn.predict import Predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
