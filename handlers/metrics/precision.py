"""The average precision of many resamples from sums per cluster, made in one pass over the sorted rows.

Recall only steps where a positive is, so only those scores are thresholds. Neighbouring thresholds are joined into at most BLOCKS blocks,
and the weights of positives and of all rows that each cluster has in each block give every resample by two products of matrices.

Within a block the precision of a resample is that at one place: where, weighted by positives, the block's thresholds lie in all rows
together. With at most BLOCKS thresholds each is a block, and the result is exact. With more, blocks are small where precision changes
fast, at the top, and what a value is off is second order in their size: a few hundredths of a standard error at most, as tests hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

    hits, called = np.cumsum(hit)[ranking.ends], np.cumsum(hit + miss)[ranking.ends]
    steps = np.flatnonzero(np.diff(hits, prepend=0.0) > 0)
    if not len(steps):
        return np.full(len(counts), np.nan)
    block, last = _joined(np.diff(hits[steps], prepend=0.0), called[steps])
    of_hits, of_called = (_place(np.diff(hits[steps], prepend=0.0), along[steps], block, last) for along in (hits, called))
    # of each row down to the last positive
    row_block = np.repeat(np.arange(len(last)), np.diff(ranking.ends[steps][last], prepend=-1))
    cell = row_block * counts.shape[1] + index[: len(row_block)]
    tables = [
        np.bincount(cell, weights=weight[: len(cell)], minlength=len(last) * counts.shape[1]).reshape(len(last), -1)
        for weight in (hit, hit + miss)
    ]
    return _of_resamples(tables, of_hits, of_called, counts)


def _joined(step: NDArray[Any], called: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(the block of each threshold, the last threshold of each block), so that every block is off by about as much.

    A block is off by the positives in it times the square of how much `called` grows in it: its thresholds weigh the cube root of that.
    """
    import numpy as np

    count = len(step)
    if count <= BLOCKS:
        return np.arange(count), np.arange(count)
    weight = np.cumsum(np.cbrt(step * (np.diff(called, prepend=0.0) / called) ** 2))
    slot = (weight / weight[-1] * (BLOCKS - 1)).astype(np.int64)
    first = np.diff(slot, prepend=-1) > 0
    return np.cumsum(first) - 1, np.append(np.flatnonzero(first[1:]), count - 1)


def _place(step: NDArray[Any], along: NDArray[Any], block: NDArray[Any], last: NDArray[Any]) -> NDArray[Any]:
    """(blocks,): where the thresholds of each block lie along it, from 0 to 1, on average of their positives."""
    import numpy as np

    start = np.append(0.0, along[last][:-1])
    mean = np.bincount(block, weights=step * (along - start[block])) / np.bincount(block, weights=step)
    return np.asarray(mean / (along[last] - start))


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
