"""Changes of Workflows, sent to clients as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse

from localargo.api.fields import only
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
        self, get: Callable[[str], Doc], present: Callable[[], list[Doc]], wanted: Callable[[Doc], bool], name: str = "", fields: str = ""
    ) -> AsyncIterator[bytes]:
        """What is `present` as ADDED, then each change (of the Workflow of this name): ADDED, MODIFIED or DELETED, in Argo Server's shape.

        `present` is called once changes are being watched, so that none is missed in between.
        """
        with self.watch() as watcher:
            known = set()
            for doc in present():
                known.add(doc["metadata"]["name"])
                yield sse("ADDED", only(doc, fields))
            while not self._closed:
                try:
                    await asyncio.wait_for(watcher.wake.wait(), HEARTBEAT)
                except TimeoutError:
                    yield b":\n\n"
                    continue
                for changed in watcher.take():
                    if name and changed != name:
                        continue
                    try:
                        doc = get(changed)
                    except NotFound:
                        if changed in known:
                            known.discard(changed)
                            yield sse("DELETED", {"kind": "Workflow", "metadata": {"name": changed}})
                        continue
                    if wanted(doc):
                        yield sse("MODIFIED" if changed in known else "ADDED", only(doc, fields))
                        known.add(changed)

    async def states(self, name: str, get: Callable[[str], Doc]) -> AsyncIterator[Doc]:
        """The Workflow as it is, then after each change, until it is deleted or the engine ends. Raises NotFound if there is none."""
        with self.watch() as watcher:
            yield get(name)
            while not self._closed:
                await watcher.wake.wait()
                if name in watcher.take():
                    try:
                        doc = get(name)
                    except NotFound:
                        return
                    yield doc


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


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a pod wrote, without its end."""

    pod: str
    content: str


async def lines(chunks: AsyncIterator[bytes], pod: str) -> AsyncIterator[Line]:
    """A container's output line by line, wherever the chunks were cut."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield Line(pod, line.decode("utf-8", "replace"))
    if rest:
        yield Line(pod, rest.decode("utf-8", "replace"))


def log_event(line: Line) -> bytes:
    """A line as Argo Server sends it."""
    return _event({"content": line.content, "podName": line.pod})


def pushed(events: AsyncIterator[bytes]) -> Response:
    """The answer that sends these events as they come."""
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _event(result: Doc) -> bytes:
    return b"data: " + json.dumps({"result": result}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"
