"""One pointer, changed once, whoever dies where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers.runs.champion import Overtaken, change, current, history, history_key, pointer_key
from handlers.storage import Store, open_store, read_json


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/bucket")
    yield open_store()


class Killed(BaseException):
    """The process is gone at this write."""


class Dying:
    """A store whose n-th write is not carried out (or, `after`, is carried out, and then the process dies)."""

    def __init__(self, store: Store, at: int, *, after: bool) -> None:
        self.store = store
        self.left = at
        self.after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def put(self, *args: Any, **more: Any) -> str:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        etag = self.store.put(*args, **more)
        if self.left == 0:
            raise Killed
        return etag


def record(run: str, trial: str = "t1") -> dict[str, Any]:
    return {"kind": "promotion", "run": run, "trial": trial}


def promote(store: Any, run: str, trial: str = "t1") -> dict[str, Any]:
    return change(store, "m", current(store, "m"), record(run, trial))


def test_the_first_and_the_next(store: Store) -> None:
    assert current(store, "m").record is None
    assert promote(store, "a")["number"] == 1
    second = promote(store, "b", "t2")
    assert (second["number"], second["predecessor"]) == (2, 1)
    assert current(store, "m").record == second
    assert [h["run"] for h in history(store, "m")] == ["a", "b"]
    assert read_json(store, history_key("m", 2)) == read_json(store, pointer_key("m"))


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2])
def test_killed_at_any_write_and_carried_out_again_is_one_change(store: Store, before: int, at: int, after: bool) -> None:
    for n in range(before):
        promote(store, f"earlier-{n}", "t0")
    pointer = current(store, "m")
    with pytest.raises(Killed):
        change(Dying(store, at, after=after), "m", pointer, record("new"))
    done = change(store, "m", pointer, record("new"))
    assert done["number"] == before + 1
    assert current(store, "m").record == done
    assert len(history(store, "m")) == before + 1


@pytest.mark.parametrize("read", [current, history])
def test_the_next_reader_finishes_what_was_left_half_done(store: Store, read: Callable[[Store, str], Any]) -> None:
    with pytest.raises(Killed):
        change(Dying(store, 2, after=False), "m", current(store, "m"), record("dead"))
    assert store.head(pointer_key("m")) is None
    read(store, "m")
    assert read_json(store, pointer_key("m"))["run"] == "dead"


def test_who_comes_second_is_told_and_changes_nothing(store: Store) -> None:
    stale = current(store, "m")
    promote(store, "first")
    with pytest.raises(Overtaken, match="another run has made champion"):
        change(store, "m", stale, record("second"))
    assert [h["run"] for h in history(store, "m")] == ["first"]


def test_the_pointer_is_never_moved_back(store: Store) -> None:
    stale = current(store, "m")
    promote(store, "a")
    promote(store, "b", "t2")
    # the first change, carried out again by a process that slept meanwhile
    assert change(store, "m", stale, record("a"))["number"] == 1
    found = current(store, "m").record
    assert found is not None
    assert found["run"] == "b"
