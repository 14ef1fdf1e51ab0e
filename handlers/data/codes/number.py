"""A number, or a boolean, as one column."""

from __future__ import annotations

from collections.abc import Sequence
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
        self.limits: tuple[float, float] | None = None
        if feature.clip and statistics.get("n"):
            low, high = (sketch.quantile(statistics, share) for share in feature.clip)
            self.limits = float(low or 0.0), float(high or 0.0)
            mean, spread = sketch.within(statistics, *self.limits)
            spread = spread if spread > 0 else 1.0
        self.center, self.scale = (mean, spread) if feature.scale == "standard" and statistics.get("n") else (0.0, 1.0)
        self.replacement = self._replaced(if_not_said if feature.missing is None else feature.missing, mean, statistics)

    @property
    def names(self) -> list[str]:
        return [self.name]

    @property
    def missing(self) -> float | None:
        """What a missing value counts as; None where it stays missing."""
        return None if self.replacement != self.replacement else self.replacement

    def _replaced(self, missing: Any, mean: float, statistics: Statistics) -> float:
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


class Numbers:
    """Neighbouring numbers, encoded together: with few calls for many values, threads seldom wait for each other."""

    def __init__(self, codes: Sequence[Number]) -> None:
        import numpy as np

        self._limits = [code.limits for code in codes]
        self._centers, self._scales, self._missing = (
            np.asarray([[getattr(code, name)] for code in codes]) for name in ("center", "scale", "replacement")
        )

    def into(self, columns: Sequence[NDArray[Any]], work: NDArray[Any], out: NDArray[Any], block: slice) -> None:
        """Fill the rows of `block` of `out` (rows, numbers) with what the columns' values become. `work` is memory for a block."""
        import numpy as np

        some = [values[block] for values in columns]
        work = work[: len(some), : len(some[0])]
        np.stack(some, out=work)
        finite = np.isfinite(work)
        for values, limits in zip(work, self._limits, strict=True):
            if limits:
                np.clip(values, *limits, out=values)
        if not finite.all():
            np.copyto(work, self._missing, where=~finite)
        np.subtract(work, self._centers, out=work)
        np.divide(work, self._scales, out=work)
        out[block] = work.T


def boolean(name: str, feature: Feature, statistics: Statistics) -> Number:
    """1 for true, 0 for false; a missing value is false unless `missing` says what it is."""
    return Number(name, feature, statistics, if_not_said=False)
