"""A bucket in memory with the store's interface, and a connection to it whose every request can go wrong.

The bucket's clock is the scheduler's, told in whole seconds as a Date header does. A connection hands over to other tasks before each
request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from handlers.storage import Changed, Conflict, Missing, ObjectInfo, Temporary
from tests.simulation.scheduler import Scheduler

PAGE = 1000  # keys of a page of a listing


class Kept(NamedTuple):
    data: bytes
    etag: str
    modified: float


Watcher = Callable[[str, bytes | None, bytes | None], None]


class Bucket:
    """What an S3 server keeps. `watchers` are told of every change: key, content before (None: there was none), content after."""

    def __init__(self, clock: Callable[[], float], page: int = PAGE) -> None:
        self.objects: dict[str, Kept] = {}
        self.clock = clock
        self.page = page
        self.watchers: list[Watcher] = []

    def get(self, key: str) -> bytes:
        return self.get_with_etag(key)[0]

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        kept = self.objects.get(key)
        if kept is None:
            raise Missing(key)
        return kept.data, kept.etag

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self.get(key)[start : start + length]

    def put(self, key: str, data: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        there = self.objects.get(key)
        if (if_none_match and there is not None) or (if_match is not None and (there is None or there.etag != if_match)):
            raise Conflict(key)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self.objects[key] = Kept(data, etag, self.server_time())
        for told in self.watchers:
            told(key, None if there is None else there.data, data)
        return etag

    def chunks(self, key: str, etag: str) -> Iterator[bytes]:
        kept = self.objects.get(key)
        if kept is None or kept.etag != etag:
            raise Changed(key)
        yield kept.data

    def upload(self, path: Path, key: str) -> None:
        self.put(key, path.read_bytes())

    def head(self, key: str) -> ObjectInfo | None:
        kept = self.objects.get(key)
        return None if kept is None else ObjectInfo(key, len(kept.data), kept.etag, kept.modified)

    def pages(self, prefix: str) -> Iterator[list[ObjectInfo]]:
        """A listing page by page, each of what is there when it is asked for."""
        after = ""
        while True:
            keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
            found = [info for key in keys[: self.page] if (info := self.head(key))]
            yield found
            if len(keys) <= self.page:
                return
            after = found[-1].key

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for page in self.pages(prefix):
            yield from page

    def delete(self, key: str) -> None:
        there = self.objects.pop(key, None)
        for told in self.watchers:
            if there is not None:
                told(key, there.data, None)

    def server_time(self) -> float:
        return float(int(self.clock()))


class Faults:
    """What goes wrong with requests: how likely each is, and how often at the most. `happened` says what did.

    killed: the process dies before the request or after it took effect. lost: the write took effect, and its answer did not arrive: the
    client repeats it and is told of a conflict, or gives up. away: nothing took effect. stalled: the process stands still for a while.
    """

    KINDS = ("killed", "lost", "away", "stalled")

    def __init__(self, random: Random, chance: float, harm: int) -> None:
        self.random = random
        self.chance = chance
        self.left = {"killed": harm, "stalled": harm, "lost": 3, "away": 1}
        self.harm = harm
        self.happened: list[str] = []

    def next(self, what: str, *, write: bool) -> str:
        """What goes wrong with this request; "" when nothing does."""
        if self.chance == 0.0 or self.random.random() >= self.chance:
            return ""
        kind = self.KINDS[self.random.randrange(4)]
        if self.left[kind] <= 0 or (kind in ("killed", "stalled") and self.harm <= 0):
            return ""
        self.left[kind] -= 1
        self.harm -= kind in ("killed", "stalled")
        if kind == "lost" and not write:
            return ""
        self.happened.append(f"{kind} {what}")
        return kind


class Connection:
    """The bucket as one process sees it."""

    def __init__(self, bucket: Bucket, scheduler: Scheduler, faults: Faults) -> None:
        self._bucket = bucket
        self._scheduler = scheduler
        self._faults = faults

    def _turn(self, what: str, *, write: bool = False) -> str:
        """Let others go first; then what goes wrong with this request, where that is for the caller to do."""
        scheduler, faults = self._scheduler, self._faults
        scheduler.step()
        fault = faults.next(what, write=write)
        if fault == "stalled":
            # the node stands still, or only this request; the engine may take the pod for lost and start the step again beside it
            assert scheduler.current is not None
            scheduler.current.left = faults.random.random() < 0.5
            scheduler.freeze(faults.random.choice((60.0, 700.0, 1500.0, 4000.0)), whole=faults.random.random() < 0.7)
            return ""
        if fault == "away":
            raise Temporary(f"{what}: no answer")
        if fault == "killed" and faults.random.random() < 0.5:
            scheduler.die(what)
        return fault

    def _after(self, fault: str, what: str, *, conditional: bool = False) -> None:
        if fault == "killed":
            self._scheduler.die(what)
        if fault == "lost" and conditional and self._faults.random.random() < 0.7:
            raise Conflict(what)  # the client has repeated the request, and its own object is there
        if fault == "lost" and (conditional or self._faults.random.random() < 0.3):
            raise Temporary(f"{what}: no answer")

    def get(self, key: str) -> bytes:
        return self.get_with_etag(key)[0]

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        fault = self._turn(f"GET {key}")
        found = self._bucket.get_with_etag(key)
        self._after(fault, f"GET {key}")
        return found

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self.get(key)[start : start + length]

    def put(self, key: str, data: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        fault = self._turn(f"PUT {key}", write=True)
        etag = self._bucket.put(key, data, if_none_match=if_none_match, if_match=if_match)
        self._after(fault, f"PUT {key}", conditional=if_none_match or if_match is not None)
        return etag

    def chunks(self, key: str, etag: str) -> Iterator[bytes]:
        self._after(self._turn(f"GET {key}"), f"GET {key}")
        yield from self._bucket.chunks(key, etag)

    def upload(self, path: Path, key: str) -> None:
        self.put(key, path.read_bytes())

    def head(self, key: str) -> ObjectInfo | None:
        self._after(self._turn(f"HEAD {key}"), f"HEAD {key}")
        return self._bucket.head(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        pages = self._bucket.pages(prefix)
        while True:
            self._after(self._turn(f"LIST {prefix}"), f"LIST {prefix}")
            page = next(pages, None)
            if page is None:
                return
            yield from page
            if len(page) < self._bucket.page:
                return

    def delete(self, key: str) -> None:
        fault = self._turn(f"DELETE {key}", write=True)
        self._bucket.delete(key)
        self._after(fault, f"DELETE {key}")

    def server_time(self) -> float:
        self._after(self._turn("HEAD"), "HEAD")
        return self._bucket.server_time()
