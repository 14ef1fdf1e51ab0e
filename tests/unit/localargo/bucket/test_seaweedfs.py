"""The engine's own bucket: started, adopted, killed, and its changes told from any position."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from localargo.bucket import weed
from localargo.bucket.s3 import S3Bucket
from localargo.bucket.seaweedfs import Change, SeaweedFS, read_change
from localargo.ports import Doc
from tests.waiting import until


async def take(server: SeaweedFS, prefix: str, since: int, count: int) -> list[Change]:
    """The first changes after a position."""
    found: list[Change] = []
    changes = server.changes(prefix, since)
    assert isinstance(changes, AsyncGenerator)
    async with asyncio.timeout(60):
        async for change in changes:
            found.append(change)
            if len(found) == count:
                break
    await changes.aclose()
    return found


def test_it_listens_on_loopback_alone(server: SeaweedFS) -> None:
    inodes = {str(fd.readlink()) for pid in server._server.alive() for fd in Path(f"/proc/{pid}/fd").iterdir()}
    local = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                local.add(fields[1].split(":")[0])
    assert local == {"0100007F"}


def test_its_keys_are_for_the_owner_alone_and_needed(server: SeaweedFS) -> None:
    assert (server.state / "env.json").stat().st_mode & 0o777 == 0o600
    assert set(server.environment) == {
        "AWS_ENDPOINT_URL_S3",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "TEST_BUCKET",
    }
    assert len(server.environment["AWS_SECRET_ACCESS_KEY"]) >= 30


FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="evil.csv"\r\n\r\na,b\r\n--b--\r\n'
WAYS = [  # what a program without keys, or a web page by a plain form, could send
    ("s3", "PUT", "/own/incoming/m/evil.csv"),
    ("filer", "POST", "/buckets/own/incoming/m/"),
    ("filer", "PUT", "/buckets/own/incoming/m/evil.csv"),
    ("filer", "GET", "/buckets/own/incoming/m/"),
    ("filer", "DELETE", "/buckets/own/incoming/m/good.csv"),
    ("filer", "POST", "/buckets/own/incoming/m/evil.csv?mv.from=/buckets/own/incoming/m/good.csv"),
    ("filer", "POST", "/.tus/buckets/own/incoming/m/evil.csv"),
    ("master", "POST", "/submit"),
    ("master", "GET", "/dir/assign"),
    ("master", "GET", "/col/delete?collection=own"),
    ("master", "GET", "/vol/grow?count=1"),
    ("volume", "GET", "/ui/index.html"),
    ("volume", "POST", "/1,01637037d6"),
    ("admin", "GET", "/"),
]


@pytest.mark.parametrize(("service", "method", "path"), WAYS)
def test_nobody_without_its_keys_is_served(server: SeaweedFS, bucket: S3Bucket, service: str, method: str, path: str) -> None:
    bucket.put("incoming/m/good.csv", b"good")
    address = f"http://{weed.LOOPBACK}:{server._ports[service]}{path}"
    answer = httpx.request(method, address, content=FORM, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code in (401, 403, 404)
    assert bucket.get("incoming/m/good.csv") == b"good"
    assert not bucket.exists("incoming/m/evil.csv")


def test_its_log_is_told_to_its_own_processes_alone(server: SeaweedFS, bucket: S3Bucket) -> None:
    bucket.put("told/a", b"1")
    assert [change.key for change in asyncio.run(take(server, "told/", 0, 1))] == ["told/a"]
    words = [weed.binary(), "filer.meta.tail", f"-filer={weed.LOOPBACK}:{server._ports['filer']}", "-timeAgo=1h", "-untilTimeAgo=1ns"]
    stranger = subprocess.run(words, env={"PATH": os.environ["PATH"], "HOME": "/"}, capture_output=True, timeout=60, check=False)
    assert b"connection error" in stranger.stdout + stranger.stderr
    assert b"told" not in stranger.stdout
    assert all((server.folder / name).stat().st_mode & 0o777 == 0o600 for name in ("grpc.key", "grpc.crt"))


def test_one_change_for_each_object_that_was_written_whole(server: SeaweedFS, bucket: S3Bucket, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(20 << 20))
    bucket.put("c1/a b+ü.csv", b"hello")
    bucket.put("c1/zero", b"")
    bucket.put("other/x", b"not asked for")
    bucket.upload(tmp_path / "large", "c1/deep/large")
    bucket.put("c1/a b+ü.csv", b"hello")
    bucket.delete("c1/zero")
    bucket.put("c1/last", b"!")
    found = asyncio.run(take(server, "c1/", 0, 5))
    assert [(c.key, c.size) for c in found] == [
        ("c1/a b+ü.csv", 5),
        ("c1/zero", 0),
        ("c1/deep/large", 20 << 20),
        ("c1/a b+ü.csv", 5),
        ("c1/last", 1),
    ]
    assert [c.etag for c in found[:2]] == ["5d41402abc4b2a76b9719d911017c592", "d41d8cd98f00b204e9800998ecf8427e"]
    info = bucket.head("c1/deep/large")
    assert info is not None
    assert found[2].etag == info.etag
    positions = [c.time_ns for c in found]
    assert positions == sorted(set(positions))
    assert asyncio.run(take(server, "c1/", positions[2], 2)) == found[3:]


def test_changes_come_as_they_happen(server: SeaweedFS, bucket: S3Bucket) -> None:
    async def follow() -> Change:
        waiting = asyncio.create_task(take(server, "c2/", time.time_ns(), 1))
        await until(server._tails.alive)
        assert not waiting.done()
        await asyncio.to_thread(bucket.put, "c2/x", b"1")
        return (await waiting)[0]

    assert asyncio.run(follow()).key == "c2/x"
    assert server._tails.alive() == []


def test_stop_ends_those_who_listen_and_a_new_start_finds_everything(own: SeaweedFS) -> None:
    async def play() -> None:
        first = await own.start()
        bucket = S3Bucket(own.bucket, first)
        bucket.put("in/a", b"1")
        changes = own.changes("in/", 0)
        assert (await asyncio.wait_for(anext(changes), 60)).key == "in/a"
        listening = asyncio.create_task(anext(changes, None))
        await own.stop()
        assert await asyncio.wait_for(listening, 60) is None
        assert own._server.alive() == []
        assert await own.start() == first
        assert bucket.get("in/a") == b"1"
        assert [c.key for c in await take(own, "in/", 0, 1)] == ["in/a"]
        bucket.close()
        await own.stop()

    asyncio.run(play())


@pytest.mark.slow
def test_an_engine_that_was_killed_leaves_it_running_and_the_next_adopts_it(own: SeaweedFS) -> None:
    async def play() -> None:
        environment = await own.start()
        (pid,) = own._server.alive()
        await own.let_go()  # a dead engine starts nothing again
        other = SeaweedFS(own.state, "another", "TEST_BUCKET")
        assert await other.start() == environment
        assert other.bucket == own.bucket
        assert other._server.alive() == [pid]
        await other.stop()
        assert weed.start_time(pid) == ""

    asyncio.run(play())


@pytest.mark.slow
def test_after_a_kill_nothing_that_was_stored_is_lost_or_goes_untold(own: SeaweedFS) -> None:
    async def play() -> None:
        environment = await own.start()
        bucket = S3Bucket(own.bucket, environment)
        start = time.time_ns()
        for name in "abc":
            bucket.put(f"in/{name}", b"x")
        (seen,) = await take(own, "in/", start, 1)
        os.kill(own._server.alive()[0], signal.SIGKILL)
        assert await own.start() == environment
        bucket.put("in/d", b"x")
        found = await take(own, "in/", seen.time_ns, 4)
        assert {"in/b", "in/c", "in/d"} <= {c.key for c in found}
        assert found[-1].key == "in/d"
        again = await take(own, "in/", found[-2].time_ns, 1)
        assert again[0].key in ("in/a", "in/b", "in/c")  # the second of the position is told again, and nothing is left out
        bucket.close()
        await own.stop()

    asyncio.run(play())


@pytest.mark.slow
def test_it_is_started_again_when_it_dies_and_who_listens_hears_what_came_before_and_after(own: SeaweedFS) -> None:
    async def play() -> None:
        environment = await own.start()
        bucket = S3Bucket(own.bucket, environment)
        listening = asyncio.create_task(take(own, "in/", time.time_ns(), 1))
        await until(own._tails.alive)
        (died,) = own._server.alive()
        os.kill(died, signal.SIGKILL)
        await until(lambda: own._server.alive() not in ([], [died]))
        assert own.environment == environment
        await own._until_ready(own._server.alive()[0], 60)
        await asyncio.to_thread(bucket.put, "in/a", b"x")
        assert [c.key for c in await listening] == ["in/a"]
        bucket.close()
        await own.stop()
        assert own._server.alive() == []

    asyncio.run(play())


@pytest.mark.slow
def test_one_that_dies_and_finds_its_port_taken_is_told_to_have_moved(tmp_path: Path) -> None:
    moves: list[str] = []

    async def play() -> None:
        own = SeaweedFS(tmp_path / "state", "own", "TEST_BUCKET", lambda: moves.append(own.environment["AWS_ENDPOINT_URL_S3"]))
        first = await own.start()
        port = int(first["AWS_ENDPOINT_URL_S3"].rpartition(":")[2])
        (pid,) = own._server.alive()
        os.kill(pid, signal.SIGKILL)
        while weed.start_time(pid):  # no await: whoever starts it again does not see it before the port is taken
            pass
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", port))
            taken.listen()
            await until(lambda: moves)
        assert moves == [own.environment["AWS_ENDPOINT_URL_S3"]]
        assert moves != [first["AWS_ENDPOINT_URL_S3"]]
        await own.stop()

    asyncio.run(play())


@pytest.mark.slow
def test_a_port_that_another_has_taken_is_changed(own: SeaweedFS) -> None:
    async def play() -> None:
        first = await own.start()
        await own.stop()
        port = int(first["AWS_ENDPOINT_URL_S3"].rpartition(":")[2])
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", port))
            taken.listen()
            second = await own.start()
        assert second["AWS_ENDPOINT_URL_S3"] != first["AWS_ENDPOINT_URL_S3"]
        assert second["AWS_SECRET_ACCESS_KEY"] == first["AWS_SECRET_ACCESS_KEY"]
        await own.stop()

    asyncio.run(play())


def entry(name: str, **fields: Any) -> Doc:
    return {
        "name": name,
        "isDirectory": False,
        "chunks": [],
        "attributes": {"fileSize": "1", "mtime": "5", "md5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
        **fields,
    }


def document(new: Doc | None, old: Doc | None = None, folder: str = "/buckets/b/in") -> Doc:
    return {
        "directory": folder,
        "eventNotification": {"newEntry": new, "oldEntry": old, "newParentPath": folder if new else ""},
        "tsNs": "7",
    }


def test_what_counts_as_a_change() -> None:
    root = "/buckets/b/"
    told = Change("in/x", 1, "d41d8cd98f00b204e9800998ecf8427e", 7)
    assert read_change(document(entry("x")), root) == told
    assert read_change(document(entry("x", extended={"Seaweed-X-Amz-ETag": "YWJj"})), root) == Change("in/x", 1, "abc", 7)
    assert read_change(document(entry("x"), entry("x", chunks=[{"modifiedTsNs": "3"}])), root) == told
    for nothing in (
        document(None, entry("x")),
        document(entry("x", isDirectory=True)),
        document(entry("x"), entry("x")),
        document(entry("p.part"), folder="/buckets/b/.uploads/1"),
        document(entry("x"), folder="/buckets/other/in"),
        {"directory": "/", "tsNs": "1"},
    ):
        assert read_change(nothing, root) is None
