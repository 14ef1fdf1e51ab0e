"""Waiting for the thing itself, with a deadline that only something broken reaches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

SECONDS = 120.0
PAUSE = 0.01


async def until(there: Callable[[], object]) -> None:
    """Return once `there()` is true."""
    end = time.monotonic() + SECONDS
    while not there():
        assert time.monotonic() < end, "what the test waits for did not happen"
        await asyncio.sleep(PAUSE)


def wait_until(there: Callable[[], object]) -> None:
    """As `until`, where there is no event loop."""
    end = time.monotonic() + SECONDS
    while not there():
        assert time.monotonic() < end, "what the test waits for did not happen"
        time.sleep(PAUSE)
