"""A model's predictions for rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from handlers.contracts import BadData
from handlers.data.coded import Coded
from handlers.data.long_arrays import Growing
from handlers.metrics.predictions import Predictions, ScoreKind
from handlers.models.kinds import Estimator

if TYPE_CHECKING:
    from handlers.data.read import Batch


def predict(made: Estimator, batches: Iterable[Batch], what: str) -> Predictions:
    """The model's predictions for all rows of the batches, in their order; BadData naming `what` when there are none."""
    import numpy as np

    truth, score, weight, cluster = (Growing() for _ in range(4))
    clustered, rows = True, 0
    columns: dict[str, tuple[Growing, Coded]] = {}
    kind = "value"
    for batch in batches:
        part, kind = made.predict(batch.X)
        rows += len(batch.y)
        truth.add(batch.y)
        score.add(part)
        weight.add(np.ones(len(batch.y)) if batch.weight is None else batch.weight)
        clustered = clustered and batch.cluster is not None
        # without clusters no interval is asked for
        cluster.add(np.zeros(len(batch.y), np.int64) if batch.cluster is None else batch.cluster)
        for name, values in batch.columns.items():
            codes = columns[name][0] if name in columns else Growing()
            codes.add(values.codes)
            columns[name] = codes, values
    if not rows:
        raise BadData(f"{what}: no rows; make data.split longer, or add data")
    apart = {name: Coded(codes.array(), last.values) for name, (codes, last) in columns.items()}
    return Predictions(truth.array(), score.array(), weight.array(), cluster.array(), kind_of(kind), apart, clustered)


def kind_of(kind: str) -> ScoreKind:
    return "probability" if kind == "probability" else "decision" if kind == "decision" else "value"
