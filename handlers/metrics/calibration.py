"""Expected calibration error: by how much probabilities differ from what happens, from sums over ten bins of equal width."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from handlers.metrics.predictions import Grouped

if TYPE_CHECKING:
    from numpy.typing import NDArray

Statistic = Callable[["NDArray[Any]"], "NDArray[Any]"]
BINS = 10


def expected_calibration_error(grouped: Grouped) -> Statistic:
    """The weighted mean over the bins of |mean probability - share of hits|: of the positive class, or of the class that was chosen."""
    import numpy as np

    score, truth = grouped.of.score, grouped.of.truth
    if score.ndim == 2:
        chosen = np.argmax(score, axis=1)
        score, truth = score[np.arange(len(chosen)), chosen], (chosen == truth).astype(np.float64)
    bins = np.minimum((score * BINS).astype(np.int64), BINS - 1)
    cells = grouped.index * BINS + bins
    weight, size = grouped.of.weight, grouped.size
    gaps, weights = (
        np.bincount(cells, weights=each, minlength=size * BINS).reshape(size, BINS) for each in ((score - truth) * weight, weight)
    )

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(counts @ gaps).sum(axis=1) / (counts @ weights).sum(axis=1))

    return of
