"""Rows gathered by unit come out as they went in, wherever they waited; what a part holds follows from the rows alone."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.data import gather
from handlers.data.gather import Gathered, parts
from handlers.data.units import UNIT
from handlers.modelspec.model import ModelSpec


def spec(**split: Any) -> ModelSpec:
    source = {"prefix": "incoming/m/", "format": "csv", "columns": {"day": "date", "x": "float", "y": "float"}}
    tree = {
        "name": "m",
        "task": "regression",
        "data": {"sources": {"incoming": source}, "target": {"column": "y"}, "split": split},
        "model": {"estimator": "sklearn.linear_model.SGDRegressor"},
        "evaluate": {"select_by": "mae"},
    }
    return ModelSpec.model_validate(tree)


DAYS = {"by": "time", "column": "day", "valid": "1d", "test": "1d"}
STEPS = {"by": "time", "column": "x", "unit": "step", "valid": 1, "test": 1}


def made(blocks: list[list[tuple[int, int]]], of: ModelSpec, held: int = 1 << 20, most: int = 4096) -> list[list[tuple[int, int]]]:
    with TemporaryDirectory() as folder:
        gathered = Gathered(Path(folder), held, most)
        for block in blocks:
            units = pa.array([unit for unit, _ in block], pa.int64())
            gathered.add(pa.table({"v": pa.array([value for _, value in block], pa.int64())}), units)
        return [list(zip(t.column(UNIT).to_pylist(), t.column("v").to_pylist(), strict=True)) for t in parts(gathered, of)]


rows = st.lists(st.tuples(st.integers(-3, 60), st.integers(0, 100)), max_size=60)


@given(rows, st.integers(1, 9), st.sampled_from([0, 64, 1 << 20]), st.sampled_from([2, 5, 4096]), st.sampled_from(["auto", "day", "month"]))
def test_every_row_comes_out_once_in_order(rows: list[tuple[int, int]], block: int, held: int, most: int, part: str) -> None:
    blocks = [rows[i : i + block] for i in range(0, len(rows), block)]
    found = made(blocks, spec(**DAYS, part=part), held, most)
    assert [row for table in found for row in table] == sorted(rows, key=lambda r: r[0])
    assert found == made([rows], spec(**DAYS, part=part))


def test_a_part_is_a_day_a_week_a_month_or_as_many_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(15706 + n, n) for n in range(59)]  # January and February of 2013, which began on a Tuesday
    sizes = {part: [len(table) for table in made([rows], spec(**DAYS, part=part))] for part in ("day", "week", "month", "auto")}
    assert sizes == {"day": [1] * 59, "week": [6, *[7] * 7, 4], "month": [31, 28], "auto": [59]}
    monkeypatch.setattr(gather, "PART_BYTES", 20 * 16)
    assert [len(table) for table in made([rows], spec(**DAYS))] == [20, 20, 19]
    assert [len(table) for table in made([[(1, n) for n in range(50)]], spec(**DAYS))] == [50], "a day is never cut"


def test_a_part_by_hash_has_one_role() -> None:
    rows = [(n % 100, n) for n in range(300)]
    found = made([rows], spec(by="hash", key=["x"], valid=0.1, test=0.2))
    assert [(table[0][0], table[-1][0]) for table in found] == [(0, 19), (20, 29), (30, 99)]


def test_steps_may_be_as_many_as_rows(tmp_path: Path) -> None:
    gathered = Gathered(tmp_path, most=64)
    numbers = np.random.default_rng(0).permutation(100_000).astype(np.int64)
    for block in np.split(numbers, 10):
        gathered.add(pa.table({"v": block}), pa.array(block))
    found = [table.column("v").to_numpy() for table in parts(gathered, spec(**STEPS))]
    assert len(found) == 1
    assert (found[0] == np.arange(100_000)).all()


def test_what_is_too_much_lies_in_files(tmp_path: Path) -> None:
    gathered = Gathered(tmp_path, 0)
    gathered.add(pa.table({"v": [1]}), pa.array([1]))
    gathered.add(pa.table({"v": [2]}), pa.array([1]))
    assert len(list(tmp_path.iterdir())) == 2
