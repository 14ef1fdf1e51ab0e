"""Where a bucket source learns of written objects: a log of changes, or a listing that is read again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from localargo.bucket.seaweedfs import Change

POLL_SECONDS = 10.0
Item = TypeVar("Item")


class Listed(Protocol):
    """An object of a listing."""

    @property
    def key(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def etag(self) -> str: ...
    @property
    def modified(self) -> float: ...


class Store(Protocol):
    """What polling needs of a store (a blocking call)."""

    def objects(self, prefix: str) -> Iterable[Listed]: ...


@dataclass(frozen=True, slots=True)
class Polled:
    """A store without notifications: its listing every few seconds, compared by ETag."""

    store: Store
    seconds: float = POLL_SECONDS


Changes = Callable[[str, int], AsyncIterator["Change"]] | Polled


async def together(items: AsyncIterator[Item], most: int) -> AsyncGenerator[list[Item], None]:
    """The items in groups: those that are there already come together, at most `most` of them, and none is waited for."""
    queue: asyncio.Queue[Item | None] = asyncio.Queue(most)
    failures: list[Exception] = []

    async def read() -> None:
        try:
            async for item in items:
                await queue.put(item)
        except Exception as error:  # raised by who takes the groups
            failures.append(error)
        await queue.put(None)

    reader = asyncio.ensure_future(read())
    try:
        ended = False
        while not ended:
            taken = [await queue.get()]
            while len(taken) < most and not queue.empty():
                taken.append(queue.get_nowait())
            group = [item for item in taken if item is not None]
            ended = len(group) < len(taken)
            if group:
                yield group
        if failures:
            raise failures[0]
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
