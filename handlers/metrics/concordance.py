"""Which cluster's positives score above which cluster's negatives: all that the area under the ROC curve of any resample needs.

The area counts pairs of a positive and a negative row. How many pairs clusters i and j have does not change when clusters are drawn, only
how often the pair of clusters counts. So one (clusters, clusters) matrix, made in one pass over the sorted rows, gives every resample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handlers.data.long_arrays import Of, blocks, changes, chosen, count, made, places, running, steps, taken
from handlers.metrics.predictions import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_BLOCK, MOST_BLOCK = 8, 64
PAIRS = 1 << 20  # looked at in one step
LOOKED = 1 << 22  # rows at most in one step, most of them without a pair
CELLS = 1 << 21  # of one step's matrices of blocks and clusters


def concordant(ranking: Ranking, index: NDArray[Any], hit: NDArray[Any], miss: NDArray[Any], size: int) -> NDArray[Any]:
    """(size, size): the weight of the pairs in which a positive row of cluster i scores above a negative row of cluster j, ties one half.

    `index`, `hit` and `miss` are the rows in the ranking's order: cluster, weight as a positive, weight as a negative.
    The ranked rows are cut into blocks. Pairs from two blocks are one product of matrices; pairs within a block are looked at one by one.
    A score that fills a block alone has nothing but ties there.
    """
    length = min(max(size // 8, LEAST_BLOCK), MOST_BLOCK)
    scores = _Scores.of(ranking.ends, length)
    positives, negatives = (_Side.of(index, weight, scores.of_row) for weight in (hit, miss))
    found = _between_blocks(positives, negatives, scores, size)
    starts = _starts(positives.score, len(ranking.ends))
    begins = taken(starts, places(len(ranking.ends), changes(scores.block)))
    looked = negatives.only(lambda block: ~scores.alone[negatives.score[block]])
    first, here, end = (
        made(len(looked.score), of, "i8")
        for of in (
            lambda block: begins[scores.block[looked.score[block]]],  # the first positive of the score's block
            lambda block: starts[looked.score[block]],
            lambda block: starts[looked.score[block] + 1],
        )
    )
    found += _pairs(positives, looked, first, here, size)
    found += 0.5 * _pairs(positives, looked, here, end, size)
    return found


def _starts(score: NDArray[Any], upto: int) -> NDArray[Any]:
    """(upto + 1,): how many of the ordered scores are below each number from 0."""
    import numpy as np

    return made(upto + 1, lambda block: np.searchsorted(score, np.arange(block.start, block.stop, dtype=score.dtype)), "i8")


@dataclass(frozen=True)
class _Scores:
    """The distinct scores from the highest down: the block of each, and whether it fills one alone; `of_row` is the score of each row."""

    block: NDArray[Any]
    alone: NDArray[Any]
    of_row: NDArray[Any]

    @classmethod
    def of(cls, ends: NDArray[Any], length: int) -> _Scores:
        import numpy as np

        size = made(len(ends), steps(ends, -1), "i8")
        alone = made(len(ends), lambda block: size[block] > length, "?")
        other = changes(made(len(ends), lambda block: (ends[block] - size[block] + 1) // length, "i8"))

        def begins(block: slice) -> NDArray[Any]:
            before = alone[max(block.start - 1, 0) : block.stop - 1]
            return np.asarray(other(block) | alone[block] | (before if block.start else np.append(False, before)))

        def of_row(block: slice) -> NDArray[Any]:
            low, high = np.searchsorted(ends, [block.start, block.stop - 1])
            reach = np.minimum(ends[low : high + 1], block.stop - 1)
            return np.repeat(np.arange(low, high + 1), np.diff(reach, prepend=block.start - 1))

        number = running(len(ends), begins, "i8")
        number -= 1
        return cls(number, alone, made(int(ends[-1]) + 1, of_row, "i4"))


class _Side:
    """The positives, or the negatives, from the highest score down; `score` numbers the distinct scores."""

    def __init__(self, cluster: NDArray[Any], weight: NDArray[Any], score: NDArray[Any]) -> None:
        self.cluster, self.weight, self.score = cluster, weight, score
        self.equal = len(weight) == 0 or count(len(weight), lambda block: weight[block] == weight[0]) == len(weight)

    @classmethod
    def of(cls, cluster: NDArray[Any], weight: NDArray[Any], score: NDArray[Any]) -> _Side:
        """The rows that have a weight."""
        return _Side(cluster, weight, score).only(lambda block: weight[block] > 0)

    def only(self, which: Of) -> _Side:
        rows = len(self.weight)
        if count(rows, which) == rows:
            return self
        return _Side(*(chosen(rows, which, each.__getitem__, each.dtype) for each in (self.cluster, self.weight, self.score)))

    def by_block(self, block: NDArray[Any], first: int, last: int, size: int) -> NDArray[Any]:
        """(last - first, size): the weight of each cluster in these blocks; `block` is that of each row."""
        import numpy as np

        low, high = np.searchsorted(block, [first, last])
        cell = (block[low:high] - first) * size + self.cluster[low:high]
        sums = np.bincount(cell, weights=self.weight[low:high], minlength=(last - first) * size)
        # without rows they are whole numbers
        return sums.astype(np.float64, copy=False).reshape(last - first, size)


def _between_blocks(positives: _Side, negatives: _Side, scores: _Scores, size: int) -> NDArray[Any]:
    import numpy as np

    found = np.zeros((size, size))
    before = np.zeros(size)
    total = int(scores.block[-1]) + 1
    tied = made(total, lambda block: np.zeros(block.stop - block.start))
    for rows in blocks(len(scores.block)):
        tied[scores.block[rows][scores.alone[rows]]] = 0.5
    ups, downs = taken(scores.block, positives.score), taken(scores.block, negatives.score)
    step = max(1, CELLS // size)
    for first in range(0, total, step):
        last = min(first + step, total)
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
    lengths = made(len(start), lambda block: end[block] - start[block], "i8")
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

    total = running(len(lengths), lengths.__getitem__, "i8")
    low = 0
    while low < len(lengths):
        done = total[low - 1] if low else 0
        if total[-1] == done:
            return
        high = min(low + LOOKED, max(low + 1, int(np.searchsorted(total, done + PAIRS, side="right"))))
        if total[high - 1] > done:
            yield low, high
        low = high
