"""Tells readers what has changed, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

MOMENT = 0.3  # seconds in which many changes are told as one
HEARTBEAT = 15.0  # seconds after which a stream says that it is there
MOST = 200  # topics that a slow reader is owed; then he is told that anything may have changed
ANYTHING = "*"


class News:
    """What has changed, by topic (`bucket`, `workflow:NAME`), each with a sentence for those who hear the page."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[tuple[str, str]]] = set()

    @property
    def heard(self) -> bool:
        """Whether somebody listens."""
        return bool(self._readers)

    def tell(self, topic: str, sentence: str = "") -> None:
        """Every reader hears of it. Called in the event loop."""
        for reader in self._readers:
            try:
                reader.put_nowait((topic, sentence))
            except asyncio.QueueFull:
                while not reader.empty():
                    reader.get_nowait()
                reader.put_nowait((ANYTHING, ""))

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The events, from now on."""
        mine: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MOST)
        self._readers.add(mine)
        try:
            yield b"retry: 2000\n\n"
            while True:
                try:
                    first = await asyncio.wait_for(mine.get(), HEARTBEAT)
                except TimeoutError:
                    yield b":\n\n"
                    continue
                await asyncio.sleep(MOMENT)
                told = dict([first, *(mine.get_nowait() for _ in range(mine.qsize()))])
                yield b"data: " + json.dumps(told, ensure_ascii=True).encode() + b"\n\n"
        finally:
            self._readers.discard(mine)
