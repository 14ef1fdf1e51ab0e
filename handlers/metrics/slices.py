"""The gate's metric on parts of the test rows, such as one carrier: an average may hide groups for which a model is bad."""

from __future__ import annotations

from typing import Any

from handlers.data.coded import Coded
from handlers.data.long_arrays import blocks, empty, equal, made, sums
from handlers.metrics.bootstrap import Interval, interval, paired
from handlers.metrics.metrics import RANKING, Metric
from handlers.metrics.predictions import Predictions
from handlers.modelspec.model import ModelSpec

# a column with more values than this is an identifier
MOST = 50
RESAMPLES = 500


def slices(spec: ModelSpec, metric: Metric, ours: Predictions, theirs: Predictions | None) -> list[dict[str, Any]]:
    """{"column", "value", "rows", "challenger", "champion", "difference"} of every value that has `min_rows` rows, the largest first.

    Values with fewer are left out: their intervals would be too wide to be useful. Of a ranking a list counts whole, where all its rows
    have the value.
    """
    found = []
    for column, wanted in spec.evaluate.slices.items():
        coded = ours.columns.get(column)
        if coded is None:
            continue
        for code, rows in _large(coded, wanted.min_rows):
            chosen = made(len(coded.codes), equal(coded.codes, code), "?")
            if spec.task == RANKING:
                chosen = _whole_lists(ours, chosen)
                rows = int(chosen.sum())
                if rows < max(1, wanted.min_rows):
                    continue
            value = str(coded.values[code])
            found.append({"column": column, "value": value, "rows": rows, **_judged(metric, ours.only(chosen), theirs, chosen)})
    return found


def _whole_lists(ours: Predictions, chosen: Any) -> Any:
    """The rows of the lists of which every row is chosen."""
    lists = ours.grouped.lists
    rows = len(chosen)
    missing = sums(rows, lists.list_of.__getitem__, lambda block: ~chosen[lists.order[block]], len(lists.starts))
    whole = empty((rows,), "?")
    for block in blocks(rows):
        whole[lists.order[block]] = missing[lists.list_of[block]] == 0
    return whole


def _large(coded: Coded, least: int) -> list[tuple[int, int]]:
    """(code, rows) of the values that have enough rows."""
    large = [(code, rows) for code, rows in enumerate(coded.counts()) if rows >= max(1, least)]
    return sorted(large, key=lambda pair: (-pair[1], str(coded.values[pair[0]])))[:MOST]


def _judged(metric: Metric, ours: Predictions, theirs: Predictions | None, chosen: Any) -> dict[str, Any]:
    if theirs is None:
        return {"challenger": interval(metric, ours, resamples=RESAMPLES).to_json()}
    both = paired(metric, ours, theirs.only(chosen), resamples=RESAMPLES)
    named: dict[str, Interval] = {"challenger": both.challenger, "champion": both.champion, "difference": both.difference}
    return {name: one.to_json() for name, one in named.items()}
