"""When the controller takes its next turn: at once, or within a time that it may use to gather company (every turn is a commit)."""

from __future__ import annotations

from collections.abc import Callable

from localargo.workflows.active_workflow import ActiveWorkflow
from localargo.workflows.messages import Fact, PodExited, PodRunning
from localargo.workflows.timers import Handle

UNHURRIED = 0.05  # seconds: that a pod runs starts nothing
COMPANY = 0.003  # seconds: pods that were started together end together


def patience(active: ActiveWorkflow, fact: Fact) -> float:
    """How long the fact, which has been queued, may wait for others: an end of a pod only while something else is awaited."""
    match fact:
        case PodRunning():
            return UNHURRIED
        case PodExited() if len(active.outbox) > len(active.learnt):
            return COMPANY
        case _:
            return 0.0


class TurnScheduler:
    """At most one turn is scheduled at a time, the earliest that was asked for. `time` and `call_later` are an event loop's."""

    def __init__(
        self, time: Callable[[], float], call_later: Callable[[float, Callable[[], None]], Handle], turn: Callable[[], None]
    ) -> None:
        self._time = time
        self._call_later = call_later
        self._turn = turn
        self._next: Handle | None = None
        self._at = 0.0

    def within(self, seconds: float) -> None:
        """A turn by then; with 0 as soon as what is going on is done."""
        at = self._time() + seconds
        if self._next is not None:
            if self._at <= at:
                return
            self._next.cancel()
        self._at = at
        self._next = self._call_later(seconds, self._ring)

    def close(self) -> None:
        """No turn any more."""
        if self._next is not None:
            self._next.cancel()

    def _ring(self) -> None:
        self._next = None
        self._turn()
