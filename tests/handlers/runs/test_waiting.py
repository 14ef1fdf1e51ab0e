"""One run waits for all that come while the sources are not quiet, and its snapshot is later than everything that joined it speaks of."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.runs.waiting import DEAD_AFTER_SECONDS, Waiting, enter, leave, let_go, read, stay
from handlers.storage import FolderStore, Store

NOW = 1000.0


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "bucket")


def wants(run: str, window: float = 0.0, until: float = NOW + 600) -> Waiting:
    return Waiting(run, until + DEAD_AFTER_SECONDS, until, window)


def test_the_first_waits_and_who_comes_later_joins_it(store: FolderStore) -> None:
    assert enter(store, "m", wants("a", NOW + 8), NOW) == (wants("a", NOW + 8), False)
    there, joined = enter(store, "m", wants("b", NOW + 18), NOW + 9)
    assert (there.run, there.window, there.joined, joined) == ("a", NOW + 18, 1, True)
    assert enter(store, "m", wants("a", NOW + 8), NOW + 10) == (there, False)
    assert let_go(store, "m", there)
    assert enter(store, "m", wants("c"), NOW + 20)[0].run == "c"


def test_what_was_seen_before_somebody_joined_is_not_let_go_of(store: FolderStore) -> None:
    seen, _ = enter(store, "m", wants("a"), NOW)
    enter(store, "m", wants("b", NOW + 5), NOW)
    assert not let_go(store, "m", seen)
    assert read(store, "m")[0].run == "a"


def test_a_window_that_ends_after_the_waiter_s_last_moment_is_not_joined(store: FolderStore) -> None:
    enter(store, "m", wants("a"), NOW)
    there, joined = enter(store, "m", wants("b", NOW + 601), NOW + 599)
    assert (there.run, there.joined, joined) == ("a", 0, False)


def test_a_dead_one_is_replaced_with_who_had_joined_it(store: FolderStore) -> None:
    enter(store, "m", wants("dead"), NOW)
    enter(store, "m", wants("b", NOW + 15), NOW + 5)
    stay(store, "m", "dead", NOW + 50)
    there, joined = enter(store, "m", wants("c", NOW + 12), NOW + 51)
    assert (there.run, there.window, there.joined, joined) == ("c", NOW + 15, 1, False)
    stay(store, "m", "dead", NOW + 5000)
    assert read(store, "m")[0] == there


def test_who_leaves_without_a_snapshot_says_whether_others_counted_on_it(store: FolderStore) -> None:
    enter(store, "m", wants("a"), NOW)
    assert (leave(store, "m", "b"), read(store, "m")[0].run) == (False, "a")
    enter(store, "m", wants("b"), NOW)
    assert leave(store, "m", "a")
    assert leave(store, "m", "a"), "tried again, it says the same"
    there, _ = enter(store, "m", wants("c"), NOW)
    assert let_go(store, "m", there)
    assert not leave(store, "m", "c"), "its snapshot has all"


STEPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12)), min_size=1, max_size=40)


@settings(max_examples=60)
@given(STEPS)
def test_whoever_joins_is_in_a_later_snapshot(steps: list[tuple[int, int]]) -> None:
    """Runs look in any order, seconds pass between them: who joined is let go of after its window's end, by who then waits, and nobody
    waits beyond its last moment."""
    with tempfile.TemporaryDirectory() as folder:
        _play(FolderStore(Path(folder)), steps)


def _play(store: Store, steps: list[tuple[int, int]]) -> None:
    now = NOW
    mine = {number: wants(f"r{number}", NOW + 10 * number + 11, NOW + 10 * number + 25) for number in range(5)}
    owed: dict[int, float] = {}  # who joined: the end of its window
    done: set[int] = set()
    for number, passed in steps:
        now += passed
        if number in done or now < NOW + 10 * number:
            continue  # it has ended, or its window has not begun
        there, joined = enter(store, "m", mine[number], now)
        if joined:
            owed[number] = mine[number].window
            done.add(number)
        elif there.run == mine[number].run and now >= max(there.window, mine[number].until) and let_go(store, "m", there):
            assert there.window <= max(mine[number].until, there.until), "nobody makes it wait longer"
            assert all(end <= now for end in owed.values())
            owed.clear()
            done.add(number)
    waits, _ = read(store, "m")
    assert not owed or (waits.run and waits.window >= max(owed.values()))
