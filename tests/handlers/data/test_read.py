"""Reading parts: each range one GET, how much is made ahead has one bound, and any order resumes exactly."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.contracts import BadData
from handlers.data import part_files, read
from handlers.data.encode import Encoder
from handlers.data.manifest import PartRef
from handlers.data.part_files import RangedFile
from handlers.data.read import batches, read_targets
from handlers.data.units import UNIT
from handlers.storage import FolderStore
from tests.handlers.data.small import dataset, spec


def order(found: list[read.Batch]) -> list[float]:
    return [float(v) for batch in found for v in batch.y]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    batch_rows=st.integers(1, 7),
    parts=st.integers(1, 7),
    seed=st.none() | st.integers(0, 9),
    at_once=st.integers(0, 500),
    data=st.data(),
)
def test_from_any_position_the_rest_follows(
    tmp_path: Path, sizes: list[int], batch_rows: int, parts: int, seed: int | None, at_once: int, data: st.DataObject
) -> None:
    """Whatever number of batches is made at once."""
    store, of = FolderStore(tmp_path), spec(batch_rows, parts)
    made = dataset(store, sizes)
    encoder = Encoder(made, of)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "TAKEN_BYTES", at_once)
        whole = list(batches(store, made, of, encoder, "train", epoch=1, seed=seed))
    assert all(batch.X.tolist() == [[y] for y in batch.y] for batch in whole)
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
    monkeypatch.setattr(part_files, "WHOLE_BYTES", 0)
    store, of = Counting(tmp_path), spec()
    made = dataset(store, [40])
    assert order(list(batches(store, made, of, Encoder(made, of), "train"))) == [float(n) for n in range(40)]
    assert set(store.asked) == {"range"}


@pytest.mark.parametrize("whole", [0, 1 << 20], ids=["ranges", "whole"])
def test_a_part_that_is_gone_is_bad_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: int) -> None:
    monkeypatch.setattr(part_files, "WHOLE_BYTES", whole)
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


@pytest.mark.parametrize(("ahead", "expected"), [(1 << 20, 4), (1, 3)], ids=["the next group", "its first part"])
def test_parts_of_the_next_group_are_made_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: int, expected: int) -> None:
    """At most so many bytes of them, and their first part always, once somebody has the first rows. No thread is left."""
    monkeypatch.setattr(read, "AHEAD_BYTES", ahead)
    monkeypatch.setattr(read, "TAKEN_BYTES", 1)
    store, of = Counting(tmp_path), spec(batch_rows=1, parts=2)
    made = dataset(store, [2, 2, 2, 2, 2, 2])
    given: Any = batches(store, made, of, Encoder(made, of), "train")
    next(given)
    assert len(store.asked) == 2
    next(given)
    given.close()
    assert len(store.asked) <= expected
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("parts")]


def test_targets_are_read_without_the_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, of = FolderStore(tmp_path), spec(weight="w")
    made = dataset(store, [3, 2], [0.0, 1.0, 2.0])
    asked: list[list[str]] = []
    table = part_files.table

    def looked(store: FolderStore, part: PartRef, columns: list[str]) -> pa.Table:
        asked.append(columns)
        return table(store, part, columns)

    monkeypatch.setattr(part_files, "table", looked)
    found = list(read_targets(store, made, of, "train"))
    assert [part.y.tolist() for part in found] == [[0.0, 1.0, 2.0], [3.0, 4.0]]
    assert [part.weight.tolist() for part in found] == [[0.0, 1.0, 2.0], [0.0, 1.0]]
    assert [part.unit.tolist() for part in found] == [[15706] * 3, [15707] * 2]
    assert asked == [["y", "w", UNIT]] * 2


def test_columns_to_look_at_rows_by_come_as_codes(tmp_path: Path) -> None:
    """One numbering for all parts; what is missing has none."""
    store, of = FolderStore(tmp_path), spec(batch_rows=2)
    made = dataset(store, [3, 3], [1.0, float("nan"), 2.0])
    found = list(batches(store, made, of, Encoder(made, of), "train", columns=["w", "absent"]))
    assert {name for batch in found for name in batch.columns} == {"w"}
    coded = [batch.columns["w"] for batch in found]
    values = [None if code < 0 else one.values[code] for one in coded for code in one.codes.tolist()]
    assert values == [1.0, None, 2.0] * 2
    assert coded[-1].only(coded[-1].codes >= 0).counts() == [int(value == 2.0) for value in coded[-1].values]
