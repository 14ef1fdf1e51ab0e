"""Metrics that need the rows in order of their score: sorted once, then one pass over the rows per resample."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from handlers.metrics.predictions import Grouped

if TYPE_CHECKING:
    from numpy.typing import NDArray

Statistic = Callable[["NDArray[Any]"], "NDArray[Any]"]
Curve = Callable[["NDArray[Any]"], "tuple[NDArray[Any], NDArray[Any]]"]


def cumulative(grouped: Grouped, score: NDArray[Any], positive: NDArray[Any]) -> Curve:
    """A function from the counts of one resample (clusters,) to the weights of true and false positives at each distinct score, from the
    highest down. Rows of equal score count as one threshold, so that ties are worth one half."""
    import numpy as np

    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    index = grouped.index[order]
    weight = grouped.of.weight[order]
    hit = weight * positive[order]
    miss = weight - hit

    def of(counts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        drawn = counts[index]
        return np.cumsum(hit * drawn)[ends], np.cumsum(miss * drawn)[ends]

    return of


def _area(hits: NDArray[Any], misses: NDArray[Any]) -> float:
    import numpy as np

    if hits[-1] <= 0 or misses[-1] <= 0:
        return float("nan")
    steps = np.diff(misses, prepend=0.0)
    middle = hits - np.diff(hits, prepend=0.0) / 2.0
    return float(np.dot(steps, middle) / (hits[-1] * misses[-1]))


def _precision(hits: NDArray[Any], misses: NDArray[Any]) -> float:
    import numpy as np

    if hits[-1] <= 0:
        return float("nan")
    called = hits + misses
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    return float(np.dot(np.diff(hits, prepend=0.0), precision) / hits[-1])


def _each(curve: Curve, reduce: Callable[[NDArray[Any], NDArray[Any]], float]) -> Statistic:
    import numpy as np

    return lambda counts: np.asarray([reduce(*curve(row)) for row in counts])


def area_under_roc(grouped: Grouped) -> Statistic:
    """The probability that a positive row scores above a negative one, ties one half; NaN with one class only."""
    return _each(cumulative(grouped, grouped.of.score, grouped.of.truth), _area)


def average_precision(grouped: Grouped) -> Statistic:
    """Precision averaged over the steps of recall, without interpolation; NaN without positives."""
    return _each(cumulative(grouped, grouped.of.score, grouped.of.truth), _precision)


def roc_auc_one_versus_rest(grouped: Grouped) -> Statistic:
    """The mean over the classes of the area of each class against all others; a class that the rows lack is left out."""
    import numpy as np

    truth, score = grouped.of.truth, grouped.of.score
    present = [c for c in range(score.shape[1]) if 0 < int((truth == c).sum()) < len(truth)]
    each = [_each(cumulative(grouped, score[:, c], (truth == c).astype(np.float64)), _area) for c in present]

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        if not each:
            return np.full(len(counts), np.nan)
        return np.asarray(np.mean([one(counts) for one in each], axis=0))

    return of


def median_of_errors(grouped: Grouped, errors: NDArray[Any]) -> Statistic:
    """The weighted median; with unit weights and an even number of rows, the middle of the two middle errors."""
    import numpy as np

    order = np.argsort(errors, kind="stable")
    ranked, index, weight = errors[order], grouped.index[order], grouped.of.weight[order]

    def one(counts: NDArray[Any]) -> float:
        drawn = weight * counts[index]
        kept = drawn > 0
        below = np.cumsum(drawn[kept])
        half = below[-1] / 2.0
        at = int(np.searchsorted(below, half * (1.0 - 1e-12)))
        found = ranked[kept]
        exact = abs(below[at] - half) <= 1e-9 * half and at + 1 < len(found)
        return float((found[at] + found[at + 1]) / 2.0 if exact else found[at])

    return lambda counts: np.asarray([one(row) for row in counts])


def roc_curve(grouped: Grouped, points: int = 200) -> list[tuple[float, float]]:
    """(false positive rate, true positive rate), at most `points` of them, from (0, 0) to (1, 1)."""
    import numpy as np

    hits, misses = cumulative(grouped, grouped.of.score, grouped.of.truth)(np.ones(len(grouped.clusters)))
    if hits[-1] <= 0 or misses[-1] <= 0:
        return []
    grid = np.unique(np.linspace(0, len(hits) - 1, points - 1).astype(np.int64))
    return [(0.0, 0.0), *((float(misses[i] / misses[-1]), float(hits[i] / hits[-1])) for i in grid)]
