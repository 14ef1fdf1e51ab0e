"""Mutexes and semaphores in memory: who holds, who waits, and the decision of the pure `locks` function put into practice.

What is held is a table (the ledger's); who waits follows from the outbox. So nothing here needs to be saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from retrain.workflows.messages import Fact, LockWaiting, Run, WantLock

Owner = tuple[int, str]  # Workflow number and node id, empty for the run itself


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who wants what. Workflows of higher priority come first, then older ones, then the order of asking."""

    owner: Owner
    want: WantLock
    order: tuple[int, int, int]


class LockTable:
    """All of a namespace. `granted` and `told` pass on what was decided."""

    def __init__(
        self, held: Iterable[tuple[str, int, str]], granted: Callable[[int, str], None], told: Callable[[int, Fact], None]
    ) -> None:
        self._granted = granted
        self._told = told
        self._holders: dict[str, dict[Owner, None]] = {}
        self._waiting: dict[Owner, Waiting] = {}
        self._said: dict[Owner, str] = {}
        self._asked = 0
        self._open = False  # something changed since the last decision
        for lock, wf, node in held:
            self._holders.setdefault(lock, {})[wf, node] = None

    def want(self, wf: int, want: WantLock, run: Run) -> None:
        """Queue for all of the locks; who holds them already is told again."""
        self._asked += 1
        self._waiting[wf, want.node_id] = Waiting((wf, want.node_id), want, (-want.priority, wf, self._asked))
        self._open = True

    def free(self, wf: int, node_id: str) -> None:
        """Give back, or stop waiting."""
        owner = (wf, node_id)
        self._waiting.pop(owner, None)
        self._said.pop(owner, None)
        for holders in self._holders.values():
            holders.pop(owner, None)
        self._open = True

    def forget(self, wf: int) -> None:
        """The Workflow is gone."""
        owners = {o for holders in self._holders.values() for o in holders} | set(self._waiting)
        for number, node_id in owners:
            if number == wf:
                self.free(wf, node_id)
        self.settle()

    def settle(self) -> None:
        """Decide who gets what now, and tell those who wait why."""
        if not self._open:
            return
        self._open = False
        for waiting in sorted(self._waiting.values(), key=lambda w: w.order):
            message, lock = self._blocked(waiting)
            if not lock:
                self._take(waiting)
            elif self._said.get(waiting.owner) != message:
                self._said[waiting.owner] = message
                self._told(waiting.owner[0], LockWaiting(waiting.owner[1], message, lock))

    def _take(self, waiting: Waiting) -> None:
        for lock in waiting.want.locks:
            self._holders.setdefault(lock, {})[waiting.owner] = None
        del self._waiting[waiting.owner]
        self._said.pop(waiting.owner, None)
        self._granted(*waiting.owner)

    def _blocked(self, waiting: Waiting) -> tuple[str, str]:
        """The message and the lock in the way, both empty when the way is free. Who queued before for the same lock goes first."""
        for lock in waiting.want.locks:
            holders = self._holders.get(lock, {})
            if waiting.owner in holders:
                continue
            limit = waiting.want.limits.get(lock, 1)
            ahead = any(o.order < waiting.order and lock in o.want.locks for o in self._waiting.values())
            if len(holders) >= limit or ahead:
                free = max(0, limit - len(holders))
                return f"Waiting for {_shown(lock)} lock. Lock status: {free}/{limit}", lock
        return "", ""


def _shown(lock: str) -> str:
    """As Argo names it: `<namespace>/Mutex/<name>`, `<namespace>/ConfigMap/<name>/<key>`."""
    kind, namespace, rest = lock.split("/", 2)
    return f"{namespace}/{'ConfigMap' if kind == 'Semaphore' else kind}/{rest}"
