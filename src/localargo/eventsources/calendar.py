"""The calendar EventSource: ticks of a schedule, with catch-up after a pause if the manifest sets it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from localargo.clock import until
from localargo.errors import LocalArgoError
from localargo.eventbus.journal import Journal, Position
from localargo.eventsources.driver import Driver, Resources, RunningSource
from localargo.eventsources.envelope import Envelope
from localargo.expressions import gotext, rawjson
from localargo.expressions.cron import Schedule
from localargo.manifests.source_kinds.calendar import go_time
from localargo.manifests.source_kinds.kind import SourceEvent
from localargo.ports import Event

log = logging.getLogger(__name__)
RETRY_SECONDS = 0.1  # seconds between tries to store a tick that must not be lost (as in Argo)


class Calendar:
    """One event of a calendar EventSource."""

    def __init__(self, spec: Mapping[str, Any], envelope: Envelope, journal: Journal, now: Callable[[], float]) -> None:
        self.schedule = Schedule(f"EventSource/{envelope.source} spec.calendar.{envelope.subject}", spec)
        self._metadata = spec.get("metadata")
        self._envelope = envelope
        self._journal = journal
        self._now = now
        self._started = now()
        persistence = spec.get("persistence") or {}
        catchup = persistence.get("catchup") or {}
        self._persist = bool(persistence)
        self._catchup = gotext.parse_duration(str(catchup.get("maxDuration") or "24h")) if catchup.get("enabled") else 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start ticking; catch up on missed ticks if the manifest sets it."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def fire(self) -> Event | None:
        """An extra tick, on request: scheduled and missed ticks stay as they are."""
        return await self._envelope.send(self._data(self._now(), live=True))

    def _data(self, at: float, *, live: bool) -> bytes:
        data: dict[str, Any] = {"eventTime": go_time(datetime.fromtimestamp(at, self.schedule.zone))}
        if live:
            data["eventTime"] += f" m=+{max(0.0, self._now() - self._started):.9f}"
        if self._metadata:
            data["metadata"] = self._metadata
        return rawjson.dumps(data, html=True).encode()

    async def _tick(self, due: float, *, live: bool) -> None:
        """One scheduled tick: a live one carries the time at which it is sent, a missed one the time at which it was due."""
        mark = Position(self._envelope.source, self._envelope.subject, str(due)) if self._persist else None
        for _ in itertools.count():
            try:
                await self._envelope.send(self._data(self._now() if live else due, live=live), mark)
                return
            except (sqlite3.Error, LocalArgoError) as error:
                log.error("the tick of %s/%s could not be stored: %s", self._envelope.source, self._envelope.subject, error)
                if not self._persist:
                    return
            await asyncio.sleep(RETRY_SECONDS)

    async def _run(self) -> None:
        last = await self._catch_up()
        while (due := self.schedule.after(last)) is not None:
            await until(due, self._now)
            await self._tick(due, live=True)
            last = due

    async def _catch_up(self) -> float:
        """Fire each tick that was missed since the last stored one; returns the time from which to continue."""
        now = self._now()
        stored = self._journal.position(self._envelope.source, self._envelope.subject) if self._persist else None
        if stored is None or not self._catchup:
            return now
        last = max(float(stored), now - self._catchup)
        while (due := self.schedule.after(last)) is not None and due <= now:
            await self._tick(due, live=False)
            last = due
        return now


def _open(event: SourceEvent, envelope: Envelope, resources: Resources) -> RunningSource:
    return Calendar(event.spec, envelope, resources.journal, resources.now)


DRIVER: Driver = _open
