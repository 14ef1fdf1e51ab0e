"""Ticks: what they say, when they come, and what becomes of those that nobody was there for."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from localargo.eventbus import journal
from localargo.eventbus.journal import Journal
from localargo.eventsources.calendar import Calendar
from localargo.eventsources.envelope import Envelope
from localargo.manifests.source_kinds.calendar import go_time
from localargo.store import open_store
from tests.waiting import until


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "engine.db", [journal.SCHEMA])
    yield connection
    connection.close()


class Time:
    def __init__(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).timestamp()

    def __call__(self) -> float:
        return self.now


def calendar(db: sqlite3.Connection, clock: Any, **spec: Any) -> tuple[Calendar, Journal]:
    bus = Journal(db, clock)
    return Calendar(spec, Envelope("clock", "tick", "calendar", spec, bus, clock), bus, clock), bus


def times(bus: Journal) -> list[str]:
    return [json.loads(entry.event.data)["eventTime"] for entry in reversed(bus.latest(99))]


@pytest.mark.parametrize(
    ("moment", "zone", "text"),
    [
        ("2026-11-22T21:59:00.000800", "UTC", "2026-11-22 21:59:00.0008 +0000 UTC"),
        ("2026-07-01T12:00:00", "Europe/Warsaw", "2026-07-01 12:00:00 +0200 CEST"),
        ("2026-01-01T00:00:00.5", "America/Sao_Paulo", "2026-01-01 00:00:00.5 -0300 -03"),
        ("2026-01-01T00:00:00.123456", "Asia/Kolkata", "2026-01-01 00:00:00.123456 +0530 IST"),
    ],
)
def test_a_time_is_printed_as_go_prints_it(moment: str, zone: str, text: str) -> None:
    assert go_time(datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))) == text


@pytest.mark.anyio
async def test_a_tick_by_hand_is_live_and_changes_nothing(db: sqlite3.Connection) -> None:
    clock = Time("2026-11-22T21:59:00+00:00")
    ticking, bus = calendar(
        db,
        clock,
        schedule="0 0 * * *",
        timezone="Europe/Warsaw",
        metadata={"z": "1", "model": "m"},
        persistence={"configMap": {"name": "c"}},
    )
    clock.now += 0.25
    event = await ticking.fire()
    assert event is not None
    assert event.data == b'{"eventTime":"2026-11-22 22:59:00.25 +0100 CET m=+0.250000000","metadata":{"model":"m","z":"1"}}'
    assert bus.position("clock", "tick") is None


@pytest.mark.anyio
async def test_an_interval_ticks_until_it_is_stopped(db: sqlite3.Connection) -> None:
    before = asyncio.all_tasks()
    ticking, bus = calendar(db, time.time, interval="20ms")
    came = asyncio.Event()
    bus.changed.append(lambda: came.set() if len(bus.latest(9)) >= 3 else None)
    ticking.start()
    ticking.start()
    await asyncio.wait_for(came.wait(), 60)
    await ticking.stop()
    assert asyncio.all_tasks() == before  # nobody is left who could tick


PERSISTENT = {"configMap": {"name": "c", "createIfNotExist": True}, "catchup": {"enabled": True, "maxDuration": "3h"}}


Run = Callable[[Calendar], Awaitable[None]]


@pytest.fixture
def caught_up(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a calendar until it waits for a tick to come."""

    async def run(ticking: Calendar) -> None:
        waits = asyncio.Event()

        async def wait(due: float, now: Callable[[], float]) -> None:
            waits.set()
            await asyncio.Event().wait()

        monkeypatch.setattr("localargo.eventsources.calendar.until", wait)
        ticking.start()
        await asyncio.wait_for(waits.wait(), 60)
        await ticking.stop()

    return run


@pytest.mark.anyio
async def test_missed_ticks_are_caught_up_one_by_one(db: sqlite3.Connection, caught_up: Run) -> None:
    clock = Time("2026-11-22T10:00:00+00:00")
    ticking, bus = calendar(db, clock, schedule="0 * * * *", persistence=PERSISTENT)
    bus.note(journal.Position("clock", "tick", str(clock.now)))
    clock.now += 2 * 3600 + 60
    await caught_up(ticking)
    assert times(bus) == ["2026-11-22 11:00:00 +0000 UTC", "2026-11-22 12:00:00 +0000 UTC"]
    again, bus = calendar(db, clock, schedule="0 * * * *", persistence=PERSISTENT)
    await caught_up(again)
    assert len(times(bus)) == 2


@pytest.mark.anyio
async def test_no_more_is_caught_up_than_max_duration(db: sqlite3.Connection, caught_up: Run) -> None:
    clock = Time("2026-11-22T00:00:00+00:00")
    ticking, bus = calendar(db, clock, schedule="0 * * * *", persistence=PERSISTENT)
    bus.note(journal.Position("clock", "tick", str(clock.now)))
    clock.now += 10 * 3600 + 60
    await caught_up(ticking)
    assert [t[11:16] for t in times(bus)] == ["08:00", "09:00", "10:00"]


@pytest.mark.anyio
@pytest.mark.parametrize("persistence", [None, {"configMap": {"name": "c"}}, {"configMap": {"name": "c"}, "catchup": {"enabled": False}}])
async def test_without_catch_up_what_was_missed_is_missed(db: sqlite3.Connection, caught_up: Run, persistence: Any) -> None:
    clock = Time("2026-11-22T10:00:00+00:00")
    ticking, bus = calendar(db, clock, schedule="0 * * * *", persistence=persistence)
    bus.note(journal.Position("clock", "tick", str(clock.now)))
    clock.now += 7200 + 60
    await caught_up(ticking)
    assert times(bus) == []


@pytest.mark.anyio
async def test_a_persistent_tick_is_stored_again_until_it_is(db: sqlite3.Connection, caplog: pytest.LogCaptureFixture) -> None:
    clock = Time("2026-11-22T10:00:00+00:00")
    ticking, bus = calendar(db, clock, schedule="0 * * * *", persistence=PERSISTENT)
    bus.note(journal.Position("clock", "tick", str(clock.now)))
    clock.now += 3660
    db.execute("CREATE TRIGGER broken BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    ticking.start()
    await until(lambda: "could not be stored" in caplog.text)
    assert times(bus) == []
    db.execute("DROP TRIGGER broken")
    came = asyncio.Event()
    bus.changed.append(came.set)
    await asyncio.wait_for(came.wait(), 60)
    await ticking.stop()
    assert times(bus) == ["2026-11-22 11:00:00 +0000 UTC"]
