"""A model's predictions for rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from handlers.contracts import BadData
from handlers.data.coded import Coded
from handlers.metrics.predictions import Predictions, ScoreKind
from handlers.models.kinds import Estimator

if TYPE_CHECKING:
    from handlers.data.read import Batch


def predict(made: Estimator, batches: Iterable[Batch], what: str) -> Predictions:
    """The model's predictions for all rows of the batches, in their order; BadData naming `what` when there are none."""
    import numpy as np

    truth, score, weight, cluster = [], [], [], []
    clustered = True
    columns: dict[str, list[Coded]] = {}
    kind = "value"
    for batch in batches:
        part, kind = made.predict(batch.X)
        truth.append(batch.y)
        score.append(part)
        weight.append(np.ones(len(batch.y)) if batch.weight is None else batch.weight)
        clustered = clustered and batch.cluster is not None
        # without clusters no interval is asked for
        cluster.append(np.zeros(len(batch.y), np.int64) if batch.cluster is None else batch.cluster)
        for name, values in batch.columns.items():
            columns.setdefault(name, []).append(values)
    if not truth:
        raise BadData(f"{what}: no rows; make data.split longer, or add data")
    apart = {name: Coded(np.concatenate([one.codes for one in found]), found[-1].values) for name, found in columns.items()}
    rows = (np.concatenate(truth), np.concatenate(score), np.concatenate(weight), np.concatenate(cluster))
    return Predictions(*rows, kind_of(kind), apart, clustered)


def kind_of(kind: str) -> ScoreKind:
    return "probability" if kind == "probability" else "decision" if kind == "decision" else "value"
