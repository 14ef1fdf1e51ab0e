"""The metrics that a spec may name, per task, each with its direction.

A metric is prepared once for a set of rows and then computed for many resamples of its clusters: `prepare(grouped)` gives a function
from counts (resamples, clusters) - how often each cluster is drawn - to values (resamples,). Metrics that are sums over rows need
one matrix product for all resamples; so do the area under the ROC curve, from pairs of clusters, and average precision, from blocks of
scores. Those that need an order sort once.
Values agree with scikit-learn's functions of the same name, sample weights included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadSpec
from handlers.data import long_arrays
from handlers.data.long_arrays import Of
from handlers.metrics import ranking
from handlers.metrics.calibration import expected_calibration_error
from handlers.metrics.ordered import area_under_roc, average_precision, median_of_errors, roc_auc_one_versus_rest
from handlers.metrics.predictions import Grouped, Predictions
from handlers.modelspec.model import ModelSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

Statistic = Callable[["NDArray[Any]"], "NDArray[Any]"]
Prepare = Callable[[Grouped], Statistic]

BINARY, MULTICLASS, REGRESSION, RANKING = "binary", "multiclass", "regression", "ranking"
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Metric:
    """`higher` says which direction is better; `needs_probability` that a decision value is not enough."""

    name: str
    higher: bool
    needs_probability: bool
    prepare: Prepare

    def better(self, first: float, second: float) -> bool:
        return first > second if self.higher else first < second

    def improvement(self, challenger: Any, champion: Any) -> Any:
        """How much better the challenger is: positive is better, whatever the direction. Works on numbers and arrays."""
        return challenger - champion if self.higher else champion - challenger


def metric(task: str, name: str, key: str = "evaluate") -> Metric:
    """The metric of that name for that task; BadSpec names the `key` and lists what is accepted and the nearest name."""
    table = METRICS.get(task)
    if table is None:
        raise BadSpec(f"task {task!r} has no metrics; accepted: {', '.join(METRICS)}")
    found = table.get(name)
    if found is None:
        near = get_close_matches(name, table, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise BadSpec(f"{key}: {name!r} is not a metric of task {task!r}; accepted: {', '.join(table)}{hint}")
    return found


def higher(name: str) -> bool:
    """Whether of a metric, whatever its task, the highest value is the best."""
    table = next((table for table in METRICS.values() if name in table), {})
    return table[name].higher if name in table else True


def below(name: str, value: float | None, bound: float | None) -> bool:
    """Whether a value of a metric is worse than another one; what is not defined is not."""
    return value is not None and bound is not None and (value < bound if higher(name) else value > bound)


def metrics_of(spec: ModelSpec, *first: str) -> list[str]:
    """The metrics to compute, each once: `first`, `select_by`, those of the report. BadSpec for one that the task does not have."""
    wanted = [*first, spec.evaluate.select_by, *(spec.evaluate.report or [])]
    found = list(dict.fromkeys(wanted))
    for name in found:
        metric(spec.task, name)
    return found


def value(found: Metric, predictions: Predictions) -> float:
    """The metric over all rows; NaN where it is not defined (one class only, no rows)."""
    import numpy as np

    if predictions.rows == 0:
        return float("nan")
    grouped = predictions.grouped
    return float(found.prepare(grouped)(np.ones((1, grouped.size)))[0])


def values(task: str, names: Sequence[str], predictions: Predictions) -> dict[str, float]:
    """Each named metric over all rows, in the order of the names."""
    return {name: value(metric(task, name), predictions) for name in names}


# ------------------------------------------------------------------------------------------- sums over rows


def _mean(grouped: Grouped, loss: Of) -> Statistic:
    import numpy as np

    table = grouped.sums(loss, _ones)

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        total = counts @ table
        with np.errstate(invalid="ignore"):
            return np.asarray(total[:, 0] / total[:, 1])

    return of


def _ones(block: slice) -> NDArray[Any]:
    import numpy as np

    return np.ones(block.stop - block.start)


def _log_loss(grouped: Grouped) -> Statistic:
    import numpy as np

    eps = np.finfo(np.float64).eps

    def loss(block: slice) -> NDArray[Any]:
        predicted, truth = grouped.of.score[block], grouped.of.truth[block]
        right = (
            np.where(truth == 1, predicted, 1.0 - predicted)
            if predicted.ndim == 1
            else predicted[np.arange(len(truth)), truth.astype(np.int64)]
        )
        return np.asarray(-np.log(np.clip(right, eps, 1.0 - eps)))

    return _mean(grouped, loss)


def _brier(grouped: Grouped) -> Statistic:
    errors = _errors(grouped)
    return _mean(grouped, lambda block: errors(block) ** 2)


def labels(predictions: Predictions, block: slice = slice(None)) -> NDArray[Any]:
    """The class that the model chose: from its threshold on, or else above one half of a probability, above zero of a decision value; of
    several classes that of the largest score."""
    import numpy as np

    score = predictions.score[block]
    if score.ndim == 2:
        return np.asarray(np.argmax(score, axis=1))
    if predictions.threshold is not None:
        return np.asarray(score >= predictions.threshold, dtype=np.int64)
    return np.asarray(score > (0.5 if predictions.kind == "probability" else 0.0), dtype=np.int64)


def _accuracy(grouped: Grouped) -> Statistic:
    return _mean(grouped, lambda block: (labels(grouped.of, block) == grouped.of.truth[block]).astype("f8"))


def _confusion(grouped: Grouped, positive: int) -> NDArray[Any]:
    """(clusters, 3): weights of true positives, of rows predicted positive, of rows that are."""
    import numpy as np

    def predicted(block: slice) -> NDArray[Any]:
        return np.asarray(labels(grouped.of, block) == positive, dtype="f8")

    def true(block: slice) -> NDArray[Any]:
        return np.asarray(grouped.of.truth[block] == positive, dtype="f8")

    return grouped.sums(lambda block: predicted(block) * true(block), predicted, true)


def _f1_of(total: NDArray[Any]) -> NDArray[Any]:
    """2 tp / (predicted + true); 0 where the class is neither predicted nor true."""
    import numpy as np

    below = total[:, 1] + total[:, 2]
    return np.asarray(np.divide(2.0 * total[:, 0], below, out=np.zeros_like(below), where=below > 0))


def _f1(grouped: Grouped) -> Statistic:
    table = _confusion(grouped, 1)
    return lambda counts: _f1_of(counts @ table)


def _f1_macro(grouped: Grouped) -> Statistic:
    import numpy as np

    tables = [_confusion(grouped, c) for c in range(grouped.of.score.shape[1])]

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        totals = [counts @ table for table in tables]
        present = np.sum([(t[:, 1] + t[:, 2]) > 0 for t in totals], axis=0)
        return np.asarray(np.sum([_f1_of(t) for t in totals], axis=0) / np.maximum(present, 1))

    return of


def _errors(grouped: Grouped) -> Of:
    score, truth = grouped.of.score, grouped.of.truth
    return lambda block: (score[block] - truth[block]).astype("f8")


def _mae(grouped: Grouped) -> Statistic:
    errors = _errors(grouped)
    return _mean(grouped, lambda block: abs(errors(block)))


def _rmse(grouped: Grouped) -> Statistic:
    mean = _brier(grouped)
    return lambda counts: mean(counts) ** 0.5


def _mape(grouped: Grouped) -> Statistic:
    import numpy as np

    errors, truth = _errors(grouped), grouped.of.truth
    return _mean(grouped, lambda block: abs(errors(block)) / np.maximum(abs(truth[block]), np.finfo(np.float64).eps))


def _r2(grouped: Grouped) -> Statistic:
    import numpy as np

    # centred first, so that the difference of squares below does not lose its digits
    weight, errors = grouped.of.weight, _errors(grouped)
    total = weight.sum()
    weighted = long_arrays.made(grouped.of.rows, lambda block: grouped.of.truth[block] * weight[block])
    mean = weighted.sum() / total if total > 0 else 0.0

    def truth(block: slice) -> NDArray[Any]:
        return np.asarray(grouped.of.truth[block] - mean)

    table = grouped.sums(_ones, truth, lambda block: truth(block) ** 2, lambda block: errors(block) ** 2)

    def of(counts: NDArray[Any]) -> NDArray[Any]:
        total = counts @ table
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = total[:, 2] - total[:, 1] ** 2 / total[:, 0]
            return np.asarray(np.where(spread > 0, 1.0 - total[:, 3] / spread, np.nan))

    return of


def _median_ae(grouped: Grouped) -> Statistic:
    errors = _errors(grouped)
    return median_of_errors(grouped, lambda block: abs(errors(block)))


def _pinball(quantile: float) -> Prepare:
    """The loss of a forecast of a quantile: what lies above it costs `quantile` a unit, what lies below it the rest of one."""

    def prepare(grouped: Grouped) -> Statistic:
        import numpy as np

        errors = _errors(grouped)

        def loss(block: slice) -> NDArray[Any]:
            above = -errors(block)
            return np.maximum(quantile * above, (quantile - 1.0) * above)

        return _mean(grouped, loss)

    return prepare


def _table(*rows: tuple[str, bool, bool, Prepare]) -> dict[str, Metric]:
    return {name: Metric(name, higher, probability, prepare) for name, higher, probability, prepare in rows}


METRICS: dict[str, dict[str, Metric]] = {
    BINARY: _table(
        ("roc_auc", True, False, area_under_roc),
        ("average_precision", True, False, average_precision),
        ("log_loss", False, True, _log_loss),
        ("brier", False, True, _brier),
        ("ece", False, True, expected_calibration_error),
        ("accuracy", True, False, _accuracy),
        ("f1", True, False, _f1),
    ),
    MULTICLASS: _table(
        ("log_loss", False, True, _log_loss),
        ("accuracy", True, False, _accuracy),
        ("f1_macro", True, False, _f1_macro),
        ("roc_auc_ovr", True, False, roc_auc_one_versus_rest),
        ("ece", False, True, expected_calibration_error),
    ),
    REGRESSION: _table(
        ("mae", False, False, _mae),
        ("rmse", False, False, _rmse),
        ("r2", True, False, _r2),
        ("mape", False, False, _mape),
        ("median_ae", False, False, _median_ae),
        *((f"pinball@{quantile:g}", False, False, _pinball(quantile)) for quantile in QUANTILES),
    ),
    RANKING: _table(
        ("ndcg", True, False, ranking.upto(ranking.ndcg, None)),
        *((f"ndcg@{most}", True, False, ranking.upto(ranking.ndcg, most)) for most in ranking.PLACES),
        ("map", True, False, ranking.upto(ranking.average_precision, None)),
        *((f"map@{most}", True, False, ranking.upto(ranking.average_precision, most)) for most in ranking.PLACES),
        ("mrr", True, False, ranking.mrr),
        ("mean_rank", False, False, ranking.mean_rank),
    ),
}
