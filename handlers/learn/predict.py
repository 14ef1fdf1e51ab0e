"""What a model says about rows, beside what is true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from handlers.contracts import BadData
from handlers.learn.estimators import Learner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from handlers.data.read import Batch

Kind = Literal["probability", "decision", "value"]


@dataclass(frozen=True, slots=True)
class Predictions:
    """Rows with their truth and the model's answer.

    `truth` (n,): 0 or 1 (binary, 1 is the positive class), the class index (multiclass) or the number (regression).
    `score`: (n,) probability of the positive class or a decision value; (n, classes) for multiclass; (n,) for regression.
    `weight` (n,): positive sample weights. `cluster` (n,): the day, or the declared cluster, that a row belongs to; rows of one
    cluster are not independent of each other.
    `kind` says what `score` holds: only a `probability` can be judged by log_loss or brier. `columns` are the values of the columns by
    which rows are looked at apart (`evaluate.slices`).
    """

    truth: NDArray[Any]
    score: NDArray[Any]
    weight: NDArray[Any]
    cluster: NDArray[Any]
    kind: Kind
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return int(self.truth.shape[0])

    def only(self, chosen: NDArray[Any]) -> Predictions:
        """The rows where `chosen` is true."""
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return Predictions(self.truth[chosen], self.score[chosen], self.weight[chosen], self.cluster[chosen], self.kind, columns)


def ask(learner: Learner, batches: Iterable[Batch], what: str) -> Predictions:
    """The learner's answers for all rows of the batches, in their order; BadData naming `what` when there are none."""
    import numpy as np

    truth, score, weight, cluster = [], [], [], []
    columns: dict[str, list[Any]] = {}
    kind = "value"
    for batch in batches:
        said, kind = learner.predict(batch.X)
        truth.append(batch.y)
        score.append(said)
        weight.append(np.ones(len(batch.y)) if batch.weight is None else batch.weight)
        cluster.append(batch.cluster)
        for name, values in batch.columns.items():
            columns.setdefault(name, []).append(values)
    if not truth:
        raise BadData(f"{what}: no rows; give data.split more days, or add data")
    apart = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Predictions(np.concatenate(truth), np.concatenate(score), np.concatenate(weight), np.concatenate(cluster), _kind(kind), apart)


def _kind(kind: str) -> Kind:
    return "probability" if kind == "probability" else "decision" if kind == "decision" else "value"
