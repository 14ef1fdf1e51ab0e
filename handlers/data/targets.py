"""The target and the weight of every row as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData
from handlers.data import classes
from handlers.modelspec.model import ModelSpec

if TYPE_CHECKING:
    import pyarrow as pa


def target(table: pa.Table, spec: ModelSpec) -> Any:
    """(rows,): 1 for the positive class and 0 (binary), the index of the class (multiclass), the number, clipped (regression), or the
    relevance (ranking)."""
    import numpy as np
    import pyarrow as pa

    wanted = spec.data.target
    column = table.column(wanted.column)
    if spec.task == "ranking":
        return _relevance(column)
    if spec.task == "regression":
        y = column.cast(pa.float64(), safe=False).to_numpy()
        return np.clip(y, *wanted.clip) if wanted.clip else y
    known = classes.of_column(spec, column)
    codes = known.codes(column).to_numpy()
    if spec.task == "binary":
        return (codes == known.positive).astype(np.float64)
    return codes.astype(np.float64)


def _relevance(column: pa.ChunkedArray) -> Any:
    """How relevant each row of a list is, from 0 (not at all) on; true is 1. Raises BadData for another number."""
    import numpy as np

    found = column.cast("float64", safe=False).to_numpy()
    wrong = found[~(np.isfinite(found) & (found >= 0))]
    if len(wrong):
        raise BadData(f"data.target.column: a relevance is {wrong[0]:g}; accepted: a number from 0, which is a row that is not relevant")
    return found


def weight(table: pa.Table, spec: ModelSpec) -> Any:
    """(rows,), or None where the spec names no column of weights. Raises BadData for what is no number of 0 or more."""
    import numpy as np

    name = spec.data.weight
    if name is None:
        return None
    found = table.column(name).cast("float64", safe=False).to_numpy()
    if not (np.isfinite(found).all() and (found >= 0).all()):
        raise BadData(f"column {name!r} has a missing, infinite or negative value; a weight must be a number of 0 or more")
    return found


def columns(spec: ModelSpec) -> list[str]:
    """The columns that both are read from."""
    return [spec.data.target.column, *([spec.data.weight] if spec.data.weight else [])]
