"""A list of numbers of one length as so many columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.data.statistics import Statistics
from handlers.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa

    from handlers.modelspec.model import Feature


class Vector:
    """The numbers of the vector; zeros for a missing vector, and a zero for a missing or infinite number in it."""

    missing = 0.0

    def __init__(self, name: str, feature: Feature, statistics: Statistics) -> None:
        self.name = name
        self.width = self.stored = feature.size or 0

    @property
    def names(self) -> list[str]:
        return [f"{self.name}[{i}]" for i in range(self.width)]

    def numbers(self, column: pa.ChunkedArray) -> Any:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        wrong = column.filter(pc.not_equal(pc.list_value_length(column), self.width))
        if len(wrong):
            raise BadData(
                f"column {self.name!r} has a vector of {len(wrong[0])} numbers; features.{self.name}.size is {self.width}, "
                "and every vector must have that length"
            )
        rows = np.zeros((len(column), self.width))
        numbers = pc.list_flatten(column).cast(pa.float64()).fill_null(0.0).to_numpy().reshape(-1, self.width)
        rows[column.is_valid().to_numpy()] = np.where(np.isfinite(numbers), numbers, 0.0)
        return rows
