"""A rehearsal: this process is taken away as a cluster takes a pod away, to see what that costs.

`RETRAIN_PREEMPT` says when: `every 20s` after so long, each attempt anew; `at batch 7` after the seventh batch (or round) that the first
attempt has learned. SIGTERM comes first, SIGKILL after the grace period; with ` kill` at the end SIGKILL at once, as when a machine dies.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

from handlers.errors import WrongUsage

VARIABLE = "RETRAIN_PREEMPT"
GRACE_SECONDS = 60.0  # of the pods: terminationGracePeriodSeconds in workflowtemplates/train.yaml
RULE = re.compile(
    r"(?:every (?P<every>\d+(?:\.\d+)?)(?P<unit>s|m|h)|at batch (?P<batch>[1-9]\d*))(?P<kill> kill)?(?P<later>; attempt [1-9]\d*)?",
)
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Rule:
    """`every` in seconds or `batch`, the other is 0. `first`: whether this is the first attempt."""

    every: float
    batch: int
    kill: bool
    first: bool = True


def rule(text: str) -> Rule | None:
    """The rule of a text, None of an empty one; raises WrongUsage."""
    if not text:
        return None
    found = RULE.fullmatch(text.removesuffix("; attempt 0"))
    if found is None:
        raise WrongUsage(f"{VARIABLE}: {text!r} is no rule; accepted: every 20s, at batch 7, and each with ` kill` at its end")
    every = float(found["every"]) * SECONDS[found["unit"]] if found["every"] else 0.0
    return Rule(every, int(found["batch"] or 0), bool(found["kill"]), not found["later"])


class Rehearsal:
    """Takes the process away by its rule, once: `begin` when the attempt begins, `learned` after each batch or round."""

    def __init__(self, by: Rule, batches: int = 0) -> None:
        self._by = by
        self._batches = batches

    def begin(self) -> None:
        if self._by.every:
            _later(self._by.every, self._take_away)

    def learned(self) -> None:
        self._batches += 1
        if self._by.first and self._batches == self._by.batch:
            self._take_away()

    def _take_away(self) -> None:
        if self._by.kill:
            _signal(signal.SIGKILL)
        _later(GRACE_SECONDS, lambda: _signal(signal.SIGKILL))
        _signal(signal.SIGTERM)


def _signal(number: int) -> None:
    os.kill(os.getpid(), number)


def _later(seconds: float, call: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


_running: list[Rehearsal] = []


def begin() -> None:
    """The attempt of a handler has begun."""
    by = rule(os.environ.get(VARIABLE, ""))
    _running[:] = [Rehearsal(by)] if by is not None else []
    for rehearsal in _running:
        rehearsal.begin()


def learned() -> None:
    """One more batch or round is learned."""
    for rehearsal in _running:
        rehearsal.learned()
