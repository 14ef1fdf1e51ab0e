"""The envelope of an event, and the filter that an EventSource may carry."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from localargo.eventbus import journal
from localargo.eventbus.journal import Journal, Position
from localargo.eventsources.envelope import Envelope, new_event, passes
from localargo.store import open_store


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "engine.db", [journal.SCHEMA])
    yield connection
    connection.close()


def test_an_event_is_what_argo_makes() -> None:
    event = new_event("source", "name", "webhook", b"{}", 1_760_000_000.9)
    assert (event.source, event.subject, event.type, event.time) == ("source", "name", "webhook", "2025-10-09T08:53:20Z")
    assert (event.specversion, event.datacontenttype) == ("1.0", "application/json")
    assert len(event.id) == 32
    assert int(event.id, 16) >= 0
    assert new_event("source", "name", "webhook", b"{}", 0.0).id != event.id


@pytest.mark.parametrize(
    ("expression", "passed"),
    [
        ("body.n > 5", True),
        ("body.n > 50", False),
        ("body.absent > 5", False),
        ("body_x.y == 1", True),
        ("(body.kind ?? 'none') != 'test'", True),
        ("body.n", False),
        ("body.n >", False),
        ("body.n > 'a'", False),
        ("body.list[0] == 'a' && len(body.list) == 1", True),
    ],
)
def test_the_filter_is_true_or_drops(expression: str, passed: bool) -> None:
    data = json.dumps({"body": {"n": 10, "list": ["a"]}, "body-x": {"y": 1}}).encode()
    assert passes(expression, data) is passed


@pytest.mark.anyio
async def test_a_dropped_event_still_moves_its_source(db: sqlite3.Connection) -> None:
    bus = Journal(db, lambda: 5.0)
    envelope = Envelope("s", "e", "calendar", {"filter": {"expression": "n == 1"}}, bus, lambda: 5.0)
    assert await envelope.send(b'{"n":2}', Position("s", "e", "7")) is None
    assert (bus.latest(9), bus.position("s", "e")) == ([], "7")
    sent = await envelope.send(b'{"n":1}', Position("s", "e", "8"), "ab" * 16)
    assert sent is not None
    assert ([e.event for e in bus.latest(9)], bus.position("s", "e"), sent.id) == ([sent], "8", "ab" * 16)


@pytest.mark.anyio
async def test_minio_has_no_such_filter(db: sqlite3.Connection) -> None:
    bus = Journal(db, lambda: 5.0)
    envelope = Envelope("s", "e", "minio", {"filter": {"prefix": "a", "expression": "false"}}, bus, lambda: 5.0)
    assert await envelope.send(b"{}") is not None
