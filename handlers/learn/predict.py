"""What a model says about rows, beside what is true."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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
    `kind` says what `score` holds: only a `probability` can be judged by log_loss or brier.
    """

    truth: NDArray[Any]
    score: NDArray[Any]
    weight: NDArray[Any]
    cluster: NDArray[Any]
    kind: Kind

    @property
    def rows(self) -> int:
        return int(self.truth.shape[0])


def ask(learner: Learner, batches: Iterable[Batch], what: str) -> Predictions:
    """The learner's answers for all rows of the batches, in their order; BadData naming `what` when there are none."""
    import numpy as np

    truth, score, weight, cluster = [], [], [], []
    kind = "value"
    for batch in batches:
        said, kind = learner.predict(batch.X)
        truth.append(batch.y)
        score.append(said)
        weight.append(np.ones(len(batch.y)) if batch.weight is None else batch.weight)
        cluster.append(batch.cluster)
    if not truth:
        raise BadData(f"{what}: no rows; give data.split more days, or add data")
    return Predictions(np.concatenate(truth), np.concatenate(score), np.concatenate(weight), np.concatenate(cluster), _kind(kind))


def _kind(kind: str) -> Kind:
    return "probability" if kind == "probability" else "decision" if kind == "decision" else "value"
