"""Logs are read as they grow, whether or not the kernel tells of it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from localargo.runners import follow
from localargo.runners.follow import read_log
from tests.waiting import until


@pytest.mark.parametrize("kernel", ["linux", "darwin"])
async def test_a_log_that_grows_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: str) -> None:
    monkeypatch.setattr(sys, "platform", kernel)
    monkeypatch.setattr(follow, "FALLBACK_SECONDS", 0.01)
    path = tmp_path / "main.log"
    ended = asyncio.Event()
    seen = b""
    grown = asyncio.Event()
    waiting: list[bool] = []
    wait = follow.Changes.wait

    async def waits(self: follow.Changes, until: asyncio.Event) -> None:
        waiting.append(True)
        await wait(self, until)

    monkeypatch.setattr(follow.Changes, "wait", waits)

    async def reader() -> None:
        nonlocal seen
        async for data in read_log(path, ended):
            seen += data
            grown.set()

    reading = asyncio.create_task(reader())
    for text in (b"one\n", b"two\n"):
        await until(lambda: waiting)  # for more to come
        grown.clear()
        waiting.clear()
        with path.open("ab") as file:
            file.write(text)
        await asyncio.wait_for(grown.wait(), 60)
        assert seen.endswith(text)
    with path.open("ab") as file:
        file.write(b"last")
    ended.set()
    await asyncio.wait_for(reading, 60)
    assert seen == b"one\ntwo\nlast"


async def test_without_following_it_ends_at_once(tmp_path: Path) -> None:
    path = tmp_path / "main.log"
    assert [d async for d in read_log(path, None)] == []
    path.write_bytes(b"x" * (follow.CHUNK + 1))
    assert [len(d) async for d in read_log(path, None)] == [follow.CHUNK, 1]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_many_readers_leave_no_file_open(tmp_path: Path) -> None:
    before = open_files()
    ended = asyncio.Event()
    ended.set()
    for _ in range(20):
        assert [d async for d in read_log(tmp_path / "none.log", ended)] == []
    assert open_files() == before
