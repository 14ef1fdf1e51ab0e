"""What each feature is worth to a trained model: how much worse it gets on `valid` when the feature's values are shuffled among the rows.

A feature is shuffled as a whole, however many columns it is encoded in. The rows are a fixed sample; the shuffles follow from the seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.contracts import log
from handlers.data import part_files, places, targets
from handlers.data.manifest import Dataset
from handlers.metrics.metrics import metric, value
from handlers.metrics.predictions import Predictions
from handlers.models.predict import kind_of
from handlers.models.scikit_learn import ScikitLearn
from handlers.modelspec.model import ModelSpec
from handlers.runs.evaluation import TrainedTrial
from handlers.storage import Store

if TYPE_CHECKING:
    import pyarrow as pa
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
    rows, y, weight, lists = _sample(
        store, trained, dataset, spec, min(ROWS, max(LEAST_ROWS, PREDICTED // (SHUFFLES * max(1, len(served)))))
    )
    found = metric(spec.task, spec.evaluate.select_by)

    def judged(table: pa.Table) -> float:
        score, kind = trained.estimator.predict(trained.encoder.encode(table, scoring=True))
        return value(found, Predictions(y, score, weight, lists, kind_of(kind), threshold=threshold))

    whole = judged(rows)
    features: list[tuple[float, float, str]] = []
    for place, name in enumerate(served):
        random = [np.random.default_rng([spec.model.seed, place, shuffle]) for shuffle in range(SHUFFLES)]
        values = [judged(_shuffled(rows, name, each.permutation(len(rows)))) for each in random]
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


def _shuffled(table: pa.Table, name: str, order: NDArray[Any]) -> pa.Table:
    """The same rows, of which each has the feature `name` of another one: of the row that `order` names."""
    return table.set_column(table.column_names.index(name), name, table.column(name).take(order))


def _sample(
    store: Store, trained: TrainedTrial, dataset: Dataset, spec: ModelSpec, most: int
) -> tuple[pa.Table, NDArray[Any], NDArray[Any], NDArray[Any]]:
    """At most so many rows of `valid`, of a ranking about so many and whole lists, with their targets, weights and lists; part by part, so
    that memory holds one of them."""
    import numpy as np
    import pyarrow as pa

    parts = dataset.of_role("valid")
    count = sum(part.rows for part in parts)
    random = np.random.default_rng(spec.model.seed)
    chosen = np.arange(count) if count <= most else np.sort(random.choice(count, most, replace=False))
    groups = [spec.data.group] if spec.task == "ranking" and spec.data.group else []
    names = dict.fromkeys([*trained.encoder.served, *targets.columns(spec), *groups])
    found, first = [], 0
    for part in parts:
        wanted = chosen[(chosen >= first) & (chosen < first + part.rows)] - first
        first += part.rows
        if groups or len(wanted):
            table = part_files.table(store, part, list(names))
            found.append(table.filter(pa.array(_lists(table, groups) % 10_000 < 10_000 * most / count)) if groups else table.take(wanted))
    rows = pa.concat_tables(found)
    weight = targets.weight(rows, spec)
    lists = _lists(rows, groups).view(np.int64) if groups else np.arange(len(rows))
    return rows, targets.target(rows, spec), np.ones(len(rows)) if weight is None else weight, lists


def _lists(table: pa.Table, groups: list[str]) -> NDArray[Any]:
    """A number of each row's list, the same wherever it is made."""
    import numpy as np

    return np.asarray(places.hashes(table, groups).to_numpy(), dtype=np.uint64)


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
