"""Which cluster's positives score above which cluster's negatives: all that the area under the ROC curve of any resample needs.

The area counts pairs of a positive and a negative row. How many pairs clusters i and j have does not change when clusters are drawn, only
how often the pair of clusters counts. So one (clusters, clusters) matrix, made in one pass over the sorted rows, gives every resample.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from handlers.metrics.predictions import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_BLOCK, MOST_BLOCK = 8, 64
PAIRS = 1 << 20  # looked at in one step
CELLS = 1 << 21  # of one step's matrices of blocks and clusters


def concordant(ranking: Ranking, index: NDArray[Any], hit: NDArray[Any], miss: NDArray[Any], size: int) -> NDArray[Any]:
    """(size, size): the weight of the pairs in which a positive row of cluster i scores above a negative row of cluster j, ties one half.

    `index`, `hit` and `miss` are the rows in the ranking's order: cluster, weight as a positive, weight as a negative.
    The ranked rows are cut into blocks. Pairs from two blocks are one product of matrices; pairs within a block are looked at one by one.
    A score that fills a block alone has nothing but ties there.
    """
    import numpy as np

    sizes = np.diff(ranking.ends, prepend=-1)
    length = min(max(size // 8, LEAST_BLOCK), MOST_BLOCK)
    slot = (ranking.ends - sizes + 1) // length
    alone = sizes > length
    block = np.cumsum((np.diff(slot, prepend=-1) > 0) | alone | np.append(False, alone[:-1])) - 1
    score = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    above, below = hit > 0, miss > 0
    positives = _Side(index[above], hit[above], score[above])
    negatives = _Side(index[below], miss[below], score[below])
    found = _between_blocks(positives, negatives, block, alone, size)
    starts = np.append(0, np.cumsum(np.bincount(positives.score, minlength=len(sizes))))
    first = starts[np.flatnonzero(np.diff(block, prepend=-1))][block]  # of each score, the first positive of its block
    looked = negatives.only(~alone[negatives.score])
    found += _pairs(positives, looked, first[looked.score], starts[looked.score], size)
    found += 0.5 * _pairs(positives, looked, starts[looked.score], starts[looked.score + 1], size)
    return found


class _Side:
    """The positives, or the negatives, from the highest score down; `score` numbers the distinct scores."""

    def __init__(self, cluster: NDArray[Any], weight: NDArray[Any], score: NDArray[Any]) -> None:
        self.cluster, self.weight, self.score = cluster, weight, score
        self.equal = len(weight) == 0 or bool((weight == weight[0]).all())

    def only(self, chosen: NDArray[Any]) -> _Side:
        return self if chosen.all() else _Side(self.cluster[chosen], self.weight[chosen], self.score[chosen])

    def by_block(self, block: NDArray[Any], first: int, last: int, size: int) -> NDArray[Any]:
        """(last - first, size): the weight of each cluster in these blocks; `block` is that of each row."""
        import numpy as np

        low, high = np.searchsorted(block, [first, last])
        cell = (block[low:high] - first) * size + self.cluster[low:high]
        sums = np.bincount(cell, weights=self.weight[low:high], minlength=(last - first) * size)
        # without rows they are whole numbers
        return sums.astype(np.float64, copy=False).reshape(last - first, size)


def _between_blocks(positives: _Side, negatives: _Side, block: NDArray[Any], alone: NDArray[Any], size: int) -> NDArray[Any]:
    import numpy as np

    found = np.zeros((size, size))
    before = np.zeros(size)
    count = int(block[-1]) + 1
    tied = np.zeros(count)
    tied[block[alone]] = 0.5
    ups, downs = block[positives.score], block[negatives.score]
    step = max(1, CELLS // size)
    for first in range(0, count, step):
        last = min(first + step, count)
        up = positives.by_block(ups, first, last, size)
        down = negatives.by_block(downs, first, last, size)
        higher = np.cumsum(up, axis=0)
        higher += before
        before = higher[-1].copy()
        higher -= up * (1.0 - tied[first:last, None])
        found += higher.T @ down
    return found


def _pairs(positives: _Side, negatives: _Side, start: NDArray[Any], end: NDArray[Any], size: int) -> NDArray[Any]:
    """The pairs of each negative with the positives from `start` to `end`."""
    import numpy as np

    found = np.zeros(size * size)
    weighted = not (positives.equal and negatives.equal)
    lengths = end - start
    for low, high in _steps(lengths):
        length = lengths[low:high]
        after = np.cumsum(length)
        partner = np.arange(after[-1]) - np.repeat(after - length - start[low:high], length)
        cell = positives.cluster[partner] * size + np.repeat(negatives.cluster[low:high], length)
        weight = positives.weight[partner] * np.repeat(negatives.weight[low:high], length) if weighted else None
        found += np.bincount(cell, weights=weight, minlength=size * size)
    if not weighted and len(positives.weight) and len(negatives.weight):
        found *= positives.weight[0] * negatives.weight[0]
    return found.reshape(size, size)


def _steps(lengths: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Ranges of rows that have about PAIRS pairs each, and at least one."""
    import numpy as np

    total = np.cumsum(lengths)
    low = 0
    while low < len(lengths):
        done = total[low - 1] if low else 0
        if total[-1] == done:
            return
        high = max(low + 1, int(np.searchsorted(total, done + PAIRS, side="right")))
        if total[high - 1] > done:
            yield low, high
        low = high
