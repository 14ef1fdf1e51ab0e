"""A part as a file."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from handlers.data import stored
from handlers.data.units import UNIT
from handlers.storage import FolderStore
from tests.handlers.data.small import spec


def test_values_that_come_again_have_a_dictionary(tmp_path: Path) -> None:
    """It makes others larger, and slower to write and to read."""
    rows = 30_000
    table = pa.table(
        {
            "x": np.random.default_rng(1).normal(size=rows),
            "w": np.arange(rows) % 7 / 2,
            "y": np.arange(rows, dtype=float),
            "text": [f"t{n}" for n in range(rows)],
            "vector": pa.array([[float(n), 1.0] for n in range(rows)]),
            "day": pa.array([date(2013, 1, 1)] * rows),
            UNIT: [15706] * rows,
        }
    )
    store = FolderStore(tmp_path)
    written = stored.write(store, "parts/m/d", table, spec(), "incoming/m/a.csv")
    file = parquet.ParquetFile(io.BytesIO(store.get(written["key"])))
    group = file.metadata.row_group(0)
    coded = {group.column(n).path_in_schema for n in range(group.num_columns) if "RLE_DICTIONARY" in group.column(n).encodings}
    assert coded == {"w", "text", "day", UNIT}
    assert file.read().equals(table)


def test_numbers_that_compression_makes_little_smaller_are_written_as_they_are(tmp_path: Path) -> None:
    chance, rows = np.random.default_rng(1), 30_000
    measured = pa.array(chance.normal(size=rows), mask=np.arange(rows) % 5 == 0)
    table = pa.table(
        {
            "before": pa.array(chance.normal(size=rows)),
            "x": measured,
            "y": np.arange(rows, dtype=float),
            "measured": pa.array(list(chance.normal(size=(rows, 2)))),
            "equal": pa.array([[float(n // 100), 1.0] for n in range(rows)]),
            "text": [f"t{n % 9}" for n in range(rows)],
            "yes": chance.random(rows) < 0.5,
            "nothing": pa.nulls(rows, pa.float64()),
            "day": pa.array([date(2013, 1, 1)] * rows),
            UNIT: [15706] * rows,
        }
    )
    store = FolderStore(tmp_path)
    written = stored.write(store, "parts/m/d", table.slice(1), spec(), "incoming/m/a.csv")
    file = parquet.ParquetFile(io.BytesIO(store.get(written["key"])))
    columns = [file.metadata.row_group(0).column(n) for n in range(file.metadata.num_columns)]
    as_they_are = {column.path_in_schema for column in columns if column.compression == "UNCOMPRESSED"}
    assert as_they_are == {"before", "x", "measured.list.element"}
    assert {column.compression for column in columns} == {"UNCOMPRESSED", "ZSTD"}
    assert file.read().equals(table.slice(1))
