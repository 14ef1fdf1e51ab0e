"""Webhooks over real HTTP: status codes, tokens, strangers who are large, slow or gone."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from localargo.errors import InvalidInput, NotFound, Unavailable
from localargo.eventbus import journal
from localargo.eventbus.journal import Journal
from localargo.eventbus.retention import Retention
from localargo.eventsources.bucket_changes import Changes
from localargo.eventsources.http_ports import Application
from localargo.eventsources.server import Server, bind
from localargo.eventsources.sources import Sources
from localargo.eventsources.webhook import Endpoint
from localargo.store import open_store

TOKEN = "s3cret"


def source(name: str = "hooks", **events: Any) -> dict[str, Any]:
    return {"kind": "EventSource", "metadata": {"name": name}, "spec": {"webhook": events}}


DOCUMENT = source(
    hook={"port": "1", "endpoint": "/hook", "method": "POST"},
    small={"port": "1", "endpoint": "/small", "method": "POST", "maxPayloadSize": 100, "authSecret": {"name": "t", "key": "k"}},
    get={"port": "1", "endpoint": "get", "method": "GET"},
    put={"port": "1", "endpoint": "/put", "method": "PUT"},
    picky={"port": "1", "endpoint": "/picky", "method": "POST", "filter": {"expression": "body.n > 5"}, "metadata": {"b": "2", "a": "1"}},
    locked={"port": "1", "endpoint": "/locked", "method": "POST", "authSecret": {"name": "none", "key": "k"}},
    empty={"port": "1", "endpoint": "/empty", "method": "POST", "authSecret": {"name": "empty", "key": "k"}},
)


def no_changes(source: str, spec: dict[str, Any]) -> Changes:
    raise AssertionError("no bucket here")


def secret(name: str, key: str) -> str:
    if name == "none":
        raise NotFound("no such Secret")
    return "\n" if name == "empty" else TOKEN + "\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class World:
    def __init__(self, bus: Journal, sources: Sources, db: sqlite3.Connection) -> None:
        self.bus = bus
        self.sources = sources
        self.db = db
        self.http = httpx.AsyncClient(trust_env=False, timeout=120)

    def url(self, event: str) -> str:
        return self.sources.where["hooks", event]

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(entry.event.data) for entry in reversed(self.bus.latest(999))]

    async def raw(self, text: bytes, wait: float = 5.0) -> bytes:
        """What comes back on a connection of our own."""
        port = int(self.url("hook").split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(text)
        await writer.drain()
        try:
            return await asyncio.wait_for(reader.read(), wait)
        except ConnectionResetError:  # hung up on while we were still talking
            return b"HTTP/1.1 4"
        finally:
            writer.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    db = open_store(tmp_path / "engine.db", [journal.SCHEMA])
    bus = Journal(db, lambda: 1_760_000_000.5)
    sources = Sources(bus, lambda: 1_760_000_000.5, "free")
    await sources.open([DOCUMENT], secret, no_changes, [])
    made = World(bus, sources, db)
    yield made
    await made.http.aclose()
    await sources.close()
    db.close()


@pytest.mark.anyio
async def test_a_post_is_an_event_once_it_is_answered(world: World) -> None:
    answer = await world.http.post(world.url("hook"), content=b'{"a":1.0}', headers={"X-GitHub-Event": "push", "Authorization": "Basic x"})
    assert (answer.status_code, answer.text) == (200, "success")
    (entry,) = world.bus.latest(9)
    event = entry.event
    assert (event.source, event.subject, event.type, event.time) == ("hooks", "hook", "webhook", "2025-10-09T08:53:20Z")
    assert len(event.id) == 32
    assert b'"body":{"a":1.0}' in event.data
    header = json.loads(event.data)["header"]
    assert header["X-Github-Event"] == ["push"]
    assert header["Authorization"] == ["*** Masked Auth Secret ***"]
    assert "Host" not in header


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "hook", b"", 400),
        ("POST", "hook", b"{broken", 400),
        ("GET", "hook", b"", 400),
        ("PUT", "hook", b"{}", 400),
        ("PUT", "put", b"{}", 400),
        ("GET", "get", b"", 200),
        ("POST", "get", b"{}", 400),
        ("DELETE", "hook", b"", 400),
        ("POST", "locked", b"{}", 401),
    ],
)
async def test_statuses_are_argos(world: World, method: str, path: str, body: bytes, status: int) -> None:
    assert (await world.http.request(method, world.url(path), content=body)).status_code == status
    assert len(world.told()) == (status == 200)


@pytest.mark.anyio
async def test_paths(world: World) -> None:
    base = world.url("hook").removesuffix("/hook")
    assert (await world.http.get(f"{base}/health")).status_code == 200
    for path in ("/nope", "/hook/", "/hook/../secret", "/"):
        assert (await world.http.post(base + path, content=b"{}")).status_code == 404
    assert world.told() == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("header", "status", "text"),
    [
        (f"Bearer {TOKEN}", 200, "success"),
        (None, 401, "Invalid Authorization Header"),
        (TOKEN, 401, "Invalid Authorization Header"),
        (f"bearer {TOKEN}", 401, "Invalid Authorization Header"),
        (f"Bearer {TOKEN} x", 401, "Invalid Auth token"),
        ("Bearer wrong", 401, "Invalid Auth token"),
        (f"Bearer  {TOKEN}", 401, "Invalid Auth token"),
        (f"Bearer {TOKEN[:-1]}", 401, "Invalid Auth token"),
        ("Bearer \xfc", 401, "Invalid Auth token"),
    ],
)
async def test_bearer_tokens(world: World, header: str | None, status: int, text: str) -> None:
    given = {} if header is None else {b"Authorization": header.encode("latin-1")}
    answer = await world.http.post(world.url("small"), content=b"{}", headers=given)
    assert (answer.status_code, answer.text) == (status, text)


@pytest.mark.anyio
async def test_the_token_is_asked_before_the_method(world: World) -> None:
    assert (await world.http.get(world.url("small"))).status_code == 401


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["locked", "empty"])
async def test_a_token_that_cannot_be_read_or_is_empty_lets_nobody_in(world: World, path: str) -> None:
    for header in (b"Bearer ", b"Bearer x", b"Bearer \t"):
        head = b"POST /" + path.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\nAuthorization: "
        answer = await world.raw(head + header + b"\r\n\r\n{}")
        assert answer.split()[1] in (b"401", b"500")
    assert world.told() == []


@pytest.mark.anyio
async def test_what_is_too_large_is_not_read_to_its_end(world: World) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert (await world.http.post(world.url("small"), content=b'"' + b"x" * 98 + b'"', headers=headers)).status_code == 200
    assert (await world.http.post(world.url("small"), content=b'"' + b"x" * 99 + b'"', headers=headers)).status_code == 400
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1 << 30:
            sent += 65536
            yield b"x" * 65536

    try:
        answer = await world.http.post(world.url("small"), content=endless(), headers=headers)
        assert answer.status_code == 400
    except httpx.TransportError:
        pass  # hung up while we were still talking
    assert sent < 1 << 27


@pytest.mark.anyio
async def test_a_filter_drops_and_says_success(world: World) -> None:
    for body in ('{"n":10}', '{"n":1}', '{"other":1}', '{"n":"x"}', "[1]"):
        assert (await world.http.post(world.url("picky"), content=body.encode())).status_code == 200
    assert [(e["body"], e["metadata"]) for e in world.told()] == [({"n": 10}, {"a": "1", "b": "2"})]


@pytest.mark.anyio
async def test_without_a_bus_there_is_no_success(world: World) -> None:
    world.db.execute("CREATE TRIGGER broken BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    assert (await world.http.post(world.url("hook"), content=b"{}")).status_code == 500
    world.db.execute("DROP TRIGGER broken")
    world.bus.retention = Retention(payload=1000)
    assert (await world.http.post(world.url("hook"), content=b'"' + b"x" * 1000 + b'"')).status_code == 500
    assert (await world.http.post(world.url("hook"), content=b"{}")).status_code == 200


@pytest.mark.anyio
async def test_slow_bodies_and_slow_heads_are_hung_up_on(world: World) -> None:
    for endpoint in world.sources.http.endpoints():
        assert isinstance(endpoint, Endpoint)
        endpoint.body_seconds = 0.2
    slow = b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
    answer = await world.raw(slow)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"too slowly" in answer
    for server in world.sources.http.servers():
        await server.stop()
    application = Application(world.sources.http.endpoints())
    server = Server(application, bind(0, True))
    server.head_seconds = 0.2
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.socket.getsockname()[1])
    writer.write(b"POST /hook HTTP/1.1\r\nHo")
    assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.close()
    await server.stop()


@pytest.mark.anyio
async def test_half_a_request_leaves_nothing(world: World) -> None:
    port = int(world.url("hook").split(":")[2].split("/")[0])
    for text in (b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", b"POST /hook", b"\x16\x03\x01\x00", b"\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(text)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 60)  # the server lets go of it
        writer.close()
    assert (await world.http.post(world.url("hook"), content=b"1")).status_code == 200
    assert [e["body"] for e in world.told()] == [1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nContent-Length: 20\r\n",
        b"Content-Length: -2\r\n",
        b"Content-Length: abc\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"X: " + b"x" * 200_000 + b"\r\n",
        b"X y: 1\r\n",
        b" X: 1\r\n",
    ],
)
async def test_tricks_with_headers_are_no_event(world: World, head: bytes) -> None:
    answer = await world.raw(b"POST /hook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n{}")
    assert answer.startswith(b"HTTP/1.1 4")
    assert world.told() == []


@pytest.mark.anyio
async def test_a_paused_source_takes_nothing(world: World) -> None:
    await world.sources.pause("hooks", True)
    assert (await world.http.post(world.url("hook"), content=b"{}")).status_code == 400
    assert {row["state"] for row in world.sources.describe()} == {"paused"}
    await world.sources.pause("hooks", False)
    assert (await world.http.post(world.url("hook"), content=b"{}")).status_code == 200
    with pytest.raises(NotFound):
        await world.sources.pause("nope", True)


@pytest.mark.anyio
async def test_two_sources_may_share_a_port_but_not_a_path(world: World) -> None:
    one = source("one", a={"port": "7", "endpoint": "/a"})
    two = source("two", b={"port": "7", "endpoint": "/b"})
    sources = Sources(world.bus, lambda: 1.0, "free")
    await sources.open([one, two], secret, no_changes, [])
    ports = {url.split(":")[2].split("/")[0] for url in sources.where.values()}
    assert len(ports) == 1
    await sources.close()
    clash = source("two", b={"port": "7", "endpoint": "/a"})
    with pytest.raises(InvalidInput, match="one/a and two/b both listen on /a"):
        await sources.open([one, clash], secret, no_changes, [])


@pytest.mark.anyio
async def test_a_taken_port_is_told_with_the_way_out(world: World) -> None:
    taken = bind(0, True)
    port = taken.getsockname()[1]
    sources = Sources(world.bus, lambda: 1.0, "manifest")
    with pytest.raises(Unavailable, match=rf"port {port} .*free ports"):
        await sources.open([source(a={"port": str(port), "endpoint": "/a"})], secret, no_changes, [])
    taken.close()


@pytest.mark.anyio
async def test_a_burst_shares_commits_and_loses_nothing(world: World) -> None:
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=120) as client:
        answers = await asyncio.gather(*(client.post(world.url("hook"), content=str(n).encode()) for n in range(200)))
    assert {a.status_code for a in answers} == {200}
    assert sorted(e["body"] for e in world.told()) == list(range(200))
