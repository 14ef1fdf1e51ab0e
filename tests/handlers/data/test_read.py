"""Reading parts: each range one GET, what is kept has one bound, and any order resumes exactly."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from handlers.contracts import BadData
from handlers.data import read, statistics
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset, PartRef
from handlers.data.read import RangedFile, batches
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


def order(found: list[read.Batch]) -> list[float]:
    return [float(v) for batch in found for v in batch.y]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    batch_rows=st.integers(1, 7),
    parts=st.integers(1, 7),
    seed=st.none() | st.integers(0, 9),
    data=st.data(),
)
def test_from_any_position_the_rest_follows(
    tmp_path: Path, sizes: list[int], batch_rows: int, parts: int, seed: int | None, data: st.DataObject
) -> None:
    store, of = FolderStore(tmp_path), spec(batch_rows, parts)
    made = dataset(store, sizes)
    encoder = Encoder(made, of)
    whole = list(batches(store, made, of, encoder, "train", epoch=1, seed=seed))
    assert sorted(order(whole)) == [float(n) for n in range(sum(sizes))]
    assert seed is not None or order(whole) == sorted(order(whole))
    at = data.draw(st.integers(0, len(whole) - 1))
    rest = list(batches(store, made, of, encoder, "train", epoch=1, seed=seed, start=whole[at].position))
    assert order(rest) == order(whole[at + 1 :])
    assert [b.position for b in rest] == [b.position for b in whole[at + 1 :]]
    assert {int(c) for batch in whole for c in batch.cluster} == {unit for part in made.parts for unit in part.units}


class Counting(FolderStore):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked: list[str] = []

    def get(self, key: str) -> bytes:
        self.asked.append("whole")
        return super().get(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        self.asked.append("range")
        return super().get_range(key, start, length)


def test_a_large_part_is_read_by_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "WHOLE_BYTES", 0)
    store, of = Counting(tmp_path), spec()
    made = dataset(store, [40])
    assert order(list(batches(store, made, of, Encoder(made, of), "train"))) == [float(n) for n in range(40)]
    assert set(store.asked) == {"range"}


@pytest.mark.parametrize("whole", [0, 1 << 20], ids=["ranges", "whole"])
def test_a_part_that_is_gone_is_bad_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: int) -> None:
    monkeypatch.setattr(read, "WHOLE_BYTES", whole)
    store, of = FolderStore(tmp_path), spec()
    made = dataset(store, [4])
    store.delete("parts/0.parquet")
    with pytest.raises(BadData, match=r"parts/0\.parquet"):
        list(batches(store, made, of, Encoder(made, of), "train"))


def test_an_object_is_a_file_that_can_be_sought(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("a", b"0123456789")
    file = RangedFile(store, "a", 10)
    assert (file.read(3), file.tell()) == (b"012", 3)
    assert (file.seek(2, 1), file.read(2)) == (5, b"56")
    assert (file.seek(-1, 2), file.read(), file.read(1)) == (9, b"9", b"")


def test_all_readers_together_keep_no_more_than_one_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "_readers", type(read._readers)())
    monkeypatch.setattr(read, "KEPT_BYTES", 2000)
    store = Counting(tmp_path)
    made = dataset(store, [30, 30, 30, 30])
    for of in (spec(), spec(weight="w")):
        list(batches(store, made, of, Encoder(made, of), "train"))
    assert len(read._readers) == 2
    assert 0 < sum(reader.kept_bytes for reader in read._readers.values()) <= 2000
    before = len(store.asked)
    list(batches(store, made, spec(), Encoder(made, spec()), "train"))
    assert 0 < len(store.asked) - before < 4


@pytest.mark.parametrize("bad", [None, -1.0, float("inf"), float("nan")])
def test_a_weight_is_a_number_from_zero(tmp_path: Path, bad: float | None) -> None:
    store, of = FolderStore(tmp_path), spec(weight="w")
    made = dataset(store, [3], [1.0, bad, 2.0])
    with pytest.raises(BadData, match="column 'w' has a missing, infinite or negative value"):
        list(batches(store, made, of, Encoder(made, of), "train"))


def test_weights_go_with_their_rows(tmp_path: Path) -> None:
    store, of = FolderStore(tmp_path), spec(weight="w")
    made = dataset(store, [3], [0.0, 1.0, 2.0])
    for batch in batches(store, made, of, Encoder(made, of), "train", seed=5):
        assert batch.weight.tolist() == batch.y.tolist()
