"""Removes finished Workflows (`ttlStrategy`) and ended pods (`podGC`) when they are due.

Nothing is stored: what is due follows from the runs, and each engine computes it again at its start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from localargo.ports import Clock
from localargo.workflows.expiry import at_its_end, expires_at, removable
from localargo.workflows.ledger import Ledger
from localargo.workflows.messages import Run
from localargo.workflows.timers import Handle, Timers

log = logging.getLogger(__name__)
AT_LEAST = 1.0  # seconds that an end stays visible, as in Argo: clients read a Workflow after its end


class Cleanup:
    """`expire` is called with the name of a Workflow that is due, `remove` with a pod that is due and the uid of its Workflow."""

    def __init__(
        self,
        clock: Clock,
        call_later: Callable[[float, Callable[[], None]], Handle],
        ledger: Ledger,
        expire: Callable[[str], None],
        remove: Callable[[str, str], None],
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._expire = expire
        self._remove = remove
        self._timers: Timers[tuple[int, str]] = Timers(clock, call_later, self._due)  # an empty pod name means the Workflow itself
        self._pods: dict[int, dict[str, str]] = {}  # by Workflow: its pods that await removal, and its uid

    def finished(self, wf: int, run: Run) -> None:
        """The Workflow has ended and has no open actions, or its settings have changed since."""
        at = expires_at(run)
        self._timers.set((wf, ""), None if at is None else max(at, self._clock.now() + AT_LEAST))

    def changed(self, wf: int, run: Run, nodes: Iterable[str], ends: bool) -> None:
        """These nodes have changed; with `ends` the Workflow has ended."""
        for pod, at in removable(run, run.nodes if ends and at_its_end(run) else nodes):
            self._plan(wf, pod, run.workflow["metadata"].get("uid") or "", at)

    def forget(self, wf: int) -> None:
        """The Workflow was deleted, or continues."""
        for pod in ("", *self._pods.pop(wf, {})):
            self._timers.set((wf, pod), None)

    def review(self, kept: Mapping[str, str]) -> None:
        """At the start: schedule what became due while no engine ran and what is due later. `kept`: pods with remains, and their owners."""
        for wf in self._ledger.naming("ttlStrategy"):
            if row := self._ledger.load(wf):
                self.finished(wf, row.run)
        owners = set(kept.values())
        for wf in self._ledger.naming("podGC") if owners else ():
            row = self._ledger.load(wf) if self._ledger.uid(wf) in owners else None
            for pod, at in removable(row.run, row.run.nodes) if row else ():
                if pod in kept:
                    self._plan(wf, pod, kept[pod], at)

    def close(self) -> None:
        """Stop removing."""
        self._timers.close()

    def _plan(self, wf: int, pod: str, uid: str, at: float) -> None:
        self._pods.setdefault(wf, {})[pod] = uid
        self._timers.set((wf, pod), at)

    def _due(self, key: tuple[int, str]) -> None:
        wf, pod = key
        if pod:
            uid = self._pods.get(wf, {}).pop(pod, None)
            if uid is not None:
                log.info("podGC: its time is over", extra={"fields": {"action": "RemovePod", "pod": pod}})
                self._remove(pod, uid)
            return
        row = self._ledger.load(wf)
        at = None if row is None else expires_at(row.run)
        if row is not None and at is not None and at <= self._clock.now():  # it may have been changed or retried meanwhile
            name = row.run.workflow["metadata"]["name"]
            log.info("ttlStrategy: its time is over", extra={"fields": {"workflow": name}})
            self._expire(name)
