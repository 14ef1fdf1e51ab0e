"""The calendar EventSource: ticks of a schedule, with catch-up after a pause where the manifest asks for it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from retrain.eventbus.journal import Journal, Position
from retrain.eventsources.cron import Schedule
from retrain.eventsources.envelope import Envelope
from retrain.expressions import gotext
from retrain.ports import Event

log = logging.getLogger(__name__)
DEFAULT_CATCHUP = 24 * 3600.0
FURTHEST_SLEEP = 3600.0  # a clock that is set while we sleep is noticed within the hour


class Calendar:
    """One event of a calendar EventSource."""

    def __init__(self, spec: dict[str, Any], envelope: Envelope, journal: Journal, now: Callable[[], float]) -> None:
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
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def fire(self, at: float | None = None) -> Event | None:
        """One tick: now (as Go prints a live time, with its monotonic reading) or for a time that was missed."""
        moment = datetime.fromtimestamp(self._now() if at is None else at, self.schedule.zone)
        text = moment.strftime("%Y-%m-%d %H:%M:%S") + (f".{moment.microsecond:06d}".rstrip("0").rstrip(".") if moment.microsecond else "")
        text += f" {moment.strftime('%z')} {moment.tzname()}" + ("" if at is not None else f" m=+{self._now() - self._started:.9f}")
        data: dict[str, Any] = {"eventTime": text}
        if self._metadata:
            data["metadata"] = self._metadata
        position = (
            Position(self._envelope.source, self._envelope.subject, str(self._now() if at is None else at)) if self._persist else None
        )
        return await self._envelope.send(json.dumps(data, ensure_ascii=False).encode(), position)

    async def _run(self) -> None:
        last = await self._catch_up()
        while (due := self.schedule.after(last)) is not None:
            while (wait := due - self._now()) > 0:
                await asyncio.sleep(min(wait, FURTHEST_SLEEP))
            try:
                await self.fire()
            except Exception:
                log.exception("the tick of %s/%s could not be stored", self._envelope.source, self._envelope.subject)
            last = due

    async def _catch_up(self) -> float:
        """Fire for each time that was missed since the last one stored; where to go on from."""
        now = self._now()
        stored = self._journal.position(self._envelope.source, self._envelope.subject) if self._persist else None
        if stored is None or not self._catchup:
            return now
        last = max(float(stored), now - self._catchup)
        while (due := self.schedule.after(last)) is not None and due <= now:
            await self.fire(due)
            last = due
        return max(last, now) if self.schedule.interval is None else last
