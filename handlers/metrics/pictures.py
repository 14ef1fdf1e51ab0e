"""What a report draws of a model's predictions, in figures whose number does not grow with the rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from handlers.data import long_arrays
from handlers.data.long_arrays import Of
from handlers.metrics.calibration import BINS
from handlers.metrics.metrics import labels
from handlers.metrics.ordered import cumulative
from handlers.metrics.per_class import named
from handlers.metrics.predictions import Predictions, Ranking
from handlers.modelspec.model import ModelSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

Doc = dict[str, Any]
POINTS = 100  # of a curve
CLASSES = 20  # of a matrix; with more of them it cannot be read
CURVES = 10  # one for each class
CELLS = 24  # of a side of predicted against actual
STEPS = 30  # of the residuals
PLACES = 10  # of a list
FAR = 4.0  # standard deviations: what lies further away stands at the edge


def pictures(spec: ModelSpec, predictions: Predictions) -> Doc:
    """What there is to draw, by the picture's name."""
    if not predictions.rows:
        return {}
    return {name: found for name, found in _OF[spec.task](spec, predictions).items() if found}


def _binary(spec: ModelSpec, predictions: Predictions) -> Doc:
    return {
        "thresholds": thresholds(predictions),
        "calibration": calibration(predictions),
        "confusion": confusion(spec, predictions),
    }


def _multiclass(spec: ModelSpec, predictions: Predictions) -> Doc:
    return {
        "rocs": _rocs(spec, predictions),
        "calibration": calibration(predictions),
        "confusion": confusion(spec, predictions),
    }


def _regression(spec: ModelSpec, predictions: Predictions) -> Doc:
    return {"predicted": predicted(predictions), "residuals": residuals(predictions)}


def _ranking(spec: ModelSpec, predictions: Predictions) -> Doc:
    return {"places": places(predictions)}


def thresholds(predictions: Predictions) -> list[list[float]]:
    """[score, recall, precision] when rows are positive from that score on, from the highest down."""
    import numpy as np

    grouped = predictions.grouped
    hits, misses = cumulative(grouped, grouped.ranking, predictions.truth.__getitem__)(np.ones(grouped.size))
    if hits[-1] <= 0:
        return []
    ranking = grouped.ranking
    found = []
    for i in np.unique(np.linspace(0, len(hits) - 1, POINTS).astype(np.int64)).tolist():
        called = float(hits[i] + misses[i])
        score = float(predictions.score[ranking.order[ranking.ends[i]]])
        found.append([_short(score), _short(float(hits[i] / hits[-1])), _short(float(hits[i]) / called if called else 0.0)])
    return found


