"""The decision threshold of a binary model, chosen by a declared rule: rows that score at least so much are positive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
    weight = predictions.weight[ranking.order]
    hits, found = (np.cumsum(each)[ranking.ends] for each in (weight * predictions.truth[ranking.order], weight))
    positive, everything = hits[-1], found[-1]
    if positive <= 0:
        raise BadData("evaluate.threshold: no row of valid is positive; make data.split.valid longer")
    precision, recall = np.divide(hits, found, out=np.zeros_like(hits), where=found > 0), hits / positive
    f1 = 2.0 * hits / (found + positive)
    if "maximise" in rule:
        of = {"f1": f1, "accuracy": (2.0 * hits - found + everything - positive) / everything}
        place = int(np.argmax(of[rule["maximise"]]))
    else:
        place = _most_found(precision, recall, float(rule["precision_at_least"]))
    values = {"precision": precision, "recall": recall, "f1": f1}
    score = float(predictions.score[ranking.order[ranking.ends[place]]])
    return {"rule": dict(rule), "value": score, **{name: float(each[place]) for name, each in values.items()}}


def _most_found(precision: NDArray[Any], recall: NDArray[Any], least: float) -> int:
    import numpy as np

    enough = precision >= least
    if not enough.any():
        best = float(precision.max())
        raise BadData(f"evaluate.threshold: no threshold has a precision of {least} on valid, the largest is {best:.4f}; ask for less")
    # the first of equal ones has the highest threshold
    return int(np.argmax(np.where(enough, recall, -1.0)))
