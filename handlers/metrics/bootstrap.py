"""How certain a metric is: bootstrap over whole clusters (days), because the rows of one day depend on each other.

Drawing rows instead of days makes the standard error of an AUC several times too small (measured on flights: 4.2 times). The seed
is fixed, so the same evaluation gives the same interval everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any

from handlers.data.long_arrays import same
from handlers.metrics.metrics import Metric
from handlers.metrics.predictions import Grouped, Predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 20130101
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its standard error and its two-sided percentile interval; `se`, `low` and `high` are None where one cluster, or
    none in which the metric is defined, leaves nothing to resample."""

    value: float
    se: float | None
    low: float | None
    high: float | None
    confidence: float
    clusters: int
    rows: int

    def to_json(self) -> dict[str, Any]:
        return {
            "value": self.value if isfinite(self.value) else None,
            "se": self.se,
            "low": self.low,
            "high": self.high,
            "confidence": self.confidence,
            "clusters": self.clusters,
            "rows": self.rows,
        }


@dataclass(frozen=True, slots=True)
class Paired:
    """Challenger and champion on the same rows and the same resamples.

    `difference` is how much better the challenger is: positive is better, whatever the metric's direction.
    """

    challenger: Interval
    champion: Interval
    difference: Interval
    resampled: tuple[tuple[float, float], ...]  # (challenger, champion) of each resample in which both are defined
    higher: bool

    def probability(self, absolute: float, share: float) -> float | None:
        """The share of resamples in which the challenger is better by at least `absolute + share * |champion|`; None without resamples."""
        import numpy as np

        if not self.resampled:
            return None
        pairs = np.asarray(self.resampled)
        better = pairs[:, 0] - pairs[:, 1] if self.higher else pairs[:, 1] - pairs[:, 0]
        # a difference of rounding alone does not count: the same model, saved and loaded, must count as equal to itself
        return float(np.mean(better >= absolute + share * np.abs(pairs[:, 1]) - 1e-12))


@lru_cache(maxsize=8)
def draws(clusters: int, resamples: int = RESAMPLES, seed: int = SEED) -> NDArray[Any]:
    """(resamples, clusters): how often each cluster is drawn when as many as there are are drawn with replacement."""
    import numpy as np

    generator = np.random.Generator(np.random.PCG64(seed))
    drawn = generator.multinomial(clusters, np.full(clusters, 1.0 / clusters), size=resamples).astype(np.float64)
    drawn.flags.writeable = False  # every metric of every model gets the same
    return drawn


def _interval(value: float, sampled: NDArray[Any], confidence: float, clusters: int, rows: int) -> Interval:
    import numpy as np

    defined = sampled[np.isfinite(sampled)]
    if clusters < 2 or len(defined) < 2:
        return Interval(value, None, None, None, confidence, clusters, rows)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return Interval(value, float(np.std(defined, ddof=1)), float(low), float(high), confidence, clusters, rows)


def _points(metric: Metric, grouped: Grouped, counts: NDArray[Any]) -> tuple[float, NDArray[Any]]:
    import numpy as np

    compute = metric.prepare(grouped)
    return float(compute(np.ones((1, grouped.size)))[0]), compute(counts)


def interval(
    metric: Metric, predictions: Predictions, *, resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = SEED
) -> Interval:
    """The metric of one model with its interval over clusters."""
    grouped = predictions.grouped
    value, sampled = _points(metric, grouped, draws(grouped.size, resamples if grouped.size > 1 else 1, seed))
    return _interval(value, sampled, confidence, grouped.clusters, predictions.rows)


def paired(
    metric: Metric,
    challenger: Predictions,
    champion: Predictions,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
) -> Paired:
    """Both models on the same rows, in the same order; ValueError when the rows are not the same."""
    import numpy as np

    if not (same(challenger.truth, champion.truth) and same(challenger.cluster, champion.cluster)):
        raise ValueError("challenger and champion must predict the same rows")
    first, second = challenger.grouped, champion.grouped
    size = first.size
    counts = draws(size, resamples if size > 1 else 1, seed)
    ours, our_sample = _points(metric, first, counts)
    theirs, their_sample = _points(metric, second, counts)
    better = metric.improvement(our_sample, their_sample)
    both = np.isfinite(better) if size > 1 else np.zeros(len(better), dtype=bool)

    def shown(value: float, sampled: NDArray[Any]) -> Interval:
        return _interval(value, sampled, confidence, first.clusters, challenger.rows)

    return Paired(
        shown(ours, our_sample),
        shown(theirs, their_sample),
        shown(float(metric.improvement(ours, theirs)), better),
        tuple((float(a), float(b)) for a, b in zip(our_sample[both], their_sample[both], strict=True)),
        metric.higher,
    )
