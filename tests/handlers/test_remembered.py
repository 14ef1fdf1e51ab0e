"""What was looked at once is not read twice, and what has changed is."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.remembered import Remembered
from handlers.storage import FolderStore, Missing


class Counted(FolderStore):
    """A folder that counts what is read of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads: list[str] = []

    def get(self, key: str) -> bytes:
        self.reads.append(key)
        return super().get(key)


@pytest.fixture
def store(tmp_path: Path) -> Counted:
    made = Counted(tmp_path)
    made.put("runs/m/a/request.json", b"1")
    made.put("runs/m/b/request.json", b"2")
    made.put("models/m/champion.json", b"3")
    made.put("trials/m/t/result.json", b"4")
    made.put("trials/m/t/curve.jsonl", b"5")
    return made


def test_an_object_is_read_once_until_a_look_finds_it_changed(store: Counted) -> None:
    seen = Remembered(store)
    first = seen.look()
    assert [seen.get("runs/m/a/request.json") for _ in range(3)] == [b"1"] * 3
    assert store.reads == ["runs/m/a/request.json"]
    assert seen.look() == first
    store.put("runs/m/a/request.json", b"changed")
    assert seen.get("runs/m/a/request.json") == b"1"
    assert seen.look() != first
    assert seen.get("runs/m/a/request.json") == b"changed"


def test_what_the_listing_has_not_is_missing_without_a_request(store: Counted) -> None:
    seen = Remembered(store)
    assert [info.key for info in seen.list("runs/m/")] == ["runs/m/a/request.json", "runs/m/b/request.json"]
    assert seen.head("runs/m/a/verdict.json") is None
    with pytest.raises(Missing):
        seen.get("runs/m/a/verdict.json")
    assert store.reads == []


def test_what_never_changes_is_read_once_and_anything_else_once_for_each_look(store: Counted) -> None:
    seen = Remembered(store)
    for _ in range(2):
        seen.look()
        for _ in range(2):
            seen.get("trials/m/t/result.json")
            seen.get("trials/m/t/curve.jsonl")
            with pytest.raises(Missing):
                seen.get("trials/m/t/failures.json")
    result, curve, failures = (f"trials/m/t/{name}" for name in ("result.json", "curve.jsonl", "failures.json"))
    assert store.reads == [result, curve, failures, curve, failures]


def test_what_is_fetched_together_is_not_read_again(store: Counted) -> None:
    seen = Remembered(store)
    seen.fetch(["trials/m/t/result.json", "trials/m/t/curve.jsonl", "trials/m/u/result.json"])
    assert seen.get("trials/m/t/result.json") == b"4"
    assert seen.get("trials/m/t/curve.jsonl") == b"5"
    with pytest.raises(Missing):
        seen.get("trials/m/u/result.json")
    assert len(store.reads) == 3


def test_no_more_is_held_than_it_may(store: Counted) -> None:
    seen = Remembered(store, most=1)
    for _ in range(2):
        seen.get("runs/m/a/request.json")
        seen.get("runs/m/b/request.json")
    assert len(store.reads) == 4


def test_who_writes_sees_what_was_written(store: Counted) -> None:
    seen = Remembered(store)
    seen.look()
    seen.put("models/m/history/1.json", b"6", if_none_match=True)
    assert seen.get("models/m/history/1.json") == b"6"
    seen.delete("models/m/history/1.json")
    assert seen.head("models/m/history/1.json") is None


def test_what_lists_need_is_read_ahead_once(store: Counted) -> None:
    seen = Remembered(store)
    seen.look()
    seen.read_ahead()
    assert sorted(store.reads) == ["models/m/champion.json", "runs/m/a/request.json", "runs/m/b/request.json"]
    store.put("runs/m/b/request.json", b"22")
    seen.look()
    seen.read_ahead()
    assert store.reads[3:] == ["runs/m/b/request.json"]
    assert (seen.get("runs/m/a/request.json"), seen.get("runs/m/b/request.json"), len(store.reads)) == (b"1", b"22", 4)
    tight = Remembered(store, most=2)
    tight.read_ahead()
    assert len(store.reads) == 6
