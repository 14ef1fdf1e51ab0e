"""Parts of a time: units of the wall clock, each as a number or as sine and cosine of its period, and the time itself as a number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from handlers.data.instants import local
from handlers.data.statistics import Statistics, deviation

if TYPE_CHECKING:
    import pyarrow as pa

    from handlers.modelspec.model import Feature

YEAR = 365.2425 * 86400
CYCLES = {"minute": (0, 60), "hour": (0, 24), "weekday": (0, 7), "day": (1, 31), "month": (1, 12), "dayofyear": (1, 366)}


class Timestamp:
    """The columns of the declared units, in their order.

    A cyclic unit is (sine, cosine), (0, 0) where the time is missing. `cyclic: false` gives the unit itself, and the middle of its range
    where the time is missing. `epoch` (seconds since 1970) and `year` are numbers, those of train's mean where the time is missing;
    `scale: standard` scales both by train's mean and deviation.
    """

    missing = None  # each unit has its own

    def __init__(self, name: str, feature: Feature, statistics: Statistics) -> None:
        self.name = name
        self._units = list(feature.units or ())
        self._cyclic = feature.cyclic is not False
        self._zone = feature.timezone or "UTC"
        moments = statistics.get("epoch") or {"n": 0}
        self._mean = float(moments.get("mean", 0.0))
        self._spread = deviation(moments) if feature.scale == "standard" and moments["n"] else None
        self.width = self.stored = len(self.names)

    @property
    def names(self) -> list[str]:
        each = ((unit, ("sin", "cos") if self._cyclic and unit in CYCLES else ()) for unit in self._units)
        return [f"{self.name}.{unit}{part and '.'}{part}" for unit, parts in each for part in parts or ("",)]

    def numbers(self, column: pa.ChunkedArray) -> Any:
        import numpy as np
        import pyarrow as pa

        clock = local(column, self._zone)
        columns: list[Any] = []
        for unit in self._units:
            if unit == "epoch":
                micros = column.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64(), safe=False)
                columns.append(self._scaled(micros.fill_null(float("nan")).to_numpy() / 1e6, self._mean, 1.0))
            elif unit == "year":
                years = _unit(clock, "year").cast(pa.float64()).fill_null(float("nan")).to_numpy()
                columns.append(self._scaled(years, 1970 + self._mean / YEAR, YEAR))
            else:
                first, period = CYCLES[unit]
                at = _unit(clock, unit).fill_null(first + period).to_numpy() - first
                columns.extend(np.asarray(table)[at] for table in self._tables(first, period))
        return np.column_stack(columns)

    def _scaled(self, values: Any, mean: float, length: float) -> Any:
        """Missing as the mean; scaled by a deviation in seconds where asked, which is at least one `length` of the unit's."""
        import numpy as np

        values = np.where(np.isfinite(values), values, mean)
        return values if self._spread is None else (values - mean) / max(self._spread / length, 1.0)

    def _tables(self, first: int, period: int) -> list[list[float]]:
        """What each value of a unit becomes, column by column; last comes what a missing one does. Computed once per value, not per row."""
        if not self._cyclic:
            return [[*(float(first + i) for i in range(period)), first + (period - 1) / 2]]
        angles = [2 * math.pi * i / period for i in range(period)]
        return [[*map(math.sin, angles), 0.0], [*map(math.cos, angles), 0.0]]


def _unit(clock: pa.ChunkedArray, unit: str) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    of = {"weekday": pc.day_of_week, "dayofyear": pc.day_of_year}.get(unit) or getattr(pc, unit)
    return of(clock).cast(pa.int64())
