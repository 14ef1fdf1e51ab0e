"""The decision threshold of a binary model, chosen by a declared rule: rows that score at least so much are positive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from handlers.data.long_arrays import Of, made, running, taken
from handlers.errors import BadData
from handlers.metrics.predictions import Predictions, Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAXIMISED = ("f1", "accuracy")


def threshold(rule: Mapping[str, Any], predictions: Predictions) -> dict[str, Any]:
    """{"rule", "value", "precision", "recall", "f1"} on these rows; BadData where no threshold fulfils the rule.

    `maximise` takes the threshold with the largest metric, the highest of equal ones; `precision_at_least` the one that finds the most
    positive rows while so large a share of what it finds is positive.
    """
    import numpy as np

    ranking = Ranking.of(predictions.score)
    weight = taken(predictions.weight, ranking.order)
    columns: list[Of] = [lambda block: weight[block] * predictions.truth[ranking.order[block]], weight.__getitem__]
    hits, found = (taken(running(len(weight), of), ranking.ends) for of in columns)
    positive, everything = hits[-1], found[-1]
    if positive <= 0:
        raise BadData("evaluate.threshold: no row of valid is positive; make data.split.valid longer")

    def precision(block: slice) -> NDArray[Any]:
        here = found[block]
        return np.asarray(np.divide(hits[block], here, out=np.zeros_like(here), where=here > 0))

    of: dict[str, Of] = {
        "precision": precision,
        "recall": lambda block: hits[block] / positive,
        "f1": lambda block: 2.0 * hits[block] / (found[block] + positive),
        "accuracy": lambda block: (2.0 * hits[block] - found[block] + everything - positive) / everything,
    }
    if "maximise" in rule:
        place = int(np.argmax(made(len(hits), of[rule["maximise"]])))
    else:
        place = _most_found(made(len(hits), precision), made(len(hits), of["recall"]), float(rule["precision_at_least"]))
    score = float(predictions.score[ranking.order[ranking.ends[place]]])
    there = slice(place, place + 1)
    return {"rule": dict(rule), "value": score, **{name: float(of[name](there)[0]) for name in ("precision", "recall", "f1")}}


def _most_found(precision: NDArray[Any], recall: NDArray[Any], least: float) -> int:
    import numpy as np

    if precision.max() < least:
        best = float(precision.max())
        raise BadData(f"evaluate.threshold: no threshold has a precision of {least} on valid, the largest is {best:.4f}; ask for less")
    # the first of equal ones has the highest threshold
    return int(np.argmax(made(len(recall), lambda block: np.where(precision[block] >= least, recall[block], -1.0))))
