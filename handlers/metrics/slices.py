"""The gate's metric on parts of the test rows, such as one carrier: an average may hide groups for which a model is bad."""

from __future__ import annotations

from collections import Counter
from typing import Any

from handlers.metrics.bootstrap import Interval, interval, paired
from handlers.metrics.metrics import Metric
from handlers.metrics.predictions import Predictions
from handlers.modelspec.model import ModelSpec

# a column with more values than this is an identifier
MOST = 50
RESAMPLES = 500


def slices(spec: ModelSpec, metric: Metric, ours: Predictions, theirs: Predictions | None) -> list[dict[str, Any]]:
    """{"column", "value", "rows", "challenger", "champion", "difference"} of every value that has `min_rows` rows, the largest first.

    Values with fewer are left out: their intervals would be too wide to be useful.
    """
    found = []
    for column, wanted in spec.evaluate.slices.items():
        for value, rows in _values(ours, column, wanted.min_rows):
            chosen = ours.columns[column] == value
            found.append({"column": column, "value": str(value), "rows": rows, **_judged(metric, ours.only(chosen), theirs, chosen)})
    return found


def _values(predictions: Predictions, column: str, least: int) -> list[tuple[Any, int]]:
    counts = Counter(value for value in predictions.columns.get(column, ()) if value is not None)
    large = [(value, rows) for value, rows in counts.items() if rows >= least]
    return sorted(large, key=lambda pair: (-pair[1], str(pair[0])))[:MOST]


def _judged(metric: Metric, ours: Predictions, theirs: Predictions | None, chosen: Any) -> dict[str, Any]:
    if theirs is None:
        return {"challenger": interval(metric, ours, resamples=RESAMPLES).to_json()}
    both = paired(metric, ours, theirs.only(chosen), resamples=RESAMPLES)
    named: dict[str, Interval] = {"challenger": both.challenger, "champion": both.champion, "difference": both.difference}
    return {name: one.to_json() for name, one in named.items()}
