"""Metrics of lists: how far up the relevant rows of each list stand. Every list counts once, by the mean weight of its rows.

A list without a relevant row tells nothing and is left out. Rows of one score have no order: `ndcg` and `mean_rank` take the mean over all
orders, `map` and `mrr` the worst one, so that nobody gains by giving every row the same score. Values agree with scikit-learn's ndcg_score
and label_ranking_average_precision_score.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from handlers.metrics.predictions import Grouped

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
    heads = lists.order[lists.starts]
    rows = np.bincount(lists.list_of, minlength=len(heads))
    weight = np.bincount(lists.list_of, weights=grouped.of.weight[lists.order], minlength=len(heads)) / np.maximum(rows, 1)
    known = np.isfinite(values)
    index, weight, counted = grouped.index[heads][known], weight[known], values[known]
    sums = [np.bincount(index, weights=each, minlength=grouped.size) for each in (counted * weight, weight)]
    table = np.stack(sums, axis=1)

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        total = counts @ table
        with np.errstate(invalid="ignore"):
            return np.asarray(total[:, 0] / total[:, 1])

    return of


def _per_list(grouped: Grouped, values: NDArray[Any]) -> NDArray[Any]:
    """The sum over each list of a value of each ranked row."""
    import numpy as np

    return np.bincount(grouped.lists.list_of, weights=values, minlength=len(grouped.lists.starts))


def _relevant(grouped: Grouped) -> NDArray[Any]:
    """1 for each ranked row that is relevant, else 0."""
    import numpy as np

    return np.asarray(grouped.of.truth[grouped.lists.order] > 0, dtype=np.float64)


def _share(above: NDArray[Any], below: NDArray[Any]) -> NDArray[Any]:
    """The quotient; NaN where there is nothing to divide by."""
    import numpy as np

    return np.asarray(np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0))


def mean_rank(grouped: Grouped) -> Statistic:
    """The mean place, from 1, of the relevant rows of a list."""
    lists, relevant = grouped.lists, _relevant(grouped)
    places = (lists.first + lists.last) / 2.0 + 1.0
    return _mean_of_lists(grouped, _share(_per_list(grouped, places * relevant), _per_list(grouped, relevant)))


def mrr(grouped: Grouped) -> Statistic:
    """One through the place of the first relevant row."""
    import numpy as np

    lists, relevant = grouped.lists, _relevant(grouped)
    found = np.full(len(lists.starts), np.inf)
    np.minimum.at(found, lists.list_of, np.where(relevant > 0, lists.last + 1.0, np.inf))
    return _mean_of_lists(grouped, np.where(np.isfinite(found), 1.0 / found, np.nan))


def average_precision(grouped: Grouped, most: int | None) -> Statistic:
    """The precision at each relevant row among the first `most` places, through the number of relevant rows of the list."""
    import numpy as np

    lists, relevant = grouped.lists, _relevant(grouped)
    upto = np.append(0.0, np.cumsum(relevant))
    begins = lists.starts[lists.list_of]
    hits = upto[begins + lists.last + 1] - upto[begins]
    places = lists.last + 1.0
    counted = relevant if most is None else relevant * (places <= most)
    return _mean_of_lists(grouped, _share(_per_list(grouped, counted * hits / places), _per_list(grouped, relevant)))


def ndcg(grouped: Grouped, most: int | None) -> Statistic:
    """The discounted gain of the first `most` places, through that of the best order; the gain of a row is its relevance."""
    import numpy as np

    lists, truth = grouped.lists, grouped.of.truth
    longest = int(np.bincount(lists.list_of).max(initial=0))
    discount = 1.0 / np.log2(np.arange(longest) + 2.0)
    if most is not None:
        discount[most:] = 0.0
    upto = np.append(0.0, np.cumsum(discount))
    shared = (upto[lists.last + 1] - upto[lists.first]) / (lists.last - lists.first + 1)
    best = truth[np.lexsort((-truth, grouped.of.cluster))]
    place = np.arange(len(best)) - lists.starts[lists.list_of]
    gained, ideal = _per_list(grouped, truth[lists.order] * shared), _per_list(grouped, best * discount[place])
    return _mean_of_lists(grouped, _share(gained, ideal))


def upto(compute: Callable[[Grouped, int | None], Statistic], most: int | None) -> Prepare:
    """A metric of the first `most` places."""
    return lambda grouped: compute(grouped, most)
