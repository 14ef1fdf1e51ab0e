"""The minio EventSource: objects that were written, in MinIO's notification shape.

The engine's own bucket is read from its change log, from the position that was stored with the last event: nothing is lost while the engine is
away. Any other store is listed again and again; an object whose ETag has changed is an event.
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from retrain.errors import RetrainError
from retrain.eventbus.journal import Journal, Position
from retrain.eventsources.envelope import Envelope

if TYPE_CHECKING:
    from retrain.bucket.seaweedfs import Change

log = logging.getLogger(__name__)
POLL_SECONDS = 10.0
LONGEST_WAIT = 60.0
Changes = Callable[[str, int], AsyncIterator["Change"]]


def record(bucket: str, key: str, size: int, etag: str, seconds: float) -> dict[str, Any]:
    """One notification record as MinIO's ListenBucketNotification delivers it (the key is not escaped)."""
    when = datetime.fromtimestamp(seconds, UTC)
    return {
        "eventVersion": "2.0",
        "eventSource": "minio:s3",
        "awsRegion": "",
        "eventTime": when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z",
        "eventName": "s3:ObjectCreated:Put",
        "userIdentity": {"principalId": ""},
        "requestParameters": {},
        "responseElements": {},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "Config",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": ""}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": key, "size": size, "eTag": etag, "versionId": "", "sequencer": f"{int(seconds * 1e9):X}"},
        },
        "source": {"host": "", "port": "", "userAgent": ""},
    }


class BucketSource:
    """One event of a minio EventSource."""

    def __init__(self, spec: dict[str, Any], envelope: Envelope, journal: Journal, changes: Changes, now: Callable[[], float]) -> None:
        self.bucket = str((spec.get("bucket") or {}).get("name") or "")
        self.prefix = str((spec.get("filter") or {}).get("prefix") or "")
        self.suffix = str((spec.get("filter") or {}).get("suffix") or "")
        self._events = [str(e) for e in spec.get("events") or ["s3:ObjectCreated:*"]]
        self._metadata = spec.get("metadata")
        self._envelope = envelope
        self._journal = journal
        self._changes = changes
        self._now = now
        self._task: asyncio.Task[None] | None = None
        # as a notification that is set up now: what lies in the bucket already is no event
        if journal.position(envelope.source, envelope.subject) is None:
            journal.set_position(Position(envelope.source, envelope.subject, str(int(now() * 1e9))))

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def wants(self, key: str) -> bool:
        created = any(fnmatch.fnmatchcase("s3:ObjectCreated:Put", pattern) for pattern in self._events)
        return created and key.startswith(self.prefix) and key.endswith(self.suffix)

    async def _run(self) -> None:
        wait = 1.0
        while True:
            try:
                since = int(self._journal.position(self._envelope.source, self._envelope.subject) or 0)
                async for change in self._changes(self.prefix, since):
                    await self._tell(change)
                    wait = 1.0
            except (RetrainError, OSError) as error:
                log.warning("bucket %s: %s; again in %.0f s", self.bucket, error, wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _tell(self, change: Change) -> None:
        position = Position(self._envelope.source, self._envelope.subject, str(change.time_ns))
        if not self.wants(change.key):
            return
        found = record(self.bucket, change.key, change.size, change.etag, change.time_ns / 1e9)
        data: dict[str, Any] = {"notification": [found]}
        if self._metadata:
            data["metadata"] = self._metadata
        # the same change told twice (the log is read at least once) has the same id, which the bus takes once
        name = f"{self._envelope.source}/{self._envelope.subject}/{change.key}/{change.etag}/{change.time_ns}"
        await self._envelope.send(json.dumps(data, ensure_ascii=False).encode(), position, uuid.uuid5(uuid.NAMESPACE_URL, name).hex)


def polled(bucket: Any) -> Changes:
    """The changes of a store that tells nobody: its listing every few seconds, compared by ETag. `bucket` is an S3Bucket."""

    async def changes(prefix: str, since: int) -> AsyncIterator[Change]:
        from retrain.bucket.seaweedfs import Change

        known: dict[str, str] = {}
        first = True
        while True:
            found = await asyncio.to_thread(lambda: list(bucket.objects(prefix)))
            for item in sorted(found, key=lambda o: (o.modified, o.key)):
                fresh = known.get(item.key) != item.etag and (not first or item.modified * 1e9 >= since)
                known[item.key] = item.etag
                if fresh:
                    yield Change(item.key, item.size, item.etag, int(item.modified * 1e9))
            first = False
            await asyncio.sleep(POLL_SECONDS)

    return changes
