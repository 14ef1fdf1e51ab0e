"""The minio EventSource: objects that were written, in MinIO's notification shape.

The engine's own bucket is read from its change log, from the position that was stored with the last event: nothing is lost while the engine
is away. Any other store is listed again and again, and an object whose ETag has changed since the last event is a new event.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import logging
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from localargo.errors import LocalArgoError
from localargo.eventbus.journal import Journal, Mark, Position, Seen
from localargo.eventsources.bucket_changes import Changes, Polled, Store, together
from localargo.eventsources.driver import Driver, Resources, RunningSource
from localargo.eventsources.envelope import Envelope
from localargo.expressions import rawjson
from localargo.manifests.source_kinds.kind import SourceEvent
from localargo.manifests.source_kinds.minio import CREATED, record

if TYPE_CHECKING:
    from localargo.bucket.seaweedfs import Change

log = logging.getLogger(__name__)
LONGEST_WAIT = 60.0
AT_ONCE = 256  # changes whose events share a commit, when they come that fast
SKIPPED_CHANGES = 1000  # after so many changes that are not events the position is stored anyway


class BucketSource:
    """One event of a minio EventSource."""

    def __init__(self, spec: Mapping[str, Any], envelope: Envelope, journal: Journal, changes: Changes, now: Callable[[], float]) -> None:
        self.bucket = str((spec.get("bucket") or {}).get("name") or "")
        self.prefix = str((spec.get("filter") or {}).get("prefix") or "")
        self.suffix = str((spec.get("filter") or {}).get("suffix") or "")
        self._events = [str(e) for e in spec.get("events") or ["s3:ObjectCreated:*"]]
        self._metadata = spec.get("metadata")
        self._envelope = envelope
        self._journal = journal
        self._changes = changes
        self._task: asyncio.Task[None] | None = None
        self._skipped = 0
        # like a notification that is set up now: objects already in the bucket are not events
        if not isinstance(changes, Polled) and journal.position(envelope.source, envelope.subject) is None:
            journal.note(self._position(int(now() * 1e9)))

    def start(self) -> None:
        """Start publishing, from the position of the last event."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def matches(self, key: str) -> bool:
        """Whether a written object of this key is an event here."""
        created = any(fnmatch.fnmatchcase(CREATED, pattern) for pattern in self._events)
        return created and key.startswith(self.prefix) and key.endswith(self.suffix)

    def _position(self, value: int) -> Position:
        return Position(self._envelope.source, self._envelope.subject, str(value))

    async def _run(self) -> None:
        wait = 1.0
        while True:
            try:
                if isinstance(self._changes, Polled):
                    await self._poll(self._changes.store)
                    wait = self._changes.seconds
                else:
                    since = int(self._journal.position(self._envelope.source, self._envelope.subject) or 0)
                    async with contextlib.aclosing(together(self._changes(self.prefix, since), AT_ONCE)) as groups:
                        async for changes in groups:
                            await asyncio.gather(*map(self._changed, changes))
                            wait = 1.0
            except Exception as error:  # no answer of a store may stop the source
                known = isinstance(error, LocalArgoError | OSError | sqlite3.Error)
                log.warning("bucket %s: %s; next try in %.0f s", self.bucket, error, wait, exc_info=not known)
                wait = min(2 * wait, LONGEST_WAIT)
            await asyncio.sleep(wait)

    async def _changed(self, change: Change) -> None:
        """One entry of the log. It may be read more than once; its event has the same id each time, and the bus stores an id once."""
        position = self._position(change.time_ns)
        if self.matches(change.key):
            self._skipped = 0
            await self._publish(change.key, change.size, change.etag, change.time_ns, str(change.time_ns), position)
            return
        self._skipped += 1
        if self._skipped % SKIPPED_CHANGES == 0:
            await self._journal.publish(None, position)

    async def _poll(self, store: Store) -> None:
        """Compare the listing with the objects already known; the first listing makes no events."""
        source, event = self._envelope.source, self._envelope.subject
        found = [item for item in await asyncio.to_thread(lambda: list(store.objects(self.prefix))) if self.matches(item.key)]
        known = self._journal.seen(source, event)
        if self._journal.position(source, event) is None:
            with self._journal.transaction():
                self._journal.remember(source, event, {item.key: item.etag for item in found})
                self._journal.note(self._position(0))
            return
        for item in sorted(found, key=lambda o: (o.modified, o.key)):
            if known.get(item.key) != item.etag:
                mark = Seen(source, event, item.key, item.etag)
                await self._publish(item.key, item.size, item.etag, int(item.modified * 1e9), uuid.uuid4().hex, mark)
        gone = known.keys() - {item.key for item in found}
        if gone:
            self._journal.remember(source, event, {}, gone)

    async def _publish(self, key: str, size: int, etag: str, time_ns: int, distinct: str, mark: Mark) -> None:
        data: dict[str, Any] = {"notification": [record(self.bucket, key, size, etag, time_ns)]}
        if self._metadata:
            data["metadata"] = dict(sorted(self._metadata.items()))
        name = "\n".join((self._envelope.source, self._envelope.subject, key, etag, distinct))
        event_id = uuid.uuid5(uuid.NAMESPACE_URL, name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")).hex
        await self._envelope.send(rawjson.dumps(data, html=True, sort=False).encode(), mark, event_id)


def _open(event: SourceEvent, envelope: Envelope, resources: Resources) -> RunningSource:
    return BucketSource(event.spec, envelope, resources.journal, resources.changes(event.source, event.spec), resources.now)


DRIVER: Driver = _open