def _rocs(spec: ModelSpec, predictions: Predictions) -> Doc:
    """By class the points of its curve against all others: [false positive rate, true positive rate]."""
    import numpy as np

    found: Doc = {}
    for code, name in named(spec)[:CURVES]:
        ranking = Ranking.of(predictions.score[:, code])
        hits, misses = cumulative(predictions.grouped, ranking, long_arrays.equal(predictions.truth, code))(
            np.ones(predictions.grouped.size)
        )
        if hits[-1] <= 0 or misses[-1] <= 0:
            continue
        grid = np.unique(np.linspace(0, len(hits) - 1, POINTS // 2).astype(np.int64)).tolist()
        found[name] = [[0.0, 0.0], *([_short(float(misses[i] / misses[-1])), _short(float(hits[i] / hits[-1]))] for i in grid)]
    return found


def calibration(predictions: Predictions) -> list[list[float]]:
    """[mean probability, share of hits, rows] of ten bins of equal width; of several classes of the one that was chosen."""
    import numpy as np

    if predictions.kind != "probability":
        return []
    several = predictions.score.ndim == 2

    def score(block: slice) -> NDArray[Any]:
        return np.asarray(predictions.score[block].max(axis=1) if several else predictions.score[block], dtype="f8")

    def hit(block: slice) -> NDArray[Any]:
        right = labels(predictions, block) == predictions.truth[block] if several else predictions.truth[block]
        return np.asarray(right, dtype="f8")

    def cells(block: slice) -> NDArray[Any]:
        return np.clip((score(block) * BINS).astype(np.int64), 0, BINS - 1)

    weight = predictions.weight
    rows, of_weight, scores, hits = (
        long_arrays.sums(predictions.rows, cells, each, BINS)
        for each in (_one, weight.__getitem__, lambda block: score(block) * weight[block], lambda block: hit(block) * weight[block])
    )
    return [
        [_short(float(scores[i] / of_weight[i])), _short(float(hits[i] / of_weight[i])), int(rows[i])]
        for i in range(BINS)
        if of_weight[i] > 0
    ]


def confusion(spec: ModelSpec, predictions: Predictions) -> Doc:
    """{"classes", "rows"}: of the rows of each class (a line) how many were called what; nothing where there are too many classes."""
    import numpy as np

    classes = named(spec)
    if len(classes) > CLASSES:
        return {}
    count = len(classes)

    def cells(block: slice) -> NDArray[Any]:
        return np.asarray(predictions.truth[block].astype(np.int64) * count + labels(predictions, block))

    table = long_arrays.sums(predictions.rows, cells, _one, count * count).reshape(count, count)
    codes = [code for code, _ in classes]
    return {"classes": [name for _, name in classes], "rows": table[np.ix_(codes, codes)].astype(int).tolist()}


def predicted(predictions: Predictions) -> Doc:
    """{"low", "high", "cells"}: how many rows lie in each cell [column of the actual number, line of the predicted one, rows], where both
    sides go from `low` to `high` in CELLS steps."""
    low, high = _range(predictions.truth)
    if not 0 < high - low < math.inf:
        return {}
    place = [_step(of, low, high, CELLS) for of in (predictions.truth.__getitem__, predictions.score.__getitem__)]
    table = long_arrays.sums(predictions.rows, lambda block: place[0](block) * CELLS + place[1](block), _one, CELLS * CELLS)
    cells = [[at // CELLS, at % CELLS, int(rows)] for at, rows in enumerate(table.tolist()) if rows]
    return {"low": _figure(low), "high": _figure(high), "cells": cells}


def residuals(predictions: Predictions) -> Doc:
    """{"low", "high", "rows"}: how many rows have which difference of the prediction from the truth, in STEPS steps."""
    errors = long_arrays.made(predictions.rows, lambda block: predictions.score[block] - predictions.truth[block])
    low, high = _range(errors)
    if not 0 < high - low < math.inf:
        return {}
    rows = long_arrays.sums(predictions.rows, _step(errors.__getitem__, low, high, STEPS), _one, STEPS)
    return {"low": _figure(low), "high": _figure(high), "rows": rows.astype(int).tolist()}


def places(predictions: Predictions) -> list[list[float]]:
    """[place, mean relevance of the rows there, lists that reach so far]; of rows of one score the order is that in which they came."""
    import numpy as np

    lists = predictions.grouped.lists
    count = predictions.rows

    def place(block: slice) -> NDArray[Any]:
        within = np.arange(block.start, block.stop) - lists.starts[lists.list_of[block]]
        return np.asarray(np.minimum(within, PLACES))

    relevance = long_arrays.sums(count, place, lambda block: predictions.truth[lists.order[block]].astype("f8"), PLACES + 1)
    rows = long_arrays.sums(count, place, _one, PLACES + 1)
    return [[i + 1, _short(float(relevance[i] / rows[i])), int(rows[i])] for i in range(PLACES) if rows[i]]


def _one(block: slice) -> NDArray[Any]:
    import numpy as np

    return np.ones(block.stop - block.start)


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """From the least to the greatest number, as far as FAR deviations from the mean."""
    rows = len(values)
    mean = sum(float(values[block].sum(dtype="f8")) for block in long_arrays.blocks(rows)) / rows
    spread = (sum(float(((values[block] - mean) ** 2).sum(dtype="f8")) for block in long_arrays.blocks(rows)) / rows) ** 0.5
    return max(float(values.min()), mean - FAR * spread), min(float(values.max()), mean + FAR * spread)


def _step(of: Of, low: float, high: float, steps: int) -> Of:
    """The step of each number; those outside stand in the first or the last."""
    import numpy as np

    return lambda block: np.asarray(np.clip((of(block) - low) / (high - low) * steps, 0, steps - 1).astype(np.int64))


def _short(value: float) -> float:
    return round(value, 4)


def _figure(value: float) -> float:
    return float(f"{value:.6g}")


_OF: dict[str, Callable[[ModelSpec, Predictions], Doc]] = {
    "binary": _binary,
    "multiclass": _multiclass,
    "regression": _regression,
    "ranking": _ranking,
}
