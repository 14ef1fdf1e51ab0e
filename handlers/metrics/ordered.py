"""Metrics that need the rows in order of their score: sorted once, and computed for all resamples together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from handlers.data import long_arrays
from handlers.data.long_arrays import Of
from handlers.metrics.concordance import concordant
from handlers.metrics.precision import precisions
from handlers.metrics.predictions import Grouped, Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

Statistic = Callable[["NDArray[Any]"], "NDArray[Any]"]
Curve = Callable[["NDArray[Any]"], "tuple[NDArray[Any], NDArray[Any]]"]


def cumulative(grouped: Grouped, ranking: Ranking, positive: Of) -> Curve:
    """A function from the counts of one resample (size,) to the weights of true and false positives at each distinct score, from the
    highest down. Rows of equal score count as one threshold, so that ties are worth one half."""
    index, hit, miss = _ranked(grouped, ranking, positive)

    def of(counts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        def below(side: NDArray[Any]) -> NDArray[Any]:
            upto = long_arrays.running(len(index), lambda block: side[block] * counts[index[block]])
            return long_arrays.taken(upto, ranking.ends)

        return below(hit), below(miss)

    return of


def _ranked(grouped: Grouped, ranking: Ranking, positive: Of) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """(number of the cluster, weight as a positive, weight as a negative) of each row, from the highest score down."""
    rows, weight = len(ranking.order), long_arrays.taken(grouped.of.weight, ranking.order)
    is_one = long_arrays.taken(long_arrays.made(rows, positive), ranking.order)
    hit = long_arrays.made(rows, lambda block: weight[block] * is_one[block])
    miss = long_arrays.made(rows, lambda block: weight[block] - hit[block])
    return long_arrays.taken(grouped.index, ranking.order), hit, miss


def _area(hits: NDArray[Any], misses: NDArray[Any]) -> float:
    import numpy as np

    if hits[-1] <= 0 or misses[-1] <= 0:
        return float("nan")
    step = long_arrays.steps(hits)
    widths = long_arrays.made(len(hits), long_arrays.steps(misses))
    middle = long_arrays.made(len(hits), lambda block: hits[block] - step(block) / 2.0)
    return float(np.dot(widths, middle) / (hits[-1] * misses[-1]))


def _precision(hits: NDArray[Any], misses: NDArray[Any]) -> float:
    import numpy as np

    if hits[-1] <= 0:
        return float("nan")

    def of(block: slice) -> NDArray[Any]:
        called = hits[block] + misses[block]
        return np.asarray(np.divide(hits[block], called, out=np.zeros_like(called), where=called > 0))

    steps = long_arrays.made(len(hits), long_arrays.steps(hits))
    return float(np.dot(steps, long_arrays.made(len(hits), of)) / hits[-1])


def _area_of(grouped: Grouped, ranking: Ranking, positive: Of) -> Statistic:
    """One resample is counted row by row; more of them by the pairs of clusters, which are counted once."""
    import numpy as np

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        if len(counts) == 1:
            return np.asarray([_area(*cumulative(grouped, ranking, positive)(counts[0]))])
        index, hit, miss = _ranked(grouped, ranking, positive)
        pairs = concordant(ranking, index, hit, miss, grouped.size)
        hits, misses = (counts @ long_arrays.sums(len(index), index.__getitem__, side.__getitem__, grouped.size) for side in (hit, miss))
        both = (hits > 0) & (misses > 0)
        above = np.einsum("rk,rk->r", counts @ pairs, counts)
        return np.asarray(np.divide(above, hits * misses, out=np.full(len(counts), np.nan), where=both))

    return of


def area_under_roc(grouped: Grouped) -> Statistic:
    """The probability that a positive row scores above a negative one, ties one half; NaN with one class only."""
    return _area_of(grouped, grouped.ranking, grouped.of.truth.__getitem__)


def average_precision(grouped: Grouped) -> Statistic:
    """Precision averaged over the steps of recall, without interpolation; NaN without positives."""
    import numpy as np

    positive = grouped.of.truth.__getitem__

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        if len(counts) == 1:
            return np.asarray([_precision(*cumulative(grouped, grouped.ranking, positive)(counts[0]))])
        return precisions(grouped.ranking, *_ranked(grouped, grouped.ranking, positive), counts)

    return of


def roc_auc_one_versus_rest(grouped: Grouped) -> Statistic:
    """The mean over the classes of the area of each class against all others; a class that the rows lack is left out."""
    import numpy as np

    truth, score = grouped.of.truth, grouped.of.score
    present = [c for c in range(score.shape[1]) if 0 < long_arrays.count(len(truth), long_arrays.equal(truth, c)) < len(truth)]
    each = [_area_of(grouped, Ranking.of(score[:, c]), long_arrays.equal(truth, c)) for c in present]

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        if not each:
            return np.full(len(counts), np.nan)
        return np.asarray(np.mean([one(counts) for one in each], axis=0))

    return of


def median_of_errors(grouped: Grouped, errors: Of) -> Statistic:
    """The weighted median; with unit weights and an even number of rows, the middle of the two middle errors."""
    import numpy as np

    order = long_arrays.order(grouped.of.rows, errors)
    ranked = long_arrays.taken(long_arrays.made(len(order), errors), order)
    index, weight = long_arrays.taken(grouped.index, order), long_arrays.taken(grouped.of.weight, order)

    def one(counts: NDArray[Any], first: int, last: int, before: float, total: float) -> float:
        """The median, which is among the rows `first` to `last`; `before` is the weight of those above them."""
        if total <= 0:
            return float("nan")
        rows = slice(first, last)
        drawn = _drawn(weight[rows], counts, index[rows])
        some = long_arrays.chosen(len(drawn), lambda block: drawn[block] > 0, drawn.__getitem__)
        below = long_arrays.running(len(some), some.__getitem__)
        below += before
        half = total / 2.0
        at = int(np.searchsorted(below, half * (1.0 - 1e-12)))
        found = long_arrays.chosen(len(drawn), lambda block: drawn[block] > 0, ranked[rows].__getitem__)
        if at >= len(found):  # rounding put it into the next block
            return one(counts, 0, len(ranked), 0.0, total)
        exact = abs(below[at] - half) <= 1e-9 * half
        after = found[at + 1] if exact and at + 1 < len(found) else _next(ranked, weight, counts, index, last) if exact else None
        return float(found[at] if after is None else (found[at] + after) / 2.0)

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        if len(counts) == 1:
            return np.asarray([one(counts[0], 0, len(ranked), 0.0, float(_drawn(weight, counts[0], index).sum()))])
        length = max(1, math.isqrt(len(ranked)))
        cells = long_arrays.sums(
            len(ranked),
            lambda block: np.arange(block.start, block.stop) // length * grouped.size + index[block],
            weight.__getitem__,
            -(-len(ranked) // length) * grouped.size,
        )
        blocks = cells.reshape(-1, grouped.size)
        sums = np.cumsum(counts @ blocks.T, axis=1)
        where = (sums < sums[:, -1:] / 2.0 * (1.0 - 1e-12)).sum(axis=1)
        starts = np.where(where > 0, sums[np.arange(len(sums)), where - 1], 0.0)
        rows = zip(counts, where.tolist(), starts.tolist(), sums[:, -1].tolist(), strict=True)
        return np.asarray([one(row, block * length, (block + 1) * length, start, total) for row, block, start, total in rows])

    return of


def _drawn(weight: NDArray[Any], counts: NDArray[Any], index: NDArray[Any]) -> NDArray[Any]:
    """The weight of each row in a resample."""
    return long_arrays.made(len(weight), lambda block: weight[block] * counts[index[block]])


def _next(ranked: NDArray[Any], weight: NDArray[Any], counts: NDArray[Any], index: NDArray[Any], first: int) -> float | None:
    """The first drawn error from row `first` on; None when there is none."""
    import numpy as np

    for block in long_arrays.blocks(len(ranked) - first):
        rows = slice(first + block.start, first + block.stop)
        there = np.flatnonzero(weight[rows] * counts[index[rows]] > 0)
        if len(there):
            return float(ranked[rows.start + there[0]])
    return None


def roc_curve(grouped: Grouped, points: int = 200) -> list[tuple[float, float]]:
    """(false positive rate, true positive rate), at most `points` of them, from (0, 0) to (1, 1)."""
    import numpy as np

    hits, misses = cumulative(grouped, grouped.ranking, grouped.of.truth.__getitem__)(np.ones(grouped.size))
    if hits[-1] <= 0 or misses[-1] <= 0:
        return []
    grid = np.unique(np.linspace(0, len(hits) - 1, points - 1).astype(np.int64))
    return [(0.0, 0.0), *((float(misses[i] / misses[-1]), float(hits[i] / hits[-1])) for i in grid)]
