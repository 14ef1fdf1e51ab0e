"""Waiting for the thing itself, with a deadline that only something broken reaches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

SECONDS = 180.0
PAUSE = 0.005


def _nothing() -> object:
    return "what the test waits for did not happen"


async def until(there: Callable[[], object]) -> None:
    """Return once `there()` is true."""
    end = time.monotonic() + SECONDS
    while not there():
        assert time.monotonic() < end, _nothing()
        await asyncio.sleep(PAUSE)


def wait_until(there: Callable[[], object], instead: Callable[[], object] = _nothing) -> None:
    """As `until`, where there is no event loop; `instead` tells what is there when the time is over."""
    end = time.monotonic() + SECONDS
    while not there():
        assert time.monotonic() < end, instead()
        time.sleep(PAUSE)
