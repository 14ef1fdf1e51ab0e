"""The journal: what is published is there, each trigger reads at its own pace, and the bounds hold."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.errors import NotFound
from localargo.eventbus import journal
from localargo.eventbus.journal import Journal, Position, Seen, tree
from localargo.eventbus.retention import Full, Retention, TooLarge
from localargo.ports import Event
from localargo.store import open_store, transaction


def event(number: int, source: str = "s", subject: str = "e", data: bytes = b"{}") -> Event:
    return Event(f"{number:032x}", source, subject, "webhook", "2026-01-01T00:00:00Z", data)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "engine.db", [journal.SCHEMA])
    yield connection
    connection.close()


@pytest.fixture
def bus(db: sqlite3.Connection, clock: Time) -> Journal:
    return Journal(db, clock)


@pytest.mark.anyio
async def test_events_of_one_turn_share_a_commit_and_an_id_counts_once(bus: Journal, db: sqlite3.Connection) -> None:
    told: list[int] = []
    bus.changed.append(lambda: told.append(len(bus.latest(99))))
    await asyncio.gather(*(bus.publish(event(n % 3)) for n in range(6)))
    assert told == [3]
    assert [e.event.id for e in bus.latest(2)] == [event(2).id, event(1).id]
    assert db.execute("SELECT count(*) FROM event").fetchone() == (3,)


@pytest.mark.anyio
async def test_a_trigger_sees_what_comes_after_it_in_order(bus: Journal) -> None:
    await bus.publish(event(1))
    bus.subscribe("sensor", "t")
    for n in range(2, 6):
        await bus.publish(event(n, source="s" if n != 3 else "other"))
    waiting = bus.waiting("sensor", "t", [("s", "e")])
    assert [e.event.id for e in waiting] == [event(2).id, event(4).id, event(5).id]
    bus.acknowledge("sensor", "t", waiting[1].seq, "it went wrong")
    assert [e.event.id for e in bus.waiting("sensor", "t", [("s", "e")])] == [event(5).id]
    assert bus.lag({("sensor", "t"): [("s", "e"), ("other", "e")]}) == [
        {"sensor": "sensor", "trigger": "t", "lag": 1, "error": "it went wrong"}
    ]
    bus.subscribe("sensor", "t")
    assert [e.event.id for e in bus.waiting("sensor", "t", [("s", "e")])] == [event(5).id]


@pytest.mark.anyio
async def test_a_new_trigger_sees_nothing_old_though_the_journal_is_empty(bus: Journal, clock: Time) -> None:
    bus.retention = Retention(seconds=10)
    await bus.publish(event(1))
    clock.now += 60
    await bus.publish(event(2))
    assert [e.event.id for e in bus.latest(9)] == [event(2).id]
    bus.subscribe("sensor", "t")
    assert bus.waiting("sensor", "t", [("s", "e")]) == []
    await bus.publish(event(3))
    assert [e.event.id for e in bus.waiting("sensor", "t", [("s", "e")])] == [event(3).id]


def test_a_trigger_that_is_gone_takes_its_cursor_and_slots_with_it(bus: Journal) -> None:
    for trigger in ("a", "b"):
        bus.subscribe("sensor", trigger)
        bus.keep_slot("sensor", trigger, "d", journal.Entry(1, event(1), 0.0))
        bus.acknowledge_part("sensor", trigger, 1, "d")
    bus.unsubscribe("sensor", ["b"])
    assert [row["trigger"] for row in bus.lag({})] == ["b"]
    assert (bus.slots("sensor", "a"), set(bus.slots("sensor", "b"))) == ({}, {"d"})
    assert (bus.parts("sensor", "a", 1), bus.parts("sensor", "b", 1)) == (set(), {"d"})


def test_the_latest_event_of_a_dependency_stays_until_it_is_cleared(bus: Journal) -> None:
    bus.keep_slot("sensor", "t", "a", journal.Entry(1, event(1, data=b'{"n":1.0}'), 5.0))
    bus.keep_slot("sensor", "t", "a", journal.Entry(2, event(2), 6.0))
    bus.keep_slot("sensor", "t", "b", journal.Entry(3, event(3), 7.0))
    assert {name: (entry.seq, entry.event.id, entry.at) for name, entry in bus.slots("sensor", "t").items()} == {
        "a": (2, event(2).id, 6.0),
        "b": (3, event(3).id, 7.0),
    }
    bus.clear_slots("sensor", "t")
    assert bus.slots("sensor", "t") == {}


def test_parts_are_forgotten_with_the_acknowledgement_and_with_a_rollback(bus: Journal, db: sqlite3.Connection) -> None:
    bus.subscribe("sensor", "t")
    bus.acknowledge_part("sensor", "t", 7, "a")
    with pytest.raises(ZeroDivisionError), transaction(db):
        bus.acknowledge_part("sensor", "t", 7, "b")
        raise ZeroDivisionError
    assert bus.parts("sensor", "t", 7) == {"a"}
    bus.acknowledge("sensor", "t", 7)
    assert bus.parts("sensor", "t", 7) == set()


@pytest.mark.anyio
async def test_how_far_a_source_came_is_stored_with_its_event(bus: Journal, db: sqlite3.Connection) -> None:
    assert bus.position("s", "e") is None
    await bus.publish(event(1), Position("s", "e", "17"))
    await bus.publish(event(2), Seen("s", "e", "k", '"x"'))
    assert bus.position("s", "e") == "17"
    bus.remember("s", "e", {"k2": "y"})
    assert bus.seen("s", "e") == {"k": '"x"', "k2": "y"}
    bus.remember("s", "e", {}, ["k"])
    assert bus.seen("s", "e") == {"k2": "y"}
    db.execute("DROP TABLE position")
    with pytest.raises(sqlite3.Error):
        await bus.publish(event(3), Position("s", "e", "18"))
    assert [e.event.id for e in bus.latest(9)] == [event(2).id, event(1).id]


@pytest.mark.anyio
async def test_what_the_disk_does_not_take_is_told_to_who_published(bus: Journal, db: sqlite3.Connection) -> None:
    db.execute("CREATE TRIGGER broken BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
    with pytest.raises(sqlite3.Error, match="the disk is full"):
        await bus.publish(event(1))
    db.execute("DROP TRIGGER broken")
    await bus.publish(event(1))
    assert len(bus.latest(9)) == 1


@pytest.mark.anyio
async def test_the_oldest_goes_first_by_count_bytes_and_age(bus: Journal, clock: Time) -> None:
    bus.retention = Retention(messages=3)
    for n in range(5):
        await bus.publish(event(n, data=b"[" + b" " * 98 + b"]"))
    assert [e.event.id for e in bus.latest(9)] == [event(n).id for n in (4, 3, 2)]
    bus.retention = Retention(bytes=250)
    await bus.publish(event(5, data=b"[" + b" " * 98 + b"]"))
    assert [e.event.id for e in bus.latest(9)] == [event(5).id, event(4).id]
    bus.retention = Retention(seconds=100)
    clock.now += 101
    await bus.publish(event(6))
    assert [e.event.id for e in bus.latest(9)] == [event(6).id]


@pytest.mark.anyio
async def test_bounds_hold_over_a_restart(db: sqlite3.Connection, clock: Time) -> None:
    bus = Journal(db, clock)
    for n in range(4):
        await bus.publish(event(n))
    again = Journal(db, clock, Retention(messages=4))
    await again.publish(event(4))
    assert [e.event.id for e in again.latest(9)] == [event(n).id for n in (4, 3, 2, 1)]


@pytest.mark.anyio
async def test_a_full_bus_may_refuse_instead(db: sqlite3.Connection, clock: Time) -> None:
    bus = Journal(db, clock, Retention(messages=2, refuses=True))
    results = await asyncio.gather(*(bus.publish(event(n)) for n in range(3)), return_exceptions=True)
    assert [type(r) for r in results] == [type(None), type(None), Full]
    assert [e.event.id for e in bus.latest(9)] == [event(1).id, event(0).id]


@pytest.mark.anyio
async def test_an_event_may_be_too_large_for_the_bus(bus: Journal) -> None:
    with pytest.raises(TooLarge, match="1048576"):
        await bus.publish(event(1, data=b'"' + b"x" * 800_000 + b'"'))
    assert bus.latest(9) == []


@pytest.mark.anyio
async def test_an_event_is_found_by_the_beginning_of_its_id(bus: Journal) -> None:
    await bus.publish(Event("ab" * 16, "s", "e", "webhook", "t", b'{"a":1}'))
    await bus.publish(Event("ac" * 16, "s", "e", "webhook", "t", b"{}"))
    assert bus.get("ab").source == "s"
    with pytest.raises(NotFound, match="more than one"):
        bus.get("a")
    for wrong in ("zz", "%", "*", "?" * 32):
        with pytest.raises(NotFound):
            bus.get(wrong)


LEAVES = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_tree_of_an_event_has_its_data(value: object) -> None:
    from localargo.expressions.rawjson import dumps

    read = tree(event(1, data=dumps({"v": value}).encode()))
    assert dumps(read["data"]) == dumps({"v": _floats(value)})


def _floats(value: object) -> object:
    """Integers beyond int64 are floats, those beyond floats stay text."""
    if isinstance(value, list):
        return [_floats(v) for v in value]
    if isinstance(value, dict):
        return {k: _floats(v) for k, v in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63 else value


def test_a_number_that_no_float_holds_is_text() -> None:
    assert tree(event(1, data=b'{"a":[1e999,1.5],"b":' + b"9" * 5000 + b"}"))["data"] == {"a": ["1e999", 1.5], "b": "9" * 5000}
