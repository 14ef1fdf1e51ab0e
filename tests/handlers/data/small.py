"""A dataset of a few rows in parts of a day each, made without a source."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from handlers.data import statistics
from handlers.data.manifest import Dataset, PartRef
from handlers.data.units import UNIT
from handlers.modelspec.model import Feature, ModelSpec
from handlers.storage import FolderStore


def spec(batch_rows: int = 4, parts: int = 2, **data: Any) -> ModelSpec:
    source = {"prefix": "incoming/m/", "format": "csv", "columns": {"day": "date", "x": "float", "w": "float", "y": "float"}}
    split = {"by": "time", "column": "day", "valid": "1d", "test": "1d"}
    return ModelSpec.model_validate(
        {
            "name": "m",
            "task": "regression",
            "data": {"sources": {"incoming": source}, "target": {"column": "y"}, "split": split, **data},
            "model": {"estimator": "sklearn.linear_model.SGDRegressor"},
            "training": {"batch_rows": batch_rows, "shuffle": {"parts": parts}},
            "evaluate": {"select_by": "mae"},
        }
    )


def dataset(store: FolderStore, sizes: list[int], weights: list[float | None] | None = None) -> Dataset:
    """One train part a day; x is the row's number over all parts."""
    parts, tables, start = [], [], 0
    for n, size in enumerate(sizes):
        x = [float(v) for v in range(start, start + size)]
        w = weights[:size] if weights else [1.0] * size
        tables.append(pa.table({"x": x, "w": pa.array(w, pa.float64()), "y": x, UNIT: [15706 + n] * size}))
        start += size
        buffer = io.BytesIO()
        parquet.write_table(tables[-1], buffer, row_group_size=2)
        key = f"parts/{n}.parquet"
        store.put(key, buffer.getvalue())
        parts.append(PartRef(key, "incoming/m/a.csv", "train", size, len(buffer.getvalue()), [15706 + n]))
    merged = statistics.merge(statistics.of_table(table, ["x"]) for table in tables)
    return Dataset("d", parts, {"x": "float", "w": "float", "y": "float"}, merged, {"x": Feature(type="number")}, {})
