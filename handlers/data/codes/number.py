"""A number, or a boolean, as one column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.data import sketch
from handlers.data.statistics import Statistics, deviation

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from handlers.modelspec.model import Feature


class Number:
    """(value - mean) / deviation where scaled. Missing values are replaced before, and values beyond the quantiles of `clip` are moved.

    Where values are clipped, mean, median and deviation are those of the clipped values of train.
    """

    width = stored = 1

    def __init__(self, name: str, feature: Feature, statistics: Statistics, *, if_not_said: Any = None) -> None:
        self.name = name
        mean, spread = float(statistics.get("mean", 0.0)), deviation(statistics)
        self._limits: tuple[float, float] | None = None
        if feature.clip and statistics.get("n"):
            low, high = (sketch.quantile(statistics, share) for share in feature.clip)
            self._limits = float(low or 0.0), float(high or 0.0)
            mean, spread = sketch.within(statistics, *self._limits)
            spread = spread if spread > 0 else 1.0
        self._center, self._scale = (mean, spread) if feature.scale == "standard" and statistics.get("n") else (0.0, 1.0)
        self._missing = self._replacement(if_not_said if feature.missing is None else feature.missing, mean, statistics)

    @property
    def names(self) -> list[str]:
        return [self.name]

    @property
    def missing(self) -> float | None:
        """What a missing value counts as; None where it stays missing."""
        return None if self._missing != self._missing else self._missing

    def _replacement(self, missing: Any, mean: float, statistics: Statistics) -> float:
        if missing == "keep":
            return float("nan")
        if missing == "median":
            return float(sketch.quantile(statistics, 0.5) or 0.0)
        return mean if missing in (None, "mean") else float(missing)

    def values(self, column: pa.ChunkedArray) -> NDArray[Any]:
        """(rows,) float64: the column's values, NaN for a missing one."""
        import pyarrow as pa
        import pyarrow.types as t

        numbers = column.cast(pa.int8()) if t.is_boolean(column.type) else column
        found: NDArray[Any] = numbers.cast(pa.float64(), safe=False).to_numpy()
        return found

    def into(self, values: NDArray[Any], out: NDArray[Any]) -> None:
        """Fill `out` with what the values become."""
        import numpy as np

        finite = np.isfinite(values)
        if self._limits:
            values = np.clip(values, *self._limits)
        if not finite.all():
            values = np.where(finite, values, self._missing)
        np.divide(np.subtract(values, self._center), self._scale, out=out)


def boolean(name: str, feature: Feature, statistics: Statistics) -> Number:
    """1 for true, 0 for false; a missing value is false unless `missing` says what it is."""
    return Number(name, feature, statistics, if_not_said=False)
