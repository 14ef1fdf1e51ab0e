"""Buckets: a log that is read on, a listing that is compared; each written object is one event, whatever happens in between."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localargo.bucket.seaweedfs import Change
from localargo.errors import Unavailable
from localargo.eventbus import journal
from localargo.eventbus.journal import Journal
from localargo.eventbus.retention import Retention
from localargo.eventsources.bucket import AT_ONCE, SKIPPED_CHANGES, BucketSource
from localargo.eventsources.bucket_changes import Changes, Polled
from localargo.eventsources.envelope import Envelope
from localargo.manifests.source_kinds.minio import record
from localargo.store import open_store
from tests.waiting import until

NOW = 1_760_000_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "engine.db", [journal.SCHEMA])
    yield connection
    connection.close()


SPEC = {"bucket": {"name": "data"}, "filter": {"prefix": "incoming/", "suffix": ".csv"}, "events": ["s3:ObjectCreated:*"]}


def source(bus: Journal, changes: Changes, **spec: Any) -> BucketSource:
    merged = {**SPEC, **spec}
    return BucketSource(merged, Envelope("bucket", "upload", "minio", merged, bus, lambda: NOW), bus, changes, lambda: NOW)


def keys(bus: Journal) -> list[str]:
    return [json.loads(entry.event.data)["notification"][0]["s3"]["object"]["key"] for entry in reversed(bus.latest(999))]


class Log:
    """A change log: tells at least once what lies after the position, then waits for more."""

    def __init__(self, *changes: Change) -> None:
        self.changes = list(changes)
        self.asked: list[tuple[str, int]] = []
        self.repeat = False
        self.fails = 0
        self.told = asyncio.Event()

    async def __call__(self, prefix: str, since: int) -> AsyncIterator[Change]:
        self.asked.append((prefix, since))
        if self.fails:
            self.fails -= 1
            raise Unavailable("the bucket is away")
        for change in [c for c in self.changes if c.time_ns > since or self.repeat]:
            yield change
        self.told.set()
        await asyncio.Event().wait()


async def read(bus: Journal, log: Log, position: int | None = None, **spec: Any) -> None:
    """Read the log until the position of its last wanted change, or this one, is stored."""
    reading = source(bus, log, **spec)
    wanted = [one.time_ns for one in log.changes if reading.matches(one.key)]
    end = position or max(wanted, default=0)
    reading.start()
    await asyncio.wait_for(log.told.wait(), 60)
    await until(lambda: int(bus.position("bucket", "upload") or 0) >= end)
    await reading.stop()
    log.told.clear()


def change(key: str, at: int, etag: str = "e") -> Change:
    return Change(key, 5, etag, NOW * 10**9 + at)


@pytest.mark.anyio
async def test_each_wanted_object_is_an_event_and_none_twice(db: sqlite3.Connection) -> None:
    bus = Journal(db, lambda: NOW)
    source(bus, Log())
    log = Log(change("incoming/a.csv", 1), change("incoming/b.txt", 2), change("other/c.csv", 3), change("incoming/a.csv", 4, "f"))
    await read(bus, log)
    assert keys(bus) == ["incoming/a.csv", "incoming/a.csv"]
    assert log.asked == [("incoming/", NOW * 10**9)]
    log.changes.append(change("incoming/d.csv", 9))
    log.repeat = True
    await read(bus, log)
    assert keys(bus) == ["incoming/a.csv", "incoming/a.csv", "incoming/d.csv"]
    assert log.asked[-1] == ("incoming/", NOW * 10**9 + 4)


@pytest.mark.anyio
async def test_what_lies_there_already_is_no_event(db: sqlite3.Connection) -> None:
    bus = Journal(db, lambda: NOW)
    await read(bus, Log(Change("incoming/old.csv", 1, "e", NOW * 10**9 - 1)))
    assert keys(bus) == []


@pytest.mark.anyio
async def test_the_notification_is_minios(db: sqlite3.Connection) -> None:
    bus = Journal(db, lambda: NOW)
    await read(bus, Log(change("incoming/ż ó&+.csv", 123_000_000, "abc")), metadata={"b": "2", "a": "1"})
    (entry,) = bus.latest(9)
    data = json.loads(entry.event.data)
    assert data == {
        "notification": [record("data", "incoming/ż ó&+.csv", 5, "abc", NOW * 10**9 + 123_000_000)],
        "metadata": {"a": "1", "b": "2"},
    }
    assert data["notification"][0]["eventTime"] == "2025-10-09T08:53:20.123Z"
    assert data["notification"][0]["eventName"] == "s3:ObjectCreated:Put"
    assert (entry.event.type, entry.event.source, entry.event.subject) == ("minio", "bucket", "upload")


@pytest.mark.parametrize(
    ("events", "wanted"),
    [(["s3:ObjectCreated:*"], True), (["s3:ObjectCreated:Put"], True), (["s3:ObjectRemoved:*"], False), (["s3:ObjectCreated:Copy"], False)],
)
def test_other_kinds_of_events_are_not_told(db: sqlite3.Connection, events: list[str], wanted: bool) -> None:
    bus = Journal(db, lambda: NOW)
    assert source(bus, Log(), events=events).matches("incoming/a.csv") is wanted


@pytest.mark.anyio
async def test_a_bucket_that_is_away_is_asked_again(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Journal(db, lambda: NOW)
    log = Log(change("incoming/a.csv", 1))
    log.fails = 1
    await read(bus, log)
    assert keys(bus) == ["incoming/a.csv"]
    assert len(log.asked) == 2


@pytest.mark.anyio
async def test_the_position_moves_past_what_nobody_wants(db: sqlite3.Connection) -> None:
    bus = Journal(db, lambda: NOW)
    end = NOW * 10**9 + SKIPPED_CHANGES
    await read(bus, Log(*(change("incoming/x.txt", n) for n in range(1, SKIPPED_CHANGES + 5))), end)
    assert bus.position("bucket", "upload") == str(end)


@pytest.mark.anyio
async def test_a_burst_of_changes_shares_commits(db: sqlite3.Connection) -> None:
    bus = Journal(db, lambda: NOW)
    commits: list[int] = []
    bus.changed.append(lambda: commits.append(bus.published))
    names = [f"incoming/{number:03d}.csv" for number in range(3 * AT_ONCE)]
    await read(bus, Log(*(change(name, number) for number, name in enumerate(names, 1))))
    assert keys(bus) == names
    assert len(commits) <= 6


@pytest.mark.anyio
async def test_no_position_is_stored_beyond_an_event_that_the_bus_refuses(db: sqlite3.Connection) -> None:
    bus = Journal(db, lambda: NOW, Retention(messages=2, refuses=True))
    changes = [change(f"incoming/{number}.csv", number) for number in range(1, 5)]
    last = changes[1].time_ns
    await read(bus, Log(*changes), last)
    assert keys(bus) == ["incoming/1.csv", "incoming/2.csv"]
    assert bus.position("bucket", "upload") == str(last)


# ---------------------------------------------------------------------------------------------- polling


@dataclass
class Item:
    key: str
    etag: str
    modified: float = NOW
    size: int = 5


@dataclass
class Listing:
    """A store that can only be listed."""

    items: list[Item] = field(default_factory=list)
    asked: int = 0
    broken: bool = False

    def objects(self, prefix: str) -> Iterable[Item]:
        self.asked += 1
        if self.broken:
            raise KeyError("what the store answered is no listing")
        return [item for item in self.items if item.key.startswith(prefix)]


async def poll(bus: Journal, listing: Listing, times: int = 2) -> None:
    polling = source(bus, Polled(listing, 0.01))
    goal = listing.asked + times + 1
    polling.start()
    await until(lambda: listing.asked >= goal)
    await polling.stop()


@pytest.mark.anyio
async def test_a_listing_is_compared_by_etag(db: sqlite3.Connection) -> None:
    bus, listing = Journal(db, lambda: NOW), Listing([Item("incoming/old.csv", "1")])
    await poll(bus, listing)
    assert keys(bus) == []
    listing.items = [Item("incoming/b.csv", "1", NOW + 2), Item("incoming/old.csv", "2", NOW + 1), Item("incoming/c.txt", "1")]
    await poll(bus, listing)
    assert keys(bus) == ["incoming/old.csv", "incoming/b.csv"]


@pytest.mark.anyio
async def test_what_came_while_nobody_listened_is_told_whatever_its_time(db: sqlite3.Connection) -> None:
    bus, listing = Journal(db, lambda: NOW), Listing()
    await poll(bus, listing)
    listing.items = [Item("incoming/a.csv", "1", NOW - 5000)]
    await poll(bus, listing)
    await poll(bus, listing)
    assert keys(bus) == ["incoming/a.csv"]
    listing.items = []
    await poll(bus, listing)
    listing.items = [Item("incoming/a.csv", "1")]
    await poll(bus, listing)
    assert keys(bus) == ["incoming/a.csv", "incoming/a.csv"]


@pytest.mark.anyio
async def test_a_store_that_answers_nonsense_is_asked_again(db: sqlite3.Connection) -> None:
    bus, listing = Journal(db, lambda: NOW), Listing(broken=True)
    polling = source(bus, Polled(listing))
    polling.start()
    polling.start()
    await until(lambda: listing.asked)
    listing.broken = False
    await until(lambda: bus.position("bucket", "upload"))
    await polling.stop()
    assert bus.position("bucket", "upload") == "0"
