"""The system clock, and time as Kubernetes writes it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime

LONGEST_SLEEP = 3600.0  # seconds: a clock that is set during the sleep is noticed within the hour


class SystemClock:
    """`ports.Clock` on the system clock."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC, truncated to whole seconds: `2026-01-31T12:00:00Z`, as `metav1.Time` is written."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> float:
    """The reverse of `timestamp`; fractions of a second and UTC offsets are accepted. Raises ValueError."""
    return datetime.fromisoformat(text).timestamp()


async def until(due: float, now: Callable[[], float]) -> None:
    """Return when the clock `now` has reached `due` (epoch seconds)."""
    for _ in itertools.count():
        wait = due - now()
        if wait <= 0:
            return
        await asyncio.sleep(min(wait, LONGEST_SLEEP))
