"""A heap of wake-up times behind one timer of the event loop."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from localargo.ports import Clock

LONGEST = 3600.0  # seconds after which to check again, because the machine may sleep or its clock may be set


class Handle(Protocol):
    """The handle that `call_later` of an event loop returns."""

    def cancel(self) -> None: ...


Key = TypeVar("Key", int, tuple[int, str])


class Timers(Generic[Key]):
    """At most one wake-up per key; setting it again replaces it."""

    def __init__(self, clock: Clock, call_later: Callable[[float, Callable[[], None]], Handle], due: Callable[[Key], object]) -> None:
        self._clock = clock
        self._call_later = call_later
        self._due: Callable[[Key], object] = due
        self._at: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._handle: Handle | None = None
        self._armed: float | None = None

    def set(self, key: Key, at: float | None) -> None:
        """Wake the key at this time (epoch seconds); None cancels."""
        if at is None:
            self._at.pop(key, None)
            return
        if self._at.get(key) != at:
            self._at[key] = at
            heapq.heappush(self._heap, (at, key))
        self._arm()

    def close(self) -> None:
        """Cancel all wake-ups."""
        self._at.clear()
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()

    def _arm(self) -> None:
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        first = self._heap[0][0] if self._heap else None
        if first == self._armed:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._armed = first
        self._handle = None if first is None else self._call_later(min(max(0.0, first - self._clock.now()), LONGEST), self._ring)

    def _ring(self) -> None:
        self._handle = self._armed = None
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            at, key = heapq.heappop(self._heap)
            if self._at.get(key) == at:
                del self._at[key]
                self._due(key)
        self._arm()
