"""Expected calibration error: by how much probabilities differ from what happens, from sums over ten bins of equal width."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from handlers.data import long_arrays
from handlers.metrics.predictions import Grouped

if TYPE_CHECKING:
    from numpy.typing import NDArray

Statistic = Callable[["NDArray[Any]"], "NDArray[Any]"]
BINS = 10


def expected_calibration_error(grouped: Grouped) -> Statistic:
    """The weighted mean over the bins of |mean probability - share of hits|: of the positive class, or of the class that was chosen."""
    import numpy as np

    def chosen(block: slice) -> tuple[NDArray[Any], NDArray[Any]]:
        """Of each row the score that is judged, and whether it is right."""
        score, truth = grouped.of.score[block], grouped.of.truth[block]
        if score.ndim == 1:
            return score, truth
        best = np.argmax(score, axis=1)
        return score[np.arange(len(best)), best], (best == truth).astype(np.float64)

    def cells(block: slice) -> NDArray[Any]:
        return np.asarray(grouped.index[block] * BINS + np.minimum((chosen(block)[0] * BINS).astype(np.int64), BINS - 1))

    def gap(block: slice) -> NDArray[Any]:
        score, truth = chosen(block)
        return np.asarray((score - truth) * weight[block])

    weight, size = grouped.of.weight, grouped.size
    gaps, weights = (long_arrays.sums(grouped.of.rows, cells, each, size * BINS).reshape(size, BINS) for each in (gap, weight.__getitem__))

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(counts @ gaps).sum(axis=1) / (counts @ weights).sum(axis=1))

    return of
