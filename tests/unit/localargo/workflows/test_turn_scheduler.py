"""A fact gets its turn in time, and a turn serves all that came before it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.ports import PodExit, PodSpec, StoredOutputs
from localargo.workflows.active_workflow import ActiveWorkflow
from localargo.workflows.messages import EnsurePod, Fact, LockGranted, OutputsStored, PodExited, PodRunning, Run, TimerDue
from localargo.workflows.turn_scheduler import COMPANY, UNHURRIED, TurnScheduler, patience


class Call:
    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """An event loop's timers on a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[Call] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable[[], None]) -> Call:
        self.calls.append(Call(self.now + delay, call))
        return self.calls[-1]

    def armed(self) -> list[Call]:
        return [c for c in self.calls if not c.cancelled]

    def advance(self, to: float) -> None:
        while due := [c for c in self.armed() if c.at <= to]:
            first = min(due, key=lambda c: c.at)
            self.calls.remove(first)
            self.now = first.at
            first.call()
        self.now = to


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 3, 50])), max_size=40))
def test_every_ask_gets_a_turn_in_time_and_no_turn_is_unasked_for(asked: list[tuple[int, int]]) -> None:
    loop, turns, asks = Loop(), list[float](), list[tuple[float, float]]()
    pace = TurnScheduler(loop.time, loop.call_later, lambda: turns.append(loop.now))
    for after, seconds in asked:
        loop.advance(loop.now + after)
        asks.append((loop.now, loop.now + seconds))
        pace.within(seconds)
        assert len(loop.armed()) == 1
    loop.advance(loop.now + 100)
    assert all(any(began <= turn <= at for turn in turns) for began, at in asks)
    assert len(turns) <= len(asks)
    assert loop.armed() == []


def test_a_closed_pace_takes_no_turn() -> None:
    loop, turns = Loop(), list[float]()
    pace = TurnScheduler(loop.time, loop.call_later, lambda: turns.append(loop.now))
    pace.within(3)
    pace.close()
    loop.advance(10)
    assert turns == []


def live(*pods: str) -> ActiveWorkflow:
    """A Workflow that waits for pods."""
    actions = [EnsurePod(p, PodSpec(p, "default", "wf", p, "t", ())) for p in pods]
    return ActiveWorkflow(1, Run({}, {}, {}, {}, {}), 1, 1, outbox={a.key: a for a in actions})


def exited(pod: str) -> PodExited:
    return PodExited(pod, PodExit(pod, pod, "wf", 0.0, 0.0))


def test_the_last_end_that_is_awaited_waits_for_nobody() -> None:
    waiting = live("a", "b")
    found = []
    for pod in ("a", "b"):
        assert waiting.queue(exited(pod))
        found.append(patience(waiting, exited(pod)))
    assert found == [COMPANY, 0.0]


@pytest.mark.parametrize(
    ("fact", "seconds"),
    [
        (PodRunning("a", 0.0), UNHURRIED),
        (TimerDue(), 0.0),
        (LockGranted("a"), 0.0),
        (OutputsStored("a", StoredOutputs()), 0.0),
    ],
)
def test_only_what_starts_nothing_is_unhurried(fact: Fact, seconds: float) -> None:
    assert patience(live("a", "b"), fact) == seconds
