"""A bucket as it was when it was looked at last: what a process that answers question after question need not read twice."""

from __future__ import annotations

import hashlib
import itertools
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from handlers.storage import Missing, ObjectInfo, Store

LISTED = (
    "models/",
    "outbox/",
    "runs/",
    "undelivered/",
)  # folders whose objects change; what is asked about them is answered from one listing
# folders whose documents never change under their names, these apart; what is no document is too large to be held
WRITTEN_ONCE = ("snapshots/", "datasets/", "trials/")
CHANGING = "/failures.json"
DOCUMENTS = (".json", ".jsonl")
OF_RUN = ("/request.json", "/verdict.json", "/result.json")
AT_ONCE = 8
MOST_BYTES = 256 * 1024 * 1024


class Remembered:
    """A Store that asks the bucket again only for objects whose ETag the last `look` found changed."""

    def __init__(self, store: Store, most: int = MOST_BYTES) -> None:
        self._store, self._most = store, most
        self._infos: dict[str, ObjectInfo] | None = None
        self._keys: list[str] = []
        self._held: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._bytes = 0
        self._seen: dict[str, tuple[bytes, str] | None] = {}

    def look(self) -> str:
        """List the folders anew; a digest of what is in them, which is another when anything there has changed but
        what trainings tell of themselves every few seconds."""
        found = sorted((info for folder in LISTED for info in self._store.list(folder)), key=lambda info: info.key)
        self._seen.clear()
        self._infos, self._keys = {info.key: info for info in found}, [info.key for info in found]
        told = hashlib.sha256()
        for info in found:
            if not _moves(info.key):
                told.update(f"{info.key}\0{info.etag}\n".encode())
        return told.hexdigest()[:16]

    def read_ahead(self) -> None:
        """Read what every list of runs and models needs and is not known yet, several documents at a time."""
        lacking = [info for info in self._listed().values() if _needed(info.key) and (info.key, info.etag) not in self._held]
        room = self._most - self._bytes
        sizes = itertools.accumulate(info.size for info in lacking)
        some = [info.key for info, size in zip(lacking, sizes, strict=True) if size <= room]
        for key, found in self._together(some):
            if found is not None:
                self._hold(key, *found)

    def fetch(self, keys: Iterable[str]) -> None:
        """Read these together: documents outside the folders that are listed, as far as they are not known."""
        for key, found in self._together([key for key in dict.fromkeys(keys) if key not in self._seen and (key, "") not in self._held]):
            self._keep(key, found)

    def _together(self, keys: list[str]) -> Iterator[tuple[str, tuple[bytes, str] | None]]:
        with ThreadPoolExecutor(AT_ONCE) as readers:
            yield from zip(keys, readers.map(self._found, keys), strict=True)

    def _found(self, key: str) -> tuple[bytes, str] | None:
        try:
            return self._store.get_with_etag(key)
        except Missing:  # removed since it was listed
            return None

    def _listed(self) -> dict[str, ObjectInfo]:
        if self._infos is None:
            self.look()
        return self._infos or {}

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        if not prefix.startswith(LISTED):
            yield from self._store.list(prefix)
            return
        infos = self._listed()
        for key in self._keys[bisect_left(self._keys, prefix) :]:
            if not key.startswith(prefix):
                return
            yield infos[key]

    def head(self, key: str) -> ObjectInfo | None:
        return self._listed().get(key) if key.startswith(LISTED) else self._store.head(key)

    def get(self, key: str) -> bytes:
        return self.get_with_etag(key)[0]

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        if key.startswith(LISTED):
            info = self._listed().get(key)
            if info is None:
                raise Missing(key)
            return self._known(key, info.etag)
        if not key.endswith(DOCUMENTS):
            return self._store.get_with_etag(key)
        if (key, "") in self._held:
            return self._known(key, "")
        found = self._seen[key] if key in self._seen else self._found(key)
        self._keep(key, found)
        if found is None:
            raise Missing(key)
        return found

    def _keep(self, key: str, found: tuple[bytes, str] | None) -> None:
        """What never changes is held; anything else is known until the next look, as is what there is not."""
        if found is not None and key.startswith(WRITTEN_ONCE) and key.endswith(".json") and not key.endswith(CHANGING):
            self._hold(key, found[0], "")
        else:
            self._seen[key] = found

    def _known(self, key: str, etag: str) -> tuple[bytes, str]:
        held = self._held.get((key, etag))
        if held is not None:
            self._held.move_to_end((key, etag))
            return held, etag
        data, now = self._store.get_with_etag(key)
        self._hold(key, data, etag and now)
        return data, now

    def _hold(self, key: str, data: bytes, etag: str) -> None:
        self._bytes += len(data) - len(self._held.pop((key, etag), b""))
        self._held[key, etag] = data
        while self._bytes > self._most and self._held:
            self._bytes -= len(self._held.popitem(last=False)[1])

    def put(self, key: str, data: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        # what is written, or found to be written by another, is not in the listing; the next question lists anew
        self._infos = None
        self._seen.clear()
        return self._store.put(key, data, if_none_match=if_none_match, if_match=if_match)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self._store.get_range(key, start, length)

    def chunks(self, key: str, etag: str) -> Iterator[bytes]:
        return self._store.chunks(key, etag)

    def upload(self, path: Path, key: str) -> None:
        self._infos = None
        self._store.upload(path, key)

    def delete(self, key: str) -> None:
        self._infos = None
        self._store.delete(key)

    def server_time(self) -> float:
        return self._store.server_time()


def _needed(key: str) -> bool:
    """Whether lists of runs and models are made of it."""
    return key.startswith("models/") or key.endswith(OF_RUN)


def _moves(key: str) -> bool:
    """Whether it is written again and again while a run trains: runs/<model>/<run>/trials/ and spent/."""
    way = key.split("/", 4)
    return way[0] == "runs" and len(way) > 4 and way[3] in ("trials", "spent")
