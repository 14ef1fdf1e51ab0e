from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from localargo.workflows.timers import LONGEST, Handle, Timers


class Loop:
    """An event loop's timers on a clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.pending: list[Call] = []

    def now(self) -> float:
        return self.time

    def call_later(self, delay: float, call: Callable[[], None]) -> Handle:
        handle = Call(self.time + delay, call)
        self.pending.append(handle)
        return handle

    def armed(self) -> list["Call"]:
        return [c for c in self.pending if not c.cancelled]

    def advance(self, to: float) -> None:
        while due := sorted((c for c in self.armed() if c.at <= to), key=lambda c: c.at):
            self.pending.remove(due[0])
            self.time = max(self.time, due[0].at)
            due[0].call()
        self.time = to


class Call:
    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self) -> None:
        self.cancelled = True


@given(st.lists(st.tuples(st.integers(0, 4), st.none() | st.integers(1, 500)), max_size=30))
def test_everyone_is_woken_once_at_the_last_time_set(sets: list[tuple[int, int | None]]) -> None:
    loop = Loop()
    woken: list[tuple[int, float]] = []
    timers = Timers(loop, loop.call_later, lambda number: woken.append((number, loop.now())))
    for number, at in sets:
        timers.set(number, None if at is None else 1000.0 + at)
    assert len(loop.armed()) <= 1
    loop.advance(2000.0)
    last = dict(sets)
    assert sorted(woken) == sorted((number, 1000.0 + at) for number, at in last.items() if at is not None)
    assert [at for _, at in woken] == sorted(at for _, at in woken)


def test_a_time_far_away_is_looked_at_in_between() -> None:
    loop = Loop()
    woken: list[int] = []
    timers = Timers(loop, loop.call_later, woken.append)
    timers.set(1, 1000.0 + 3 * LONGEST)
    assert loop.armed()[0].at == 1000.0 + LONGEST
    loop.advance(1000.0 + 2.5 * LONGEST)
    assert woken == []
    loop.advance(1000.0 + 3 * LONGEST)
    assert woken == [1]


def test_nobody_is_woken_after_the_end() -> None:
    loop = Loop()
    woken: list[int] = []
    timers = Timers(loop, loop.call_later, woken.append)
    timers.set(1, 1001.0)
    timers.close()
    loop.advance(1002.0)
    assert woken == []
