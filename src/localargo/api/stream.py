"""Changes of Workflows, sent to clients as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from localargo.errors import NotFound
from localargo.ports import Doc

HEARTBEAT = 15.0  # seconds between comment lines, which reveal a client that is gone


class Changes:
    """Passes the names of changed Workflows on to all watchers. A slow watcher gets the latest state, not every state."""

    def __init__(self) -> None:
        self._watchers: set[_Watcher] = set()
        self._closed = False

    def tell(self, name: str) -> None:
        """The Workflow changed."""
        for watcher in self._watchers:
            watcher.names[name] = None
            watcher.wake.set()

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for watcher in self._watchers:
            watcher.wake.set()

    @contextmanager
    def watch(self) -> Iterator[_Watcher]:
        """A watcher that misses no change from now on."""
        watcher = _Watcher()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    async def events(
        self, get: Callable[[str], Doc], present: Callable[[], list[Doc]], wanted: Callable[[Doc], bool], only: str = ""
    ) -> AsyncIterator[bytes]:
        """What is `present` as ADDED, then each change (of the Workflow named `only`): ADDED, MODIFIED or DELETED, in Argo Server's shape.

        `present` is called once changes are being watched, so that none is missed in between.
        """
        with self.watch() as watcher:
            known = set()
            for doc in present():
                known.add(doc["metadata"]["name"])
                yield sse("ADDED", doc)
            while not self._closed:
                try:
                    await asyncio.wait_for(watcher.wake.wait(), HEARTBEAT)
                except TimeoutError:
                    yield b":\n\n"
                    continue
                for name in watcher.take():
                    if only and name != only:
                        continue
                    try:
                        doc = get(name)
                    except NotFound:
                        if name in known:
                            known.discard(name)
                            yield sse("DELETED", {"kind": "Workflow", "metadata": {"name": name}})
                        continue
                    if wanted(doc):
                        yield sse("MODIFIED" if name in known else "ADDED", doc)
                        known.add(name)


class _Watcher:
    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.wake = asyncio.Event()

    def take(self) -> list[str]:
        names, self.names = list(self.names), {}
        self.wake.clear()
        return names


def sse(kind: str, doc: Doc) -> bytes:
    """One server-sent event as Argo Server sends it."""
    return _event({"type": kind, "object": doc})


async def log_entries(chunks: AsyncIterator[bytes], pod: str) -> AsyncIterator[bytes]:
    """A container's output as Argo Server sends it: a line an event, wherever the chunks were cut."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield _event({"content": line.decode("utf-8", "replace"), "podName": pod})
    if rest:
        yield _event({"content": rest.decode("utf-8", "replace"), "podName": pod})


def _event(result: Doc) -> bytes:
    return b"data: " + json.dumps({"result": result}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"
