"""Reads a log while it is being written, woken by inotify where the system has it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

IN_MODIFY, IN_CREATE, IN_MOVED_TO = 0x2, 0x100, 0x80
FALLBACK_SECONDS = 0.2  # seconds between looks where there is no inotify
CHUNK = 65536


class Changes:
    """Waits for changes in a folder. A context manager; `wait` returns after a change or when `until` is set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.descriptor = -1
        self.changed = asyncio.Event()

    def __enter__(self) -> Changes:
        if sys.platform == "linux":
            libc = ctypes.CDLL(None, use_errno=True)
            self.descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            if self.descriptor >= 0:
                libc.inotify_add_watch(self.descriptor, os.fsencode(self.folder), IN_MODIFY | IN_CREATE | IN_MOVED_TO)
                asyncio.get_running_loop().add_reader(self.descriptor, self._read)
        return self

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.descriptor, CHUNK)
        self.changed.set()

    def __exit__(self, *_: object) -> None:
        if self.descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self.descriptor)
            os.close(self.descriptor)

    async def wait(self, until: asyncio.Event) -> None:
        """Wait for either."""
        waits = [asyncio.ensure_future(self.changed.wait()), asyncio.ensure_future(until.wait())]
        try:
            timeout = None if self.descriptor >= 0 else FALLBACK_SECONDS
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self.changed.clear()


def _read(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(CHUNK)
    except FileNotFoundError:
        return b""


async def read_log(path: Path, ended: asyncio.Event | None) -> AsyncIterator[bytes]:
    """The file's content in pieces; with `ended` continue as the file grows, until that is set and everything is read."""
    offset = 0
    if ended is None or not path.parent.is_dir():
        while data := await asyncio.to_thread(_read, path, offset):
            offset += len(data)
            yield data
        return
    with Changes(path.parent) as changes:
        while True:
            last = ended.is_set()
            while data := await asyncio.to_thread(_read, path, offset):
                offset += len(data)
                yield data
            if last:
                return
            await changes.wait(ended)
