"""All sources of an engine: opened from documents, paused, resumed and ticked by name."""

import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from localargo.bucket.seaweedfs import Change
from localargo.errors import InvalidInput, NotFound, Unsupported
from localargo.eventbus import journal
from localargo.eventbus.journal import Journal
from localargo.eventsources.bucket_changes import Changes
from localargo.eventsources.driver import driver_of
from localargo.eventsources.sources import Sources, supported_events
from localargo.manifests.source_kinds.kind import SourceEvent
from localargo.manifests.source_kinds.registry import KINDS, RUNNING
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


def document(name: str, **spec: Any) -> dict[str, Any]:
    return {"kind": "EventSource", "metadata": {"name": name}, "spec": {"eventBusName": "default", "template": {}, **spec}}


NIGHTLY = {"nightly": {"schedule": "0 2 * * *", "filter": {"expression": "metadata.on == 'yes'"}, "metadata": {"on": "yes"}}}
CLOCK = document("clock", calendar=NIGHTLY)
OTHER = document("other", calendar={"nightly": {"interval": "1h"}, "off": {"interval": "1h", "filter": {"expression": "false"}}})
BUCKET = document("bucket", minio={"upload": {"bucket": {"name": "data"}}})
HOOK = document("hook", webhook={"call": {"port": "1", "endpoint": "call"}})


class Bucket:
    """A log of one change for each time it is read."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def changes(self, prefix: str, since: int) -> AsyncIterator[Change]:
        self.asked.append((prefix, since))
        yield Change(f"file-{len(self.asked)}", 1, "e", since + 1)


async def opened(db: sqlite3.Connection, *documents: dict[str, Any], pause: tuple[str, ...] = ()) -> tuple[Sources, Journal, Bucket]:
    bus, bucket = Journal(db, lambda: 100.0), Bucket()
    sources = Sources(bus, lambda: 100.0, "free")

    def changes(source: str, spec: dict[str, Any]) -> Changes:
        return bucket.changes

    await sources.open(documents, lambda name, key: "t", changes, pause)
    return sources, bus, bucket


@pytest.mark.anyio
async def test_a_tick_by_hand_is_an_event(db: sqlite3.Connection) -> None:
    sources, bus, _ = await opened(db, CLOCK)
    event = await sources.tick("", "nightly")
    assert (event.source, event.subject, event.type) == ("clock", "nightly", "calendar")
    assert [entry.event for entry in bus.latest(9)] == [event]
    assert json.loads(event.data)["metadata"] == {"on": "yes"}
    await sources.close()


@pytest.mark.anyio
async def test_a_tick_names_one_event(db: sqlite3.Connection) -> None:
    sources, _, _ = await opened(db, CLOCK, OTHER, HOOK)
    with pytest.raises(InvalidInput, match="clock, other"):
        await sources.tick("", "nightly")
    assert (await sources.tick("other", "nightly")).source == "other"
    with pytest.raises(NotFound, match="clock/nightly"):
        await sources.tick("", "call")
    with pytest.raises(InvalidInput, match="dropped by its own filter"):
        await sources.tick("other", "off")
    await sources.close()


@pytest.mark.anyio
async def test_what_is_paused_at_the_start_is_silent_until_it_is_resumed(db: sqlite3.Connection) -> None:
    sources, bus, bucket = await opened(db, BUCKET, HOOK, pause=("bucket",))
    assert {row["source"]: row["state"] for row in sources.describe()} == {"bucket": "paused", "hook": "running"}
    assert [row["where"] for row in sources.describe() if row["source"] == "hook"] == [sources.where["hook", "call"]]
    assert sources.where["hook", "call"].endswith("/call")
    assert bucket.asked == []
    came: list[int] = []
    bus.changed.append(lambda: came.append(len(bus.latest(9))))
    await sources.pause("bucket", False)
    await until(lambda: came)
    await sources.pause("bucket", True)
    assert came == [1]
    assert bus.position("bucket", "upload") == str(100 * 10**9 + 1)
    await sources.close()
    assert sources.describe() == []


@pytest.mark.anyio
async def test_an_unknown_name_cannot_be_paused(db: sqlite3.Connection) -> None:
    with pytest.raises(InvalidInput, match=r"cannot pause nope: .*clock"):
        await opened(db, CLOCK, pause=("nope",))


def test_a_source_that_needs_a_service_is_refused_by_name() -> None:
    assert supported_events(CLOCK) == [SourceEvent("clock", "nightly", "calendar", NIGHTLY["nightly"])]
    with pytest.raises(Unsupported, match=r"EventSource/q spec\.sqs: .*supported: calendar, minio, webhook"):
        supported_events(document("q", sqs={"landed": {}}))


@pytest.mark.anyio
async def test_a_wrong_schedule_opens_nothing(db: sqlite3.Connection) -> None:
    with pytest.raises(InvalidInput, match="EventSource/wrong"):
        await opened(db, HOOK, document("wrong", calendar={"x": {"schedule": "@daily"}}))
    sources, _, _ = await opened(db, HOOK)
    await sources.close()


@pytest.mark.parametrize("kind", RUNNING)
def test_every_kind_that_runs_has_a_driver(kind: str) -> None:
    assert driver_of(kind) is sys.modules[f"localargo.eventsources.{KINDS[kind].driver}"].DRIVER
