"""What each feature is worth to a trained model: how much worse it gets on `valid` when the feature's values are shuffled among the rows.

A feature is shuffled as a whole, however many columns it is encoded in. The rows are a fixed sample; the shuffles follow from the seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.contracts import log
from handlers.data import part_files, targets
from handlers.data.manifest import Dataset
from handlers.data.rows import Rows, join
from handlers.metrics.metrics import metric, value
from handlers.metrics.predictions import Predictions
from handlers.models.predict import kind_of
from handlers.models.scikit_learn import ScikitLearn
from handlers.modelspec.model import ModelSpec
from handlers.runs.evaluation import TrainedTrial
from handlers.storage import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 5000  # at most
PREDICTED = 1_000_000  # rows at most, all shuffles together
LEAST_ROWS = 200
SHUFFLES = 5
COEFFICIENTS = 100  # the largest


def importance(store: Store, trained: TrainedTrial, dataset: Dataset, spec: ModelSpec, threshold: float | None) -> dict[str, Any]:
    """{"metric", "rows", "shuffles", "value", "features": [{"feature", "loss", "spread"}]}, the most important one first, and the largest
    `coefficients` of a linear model."""
    import numpy as np

    served = [name for name in trained.encoder.columns if name in trained.encoder.served]
    rows = _sample(store, trained, dataset, spec, min(ROWS, max(LEAST_ROWS, PREDICTED // (SHUFFLES * max(1, len(served))))))
    found = metric(spec.task, spec.evaluate.select_by)

    def judged(encoded: Rows) -> float:
        score, kind = trained.made.predict(trained.encoder.matrix(encoded))
        weight = rows.arrays.get("weight", np.ones(len(rows)))
        return value(found, Predictions(rows.arrays["y"], score, weight, np.arange(len(rows)), kind_of(kind), threshold=threshold))

    whole = judged(rows)
    features: list[tuple[float, float, str]] = []
    for place, name in enumerate(served):
        random = [np.random.default_rng([spec.model.seed, place, shuffle]) for shuffle in range(SHUFFLES)]
        values = [judged(trained.encoder.shuffled(rows, name, each.permutation(len(rows)))) for each in random]
        losses = [float(found.improvement(whole, each)) for each in values]
        features.append((float(np.mean(losses)), float(np.std(losses)), name))
    # what cannot be judged comes last
    features.sort(key=lambda each: (each[0] != each[0], -each[0], each[2]))
    log("importance", trial=trained.trial, rows=len(rows), features=len(features))
    linear = coefficients(trained)
    return {
        "metric": found.name,
        "rows": len(rows),
        "shuffles": SHUFFLES,
        "value": _or_none(whole),
        "features": [{"feature": name, "loss": _or_none(loss), "spread": _or_none(spread)} for loss, spread, name in features],
        **({"coefficients": linear} if linear else {}),
    }


def _or_none(number: float) -> float | None:
    return number if number == number else None


def _sample(store: Store, trained: TrainedTrial, dataset: Dataset, spec: ModelSpec, most: int) -> Rows:
    """At most so many rows of `valid`, encoded, with their targets and weights; part by part, so that memory holds one of them."""
    import numpy as np

    parts = dataset.of_role("valid")
    count = sum(part.rows for part in parts)
    random = np.random.default_rng(spec.model.seed)
    chosen = np.arange(count) if count <= most else np.sort(random.choice(count, most, replace=False))
    names = dict.fromkeys([*trained.encoder.served, *targets.columns(spec)])
    found, first = [], 0
    for part in parts:
        wanted = chosen[(chosen >= first) & (chosen < first + part.rows)] - first
        first += part.rows
        if len(wanted):
            table = part_files.table(store, part, list(names)).take(wanted)
            rows = trained.encoder.rows(table, scoring=True)
            more = {"y": targets.target(table, spec), "weight": targets.weight(table, spec)}
            rows.arrays.update((name, array) for name, array in more.items() if array is not None)
            found.append(rows)
    return join(found)


def coefficients(trained: TrainedTrial) -> list[dict[str, Any]]:
    """The largest coefficients of a linear model by column, of several classes those of each class; none of another model."""
    import numpy as np

    found: NDArray[Any] | None = trained.made.coefficients() if isinstance(trained.made, ScikitLearn) else None
    if found is None:
        return []
    table = found.reshape(-1, trained.encoder.width)
    largest = np.argsort(-np.abs(table).max(axis=0), kind="stable")[:COEFFICIENTS]
    names = trained.encoder.names
    one = len(table) == 1
    return [{"column": names[i], "value": float(table[0, i]) if one else table[:, i].tolist()} for i in largest.tolist()]
