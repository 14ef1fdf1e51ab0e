"""Where a bucket source learns of written objects: a log of changes, or a listing that is read again and again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from localargo.bucket.seaweedfs import Change

POLL_SECONDS = 10.0


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
