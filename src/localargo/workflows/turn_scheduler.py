"""Schedules the controller's next turn: at once, or after a short time in which more facts may come (every turn is a commit)."""

from __future__ import annotations

from collections.abc import Callable

from localargo.workflows.active_workflow import ActiveWorkflow
from localargo.workflows.messages import Fact, PodExited, PodRunning
from localargo.workflows.timers import Handle

UNHURRIED = 0.05  # seconds: the start of a pod triggers nothing
COMPANY = 0.003  # seconds: pods that start together often end together


def patience(active: ActiveWorkflow, fact: Fact) -> float:
    """How long the queued fact may wait for others; the end of a pod only while other answers are open."""
    match fact:
        case PodRunning():
            return UNHURRIED
        case PodExited() if len(active.outbox) > len(active.learnt):
            return COMPANY
        case _:
            return 0.0


class TurnScheduler:
    """At most one turn is scheduled at a time, the earliest one requested. `time` and `call_later` are an event loop's."""

    def __init__(
        self, time: Callable[[], float], call_later: Callable[[float, Callable[[], None]], Handle], turn: Callable[[], None]
    ) -> None:
        self._time = time
        self._call_later = call_later
        self._turn = turn
        self._next: Handle | None = None
        self._at = 0.0

    def within(self, seconds: float) -> None:
        """Schedule a turn within this time; with 0 after the current callback."""
        at = self._time() + seconds
        if self._next is not None:
            if self._at <= at:
                return
            self._next.cancel()
        self._at = at
        self._next = self._call_later(seconds, self._ring)

    def close(self) -> None:
        """Schedule no more turns."""
        if self._next is not None:
            self._next.cancel()

    def _ring(self) -> None:
        self._next = None
        self._turn()
