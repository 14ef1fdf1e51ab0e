"""Mutexes and semaphores in memory: holders and waiters, and how the decisions of the pure `locks` module are applied.

Held locks are in a table of the ledger; waiters follow from the outbox. Nothing here needs to be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from localargo.ports import Doc
from localargo.workflows import locks
from localargo.workflows.messages import Fact, LockWaiting, Run, WantLock

Owner = tuple[int, str]  # Workflow number and node id, empty for the run itself


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request for locks. Ordered by the Workflow's priority, then its age, then the order of the requests."""

    owner: Owner
    want: WantLock
    order: tuple[int, int, int]


class LockTable:
    """All locks of a namespace. `granted` and `told` report decisions; `limit` returns a semaphore's current size."""

    def __init__(
        self,
        held: Iterable[tuple[str, int, str]],
        granted: Callable[[int, str], object],
        told: Callable[[int, Fact], object],
        limit: Callable[[str, int], int] = lambda lock, asked: asked,
    ) -> None:
        self._granted = granted
        self._told = told
        self._limit = limit
        self._holders: dict[str, dict[Owner, None]] = {}
        self._waiting: dict[Owner, Waiting] = {}
        self._said: dict[Owner, str] = {}
        self._asked = 0
        self._open = False  # whether something has changed since the last decision
        for lock, wf, node in held:
            self._holders.setdefault(lock, {})[wf, node] = None

    def want(self, wf: int, want: WantLock, run: Run) -> None:
        """Queue for all of the locks; a holder is granted them again."""
        self._asked += 1
        self._waiting[wf, want.node_id] = Waiting((wf, want.node_id), want, (-want.priority, wf, self._asked))
        self._open = True

    def free(self, wf: int, node_id: str) -> None:
        """Release the locks, or stop waiting for them."""
        owner = (wf, node_id)
        self._waiting.pop(owner, None)
        self._said.pop(owner, None)
        for holders in self._holders.values():
            holders.pop(owner, None)
        self._open = True

    def forget(self, wf: int) -> None:
        """Drop everything of a deleted Workflow."""
        owners = {o for holders in self._holders.values() for o in holders} | set(self._waiting)
        for number, node_id in owners:
            if number == wf:
                self.free(wf, node_id)
        self.grant_free_locks()

    def review(self) -> None:
        """The size of a semaphore may have changed."""
        self._open = bool(self._waiting)
        self.grant_free_locks()

    def grant_free_locks(self) -> None:
        """Grant what can be granted now, and tell the others why they wait."""
        if not self._open:
            return
        self._open = False
        queue = sorted(self._waiting.values(), key=lambda w: w.order)
        holders = {lock: list(owners) for lock, owners in self._holders.items()}
        claims = [self._claim(waiting) for waiting in queue]
        given, refused = locks.grant(holders, claims)
        for claim in given:
            for lock in claim.locks:
                self._holders.setdefault(lock, {})[claim.owner] = None
            del self._waiting[claim.owner]
            self._said.pop(claim.owner, None)
            self._granted(*claim.owner)
        for owner, refusal in refused.items():
            if self._said.get(owner) != refusal.message:
                self._said[owner] = refusal.message
                self._told(owner[0], LockWaiting(owner[1], refusal.message, refusal.lock))

    def _claim(self, waiting: Waiting) -> locks.Claim[Owner]:
        wf, node = waiting.owner
        limits = {lock: self._limit(lock, asked) for lock, asked in waiting.want.limits.items()}
        return locks.Claim(waiting.owner, waiting.want.locks, limits, wf if node else None)


def limits_of(document: Callable[[str, str], Doc | None]) -> Callable[[str, int], int]:
    """The semaphore's size in its ConfigMap now; if that cannot be read, the size at the time of the request."""

    def limit(lock: str, asked: int) -> int:
        kind, _, name, key = lock.split("/", 3)
        found = document("ConfigMap", name) if kind == "Semaphore" else None
        try:
            return int(((found or {}).get("data") or {})[key])
        except (KeyError, ValueError, TypeError):
            return asked

    return limit
