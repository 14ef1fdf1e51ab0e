"""Metrics of lists: how far up the relevant rows of each list stand. Every list counts once, by the mean weight of its rows.

A list without a relevant row tells nothing and is left out. Rows of one score have no order: `ndcg` and `mean_rank` take the mean over all
orders, `map` and `mrr` the worst one, so that nobody gains by giving every row the same score. Values agree with scikit-learn's ndcg_score
and label_ranking_average_precision_score.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from handlers.data.long_arrays import Of, blocks, made, running, sums
from handlers.metrics.predictions import Grouped, by_cluster

if TYPE_CHECKING:
    from numpy.typing import NDArray

Statistic = Callable[["NDArray[Any]"], "NDArray[Any]"]
Prepare = Callable[[Grouped], Statistic]
# the places up to which a list may be judged
PLACES = (1, 3, 5, 10, 20, 50, 100)


def _mean_of_lists(grouped: Grouped, values: NDArray[Any]) -> Statistic:
    """The mean over the lists of which `values` are numbers, for counts of clusters."""
    import numpy as np

    lists = grouped.lists
    count = len(lists.starts)
    total = _per_list(grouped, lambda block: grouped.of.weight[lists.order[block]])
    rows = _per_list(grouped, lambda block: np.ones(block.stop - block.start))

    def weight(block: slice) -> NDArray[Any]:
        return np.asarray(np.where(np.isfinite(values[block]), total[block] / rows[block], 0.0))

    def counted(block: slice) -> NDArray[Any]:
        return np.asarray(np.where(np.isfinite(values[block]), values[block], 0.0) * weight(block))

    def index(block: slice) -> NDArray[Any]:
        return np.asarray(grouped.index[lists.order[lists.starts[block]]])

    table = np.stack([sums(count, index, each, grouped.size) for each in (counted, weight)], axis=1)

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        total = counts @ table
        with np.errstate(invalid="ignore"):
            return np.asarray(total[:, 0] / total[:, 1])

    return of


def _per_list(grouped: Grouped, values: Of) -> NDArray[Any]:
    """The sum over each list of a value of each ranked row."""
    return sums(grouped.of.rows, grouped.lists.list_of.__getitem__, values, len(grouped.lists.starts))


def _relevant(grouped: Grouped) -> Of:
    """1 for each ranked row that is relevant, else 0."""
    return lambda block: (grouped.of.truth[grouped.lists.order[block]] > 0).astype("f8")


def _share(above: NDArray[Any], below: NDArray[Any]) -> NDArray[Any]:
    """The quotient; NaN where there is nothing to divide by."""
    import numpy as np

    def of(block: slice) -> NDArray[Any]:
        here = below[block]
        return np.asarray(np.divide(above[block], here, out=np.full(len(here), np.nan), where=here > 0))

    return made(len(below), of)


def mean_rank(grouped: Grouped) -> Statistic:
    """The mean place, from 1, of the relevant rows of a list."""
    import numpy as np

    lists, relevant = grouped.lists, _relevant(grouped)

    def places(block: slice) -> NDArray[Any]:
        return np.asarray(((lists.first[block] + lists.last[block]) / 2.0 + 1.0) * relevant(block))

    return _mean_of_lists(grouped, _share(_per_list(grouped, places), _per_list(grouped, relevant)))


def mrr(grouped: Grouped) -> Statistic:
    """One through the place of the first relevant row."""
    import numpy as np

    lists, relevant = grouped.lists, _relevant(grouped)
    found = made(len(lists.starts), lambda block: np.full(block.stop - block.start, np.inf))
    for block in blocks(grouped.of.rows):
        np.minimum.at(found, lists.list_of[block], np.where(relevant(block) > 0, lists.last[block] + 1.0, np.inf))
    return _mean_of_lists(grouped, made(len(found), lambda block: np.where(np.isfinite(found[block]), 1.0 / found[block], np.nan)))


def average_precision(grouped: Grouped, most: int | None) -> Statistic:
    """The precision at each relevant row among the first `most` places, through the number of relevant rows of the list."""
    import numpy as np

    lists, relevant = grouped.lists, _relevant(grouped)
    found = running(grouped.of.rows, relevant)

    def precision(block: slice) -> NDArray[Any]:
        begins, places = lists.starts[lists.list_of[block]], lists.last[block] + 1.0
        before = np.where(begins > 0, found[begins - 1], 0.0)
        hits = found[begins + lists.last[block]] - before
        counted = relevant(block) if most is None else relevant(block) * (places <= most)
        return np.asarray(counted * hits / places)

    return _mean_of_lists(grouped, _share(_per_list(grouped, precision), _per_list(grouped, relevant)))


def ndcg(grouped: Grouped, most: int | None) -> Statistic:
    """The discounted gain of the first `most` places, through that of the best order; the gain of a row is its relevance."""
    import numpy as np

    lists, truth = grouped.lists, grouped.of.truth
    longest = int(max((lists.last[block].max() for block in blocks(len(lists.last))), default=-1)) + 1
    discount = 1.0 / np.log2(np.arange(longest) + 2.0)
    if most is not None:
        discount[most:] = 0.0
    upto = np.append(0.0, np.cumsum(discount))
    best = by_cluster(grouped.of.cluster, lambda block: -truth[block])

    def gained(block: slice) -> NDArray[Any]:
        first, last = lists.first[block], lists.last[block]
        return np.asarray(truth[lists.order[block]] * ((upto[last + 1] - upto[first]) / (last - first + 1)))

    def ideal(block: slice) -> NDArray[Any]:
        place = np.arange(block.start, block.stop) - lists.starts[lists.list_of[block]]
        return np.asarray(truth[best[block]] * discount[place])

    return _mean_of_lists(grouped, _share(_per_list(grouped, gained), _per_list(grouped, ideal)))


def upto(compute: Callable[[Grouped, int | None], Statistic], most: int | None) -> Prepare:
    """A metric of the first `most` places."""
    return lambda grouped: compute(grouped, most)
