"""The average precision of many resamples from sums per cluster, made in one pass over the sorted rows.

Recall only steps where a positive is, so only those scores are thresholds. Neighbouring thresholds are joined into at most BLOCKS blocks,
and the weights of positives and of all rows that each cluster has in each block give every resample by two products of matrices.

Within a block the precision of a resample is that at one place: where, weighted by positives, the block's thresholds lie in all rows
together. With at most BLOCKS thresholds each is a block, and the result is exact. With more, blocks are small where precision changes
fast, at the top, and what a value is off is second order in their size: a few hundredths of a standard error at most, as tests hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.data.long_arrays import Of, made, places, running, sums, taken
from handlers.data.long_arrays import steps as changing
from handlers.metrics.predictions import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCKS = 2048
STEP = 256  # blocks that are computed at once


def precisions(ranking: Ranking, index: NDArray[Any], hit: NDArray[Any], miss: NDArray[Any], counts: NDArray[Any]) -> NDArray[Any]:
    """(resamples,): NaN where no positive is drawn.

    `index`, `hit` and `miss` are the rows in the ranking's order: cluster, weight as a positive, weight as a negative.
    """
    import numpy as np

    def either(block: slice) -> NDArray[Any]:
        return np.asarray(hit[block] + miss[block])

    hits, called = (taken(running(len(index), of), ranking.ends) for of in (hit.__getitem__, either))
    growth = changing(hits)
    thresholds = places(len(hits), lambda block: growth(block) > 0)
    if not len(thresholds):
        return np.full(len(counts), np.nan)
    up, along = taken(hits, thresholds), taken(called, thresholds)
    step = made(len(up), changing(up))
    block, last = _joined(step, along)
    of_hits, of_called = (_place(step, each, block, last) for each in (up, along))
    # of each row down to the last positive
    reach = ranking.ends[thresholds[last]]
    below = int(reach[-1]) + 1

    def cell(rows: slice) -> NDArray[Any]:
        return np.asarray(np.searchsorted(reach, np.arange(rows.start, rows.stop)) * counts.shape[1] + index[rows])

    tables = [sums(below, cell, of, len(last) * counts.shape[1]).reshape(len(last), -1) for of in (hit.__getitem__, either)]
    return _of_resamples(tables, of_hits, of_called, counts)


def _joined(step: NDArray[Any], called: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(the block of each threshold, the last threshold of each block), so that every block is off by about as much.

    A block is off by the positives in it times the square of how much `called` grows in it: its thresholds weigh the cube root of that.
    """
    import numpy as np

    count = len(step)
    if count <= BLOCKS:
        return np.arange(count), np.arange(count)
    growth = changing(called)
    weight = running(count, lambda rows: np.cbrt(step[rows] * (growth(rows) / called[rows]) ** 2))
    first = changing(made(count, lambda rows: (weight[rows] / weight[-1] * (BLOCKS - 1)).astype(np.int64), "i8"), -1)
    number = running(count, lambda rows: first(rows) > 0, "i8")
    number -= 1
    begins = places(count, lambda rows: first(rows) > 0)
    return number, np.append(begins[1:] - 1, count - 1)


def _place(step: NDArray[Any], along: NDArray[Any], block: NDArray[Any], last: NDArray[Any]) -> NDArray[Any]:
    """(blocks,): where the thresholds of each block lie along it, from 0 to 1, on average of their positives."""
    import numpy as np

    start = np.append(0.0, along[last][:-1])
    sides: list[Of] = [lambda rows: step[rows] * (along[rows] - start[block[rows]]), step.__getitem__]
    moved, weight = (sums(len(step), block.__getitem__, of, len(last)) for of in sides)
    return np.asarray(moved / weight / (along[last] - start))


def _of_resamples(tables: list[NDArray[Any]], of_hits: NDArray[Any], of_called: NDArray[Any], counts: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    drawn = np.ascontiguousarray(counts.T)
    found, hits, called = np.zeros(len(counts)), np.zeros(len(counts)), np.zeros(len(counts))
    for low in range(0, len(of_hits), STEP):
        high = low + STEP
        up, every = (table[low:high] @ drawn for table in tables)
        at, below = np.cumsum(up, axis=0), np.cumsum(every, axis=0)
        at += hits
        below += called
        hits, called = at[-1].copy(), below[-1].copy()
        at -= (1.0 - of_hits[low:high, None]) * up
        below -= (1.0 - of_called[low:high, None]) * every
        # where nothing is called there are no hits either
        at /= np.maximum(below, np.finfo(np.float64).tiny)
        found += np.einsum("br,br->r", up, at)
    return np.asarray(np.divide(found, hits, out=np.full(len(counts), np.nan), where=hits > 0))
