"""Events as Argo Events forms them (pkg/eventsources/eventing.go): the envelope, and the filter that an EventSource may have."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from localargo.clock import timestamp
from localargo.eventbus.journal import Journal, Mark
from localargo.expressions import ExpressionError, exprlang, rawjson
from localargo.manifests.source_kinds.registry import filter_expression
from localargo.ports import Event

log = logging.getLogger(__name__)


def new_event(source: str, subject: str, kind: str, data: bytes, now: float, event_id: str = "") -> Event:
    """A new event: a random id unless one is given, the time in whole seconds, as Sensors see it."""
    return Event(event_id or uuid.uuid4().hex, source, subject, kind, timestamp(now), data)


class Envelope:
    """Turns a payload of one event of one EventSource into an event on the bus."""

    def __init__(self, source: str, subject: str, kind: str, spec: Mapping[str, Any], journal: Journal, now: Callable[[], float]) -> None:
        self.source = source
        self.subject = subject
        self.kind = kind
        self._expression = filter_expression(kind, spec)
        self._journal = journal
        self._now = now

    async def send(self, data: bytes, mark: Mark | None = None, event_id: str = "") -> Event | None:
        """Publish the payload (JSON text); None when the filter dropped it: for the sender that is a success, as in Argo.

        `mark`: the source's position after this event, stored with it. `event_id`: equal for deliveries of the same event, which then
        counts once. Raises what the journal raises.
        """
        if self._expression and not passes(self._expression, data):
            if mark is not None:
                await self._journal.publish(None, mark)
            return None
        event = new_event(self.source, self.subject, self.kind, data, self._now(), event_id)
        await self._journal.publish(event, mark)
        return event


def passes(expression: str, data: bytes) -> bool:
    """Whether the payload passes `filter.expression`; an error counts as false."""
    try:
        return evaluate_filter(expression, data)
    except ExpressionError as error:
        log.info("filter.expression: %s", error)
        return False


def evaluate_filter(expression: str, data: bytes) -> bool:
    """As `passes`, but raising ExpressionError. In the names of top-level keys `-` becomes `_`; others stay as they are."""
    tree = rawjson.loads_plain(data.decode("utf-8", "replace"))
    environment = {key.replace("-", "_"): value for key, value in tree.items()} if isinstance(tree, dict) else {}
    return exprlang.compile(expression).evaluate(environment) is True
