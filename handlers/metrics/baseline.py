"""Baselines: constant predictions learned from train, measured on the same rows as the models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from handlers.metrics.metrics import values
from handlers.metrics.predictions import Predictions

if TYPE_CHECKING:
    from handlers.data.read import Targets

DEFAULT = {"binary": "majority", "multiclass": "majority", "regression": "median", "ranking": "any order"}
# above this many train rows the median is that of every n-th row
KEPT = 2_000_000


def baseline(name: str, task: str, classes: int, train: Iterable[Targets], test: Predictions, metrics: list[str]) -> dict[str, Any]:
    """{"name", "answer", "values": {metric: number}} of a constant model.

    majority: the classes' shares in train. median: train's median target. last_value: the mean target of train's last day, year or step.
    any order: the rows of a list in no order.
    """
    import numpy as np

    answer = _answer(name, classes, train) if task != "ranking" else np.zeros(1)
    score: Any
    if task in ("regression", "ranking"):
        score, kind = np.broadcast_to(float(answer[0]), (test.rows,)), test.kind
    elif classes == 2:
        score, kind = np.broadcast_to(float(answer[1]), (test.rows,)), "probability"
    else:
        score, kind = np.broadcast_to(answer, (test.rows, classes)), "probability"
    predictions = Predictions(test.truth, score, test.weight, test.cluster, "value" if kind == "value" else "probability")
    found = values(task, metrics, predictions)
    return {"name": name, "answer": [float(a) for a in answer], "values": {k: v if np.isfinite(v) else None for k, v in found.items()}}


def _answer(name: str, classes: int, train: Iterable[Targets]) -> Any:
    import numpy as np

    if name == "majority":
        counts = np.zeros(classes)
        for part in train:
            counts += np.bincount(part.y.astype(np.int64), weights=part.weight, minlength=classes)
        return counts / counts.sum()
    if name == "last_value":
        last, total, rows = -np.inf, 0.0, 0.0
        for part in train:
            newest = part.unit.max()
            if newest > last:
                last, total, rows = newest, 0.0, 0.0
            here = part.unit == last
            total, rows = total + float(part.y[here].sum()), rows + float(here.sum())
        return np.asarray([total / rows])
    seen = np.concatenate([part.y for part in train])
    return np.asarray([np.median(seen[:: 1 + len(seen) // KEPT])])
