"""Events as Argo Events forms them (pkg/eventsources/eventing.go): the envelope, and the filter that an EventSource may carry."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from retrain.clock import timestamp
from retrain.eventbus.journal import Journal, Position
from retrain.expressions import ExpressionError, exprlang, rawjson
from retrain.ports import Event

log = logging.getLogger(__name__)
Dispatch = Callable[[bytes], Awaitable[Event | None]]


def make(source: str, subject: str, kind: str, data: bytes, now: float) -> Event:
    """A new event: a random id, the time to whole seconds as the Sensor will see it."""
    return Event(uuid.uuid4().hex, source, subject, kind, timestamp(now), data)


class Envelope:
    """Turns a payload of one event of one EventSource into an event on the bus."""

    def __init__(self, source: str, subject: str, kind: str, spec: dict[str, Any], journal: Journal, now: Callable[[], float]) -> None:
        self.source = source
        self.subject = subject
        self.kind = kind
        self._expression = (spec.get("filter") or {}).get("expression") if kind != "minio" else None
        self._journal = journal
        self._now = now

    async def send(self, data: bytes, position: Position | None = None, event_id: str = "") -> Event | None:
        """Publish the payload (JSON text); None when the filter has dropped it. Argo tells the caller of neither."""
        if self._expression and not passes(self._expression, data):
            if position is not None:
                self._journal.set_position(position)
            return None
        event = make(self.source, self.subject, self.kind, data, self._now())
        if event_id:
            event = Event(event_id, event.source, event.subject, event.type, event.time, event.data)
        await self._journal.publish(event, position)
        return event


def passes(expression: str, data: bytes) -> bool:
    """Whether the payload passes `filter.expression`; an error counts as no. Top-level keys are spelt with `_` for `-`."""
    try:
        tree = rawjson.loads_plain(data.decode())
        environment = {key.replace("-", "_"): value for key, value in tree.items()} if isinstance(tree, dict) else {}
        return exprlang.compile(expression).evaluate(environment) is True
    except ExpressionError as error:
        log.info("filter.expression: %s", error)
        return False
