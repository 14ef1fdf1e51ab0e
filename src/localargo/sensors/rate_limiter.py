"""How often an action is done and retried: `rateLimit` and `retryStrategy` of a trigger."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

from localargo.errors import InvalidInput
from localargo.expressions import ExpressionError, gotext

UNITS = {"Second": 1.0, "Minute": 60.0, "Hour": 3600.0}
SLACK = 10  # actions that may follow at once after an idle time (the default of Argo's rate limiter)
NANOSECONDS = 1e9
_chance = random.SystemRandom()


class RateLimiter:
    """`rateLimit`: actions of one trigger wait for each other, none is dropped."""

    def __init__(self, limit: Mapping[str, Any] | None) -> None:
        requests = int((limit or {}).get("requestsPerUnit") or 0)
        self._gap = UNITS.get(str((limit or {}).get("unit") or "Second"), 1.0) / requests if requests > 0 else 0.0
        self._next: float | None = None

    def due(self, now: float) -> float:
        """When the next action may be done, given a monotonic clock; each call reserves the time that it returns."""
        if not self._gap:
            return now
        at = now if self._next is None else max(self._next, now - SLACK * self._gap)
        self._next = at + self._gap
        return max(at, now)

    async def wait(self) -> None:
        """Return when the action may be done."""
        now = time.monotonic()
        due = self.due(now)
        if due > now:
            await asyncio.sleep(due - now)


class RetrySchedule:
    """`retryStrategy`: the pauses between attempts; without it there is one attempt.

    Raises InvalidInput for a number written as text, which Argo accepts but fails on for every event.
    """

    def __init__(self, strategy: Mapping[str, Any] | None) -> None:
        strategy = strategy or {}
        self.tries = max(1, int(_amount(strategy, "steps", 1.0)))
        self._pause = _duration(strategy.get("duration"))
        self._factor = _amount(strategy, "factor", 1.0)
        self._jitter = _amount(strategy, "jitter", 1.0)

    def pause(self) -> float:
        """Seconds before the next attempt; each pause is longer by the factor."""
        pause = self._pause * (1 + self._jitter * _chance.random())
        self._pause *= self._factor
        return pause


def _amount(strategy: Mapping[str, Any], field: str, default: float) -> float:
    value = strategy.get(field)
    if value is None:
        return default
    if isinstance(value, (str, bool)):
        raise InvalidInput(f"retryStrategy.{field}: {value!r} must be a number, not text: Argo accepts the text but fails on every event")
    return float(value)


def _duration(value: Any) -> float:
    """Go's duration text; a bare number is nanoseconds."""
    if value is None:
        return 1.0
    if isinstance(value, int | float):
        return value / NANOSECONDS
    try:
        return gotext.parse_duration(str(value))
    except ExpressionError as error:
        raise InvalidInput(f"retryStrategy.duration: {error}") from error
