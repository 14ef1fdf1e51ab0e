"""The shell around the pure reconcile function: facts in, one transaction per turn, actions out.

Everything runs on one event loop. A turn takes the facts received since the last one, reconciles every Workflow that has any,
and commits all changes together with the actions to be carried out (the outbox); only then are the actions started. What can
be learnt again after a crash (a pod's end, stored outputs, a granted lock) is kept in memory until its turn; other facts are rows.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from localargo.errors import AlreadyExists
from localargo.ports import Clock, Doc, PodExit
from localargo.store import nested_transaction, transaction
from localargo.workflows import reconcile as pure
from localargo.workflows import status, turn_log
from localargo.workflows.action_dispatcher import ActionDispatcher
from localargo.workflows.active_workflow import ActiveWorkflow, defect, refused
from localargo.workflows.cleanup import Cleanup
from localargo.workflows.ledger import Ledger
from localargo.workflows.locking import LockTable, limits_of
from localargo.workflows.messages import (
    Created,
    Fact,
    LockGranted,
    Operated,
    Outcome,
    PodExited,
    PodRunning,
    Run,
    TimerDue,
)
from localargo.workflows.objects import Documents, not_found, resource_name
from localargo.workflows.outbox import Outbox
from localargo.workflows.run import apply
from localargo.workflows.timers import Timers
from localargo.workflows.turn import Step, prepare, write
from localargo.workflows.turn_scheduler import TurnScheduler, patience

SLICE = 200  # facts of one Workflow in one turn

log = logging.getLogger(__name__)


class Controller:
    """Holds the unfinished Workflows. `failed` is set when the database cannot be written: the engine must then end."""

    def __init__(
        self, connection: sqlite3.Connection, documents: Documents, dispatcher: ActionDispatcher, clock: Clock, *, reload: bool = False
    ) -> None:
        self._db = connection
        self.ledger = Ledger(connection)
        self._documents = documents
        self._dispatcher = dispatcher
        self._clock = clock
        self._reload = reload  # for tests: load runs from the database again in each turn
        self._loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[None] = self._loop.create_future()
        self._active: dict[int, ActiveWorkflow] = {}
        self._numbers: dict[str, int] = {}  # of the Workflows in memory
        self._dirty: dict[int, ActiveWorkflow] = {}
        self._scheduler = TurnScheduler(self._loop.time, self._loop.call_later, self._scheduled_turn)
        self._closed = False
        self._timers = Timers(clock, self._loop.call_later, lambda wf: self.learn(wf, TimerDue()))
        self._cleanup = Cleanup(clock, self._loop.call_later, self.ledger, self._expire, dispatcher.remove)
        held, limits = self.ledger.holders(), limits_of(documents.get)
        self.locks = LockTable(held, lambda wf, node: self.learn(wf, LockGranted(node)), self.learn, limits)
        self._outbox = Outbox(dispatcher, self.locks)
        self.listeners: list[Callable[[str], None]] = []  # called with the name of each changed Workflow, after the commit
        dispatcher.learn = self.learn
        dispatcher.save_fact = self.save_fact

    # ------------------------------------------------------------------------------------------ from outside

    async def recover(self) -> None:
        """Continue what an earlier engine left: replay its outbox, consume its facts, set its timers, remove remains of deleted
        Workflows."""
        kept = await self._dispatcher.keep_only(self.ledger.uids(), self.ledger.pods())
        for wf in self.ledger.unfinished():
            self._adopt(wf)
        self._cleanup.review(kept)

    async def close(self, *, stop_pods: bool) -> None:
        """Stop reconciling. With `stop_pods` the pods are stopped; the next engine runs them again from their beginning."""
        self._closed = True
        self._timers.close()
        self._cleanup.close()
        self._scheduler.close()
        await self._dispatcher.drain()
        if stop_pods:
            await self._dispatcher.stop_all([pod for active in self._active.values() for pod in active.pods()])

    def insert(self, workflow: Doc, refusal: str = "") -> Doc:
        """Store a new, admitted Workflow, in the open transaction if there is one; it starts in the next turn.

        With a `refusal` it is Failed at once with that message, like a Workflow that Argo's validation refuses.
        """
        now = self._clock.now()
        run = refused(workflow, refusal, now) if refusal else status.new_run(workflow, self._documents.world(), now)
        with nested_transaction(self._db):
            try:
                wf = self.ledger.insert(run)
            except sqlite3.IntegrityError:
                raise AlreadyExists(f'{resource_name("Workflow")} "{workflow["metadata"]["name"]}" already exists') from None
            if refusal:
                self.ledger.finish(wf)
            else:
                self.ledger.add_fact(wf, Created())
        if refusal:
            self._loop.call_soon(self._was_refused, wf, run)
        else:
            self._loop.call_soon(self._adopt, wf)
        return status.compose(run)

    def _was_refused(self, wf: int, run: Run) -> None:
        """After the commit."""
        name = run.workflow["metadata"]["name"]
        self._log([{"workflow": name, **turn_log.ended(run.head)}])
        self._cleanup.finished(wf, run)
        self._tell(name)

    def run_of(self, name: str) -> Run:
        """The Workflow's run, from memory or from disk. Raises NotFound."""
        active = self._find(name)
        if active is not None:
            return active.run
        row = self.ledger.load(self.number(name))
        if row is None:
            raise not_found("Workflow", name)
        return row.run

    def knows(self, name: str) -> bool:
        """Whether a Workflow of this name exists."""
        return name in self._numbers or self.ledger.number(name) is not None

    def number(self, name: str) -> int:
        """The Workflow's number. Raises NotFound."""
        wf = self._numbers.get(name)
        if wf is None:
            wf = self.ledger.number(name)
        if wf is None:
            raise not_found("Workflow", name)
        return wf

    def operate(self, name: str, fact: Operated) -> None:
        """Apply an operation; it is done when this returns, or, when a transaction is open, after that."""
        wf = self.number(name)
        self._adopt(wf)
        self.save_fact(wf, fact)
        if not self._db.in_transaction:
            self._turn()

    def change(self, name: str, workflow: Doc) -> None:
        """Take over replaced metadata or spec of a Workflow."""
        wf = self.number(name)
        with nested_transaction(self._db):
            self.ledger.replace_document(wf, workflow)
        active = self._active.get(wf)
        if active is not None:
            active.run.workflow = workflow
            self.learn(wf, TimerDue())
        elif (row := self.ledger.load(wf)) is not None:
            self._cleanup.finished(wf, row.run)
        self._tell(name)

    def reopen(self, name: str, decide: Callable[[Run], Outcome]) -> None:
        """Continue a finished Workflow with the outcome of `decide` (retry)."""
        wf = self.number(name)
        active = self._active.get(wf) or self._load(wf)
        if active is None:
            raise not_found("Workflow", name)
        outcome = decide(active.run)
        self._cleanup.forget(wf)
        active.finished = False
        self._active[wf] = active
        self._numbers[name] = wf
        step = prepare(active, [], outcome)
        if self._db.in_transaction:  # in that transaction; the consequences come after its commit
            write(self.ledger, self._documents, step, self._clock.now())
            self._loop.call_soon(self._after, step)
        else:
            self._commit([step])
        if outcome.head is not None and not outcome.head.get("phase"):
            self.save_fact(wf, Created())
        self._loop.call_soon(lambda: self._cleanup.changed(wf, active.run, active.run.nodes, ends=False))
        self.learn(wf, TimerDue())

    def delete(self, name: str) -> None:
        """Delete a Workflow; its pods are stopped and removed."""
        wf = self.number(name)
        uid = self.ledger.uid(wf)
        active = self._active.pop(wf, None)
        self._numbers.pop(name, None)
        self._dirty.pop(wf, None)
        with nested_transaction(self._db):
            self.ledger.delete(wf)
        self._timers.set(wf, None)
        self._cleanup.forget(wf)
        self.locks.forget(wf)
        if active is not None:
            self._dispatcher.abandon(wf, active.outbox.values())
        self._loop.call_soon(self._discard, wf, name, uid)
        self._tell(name)

    def _expire(self, name: str) -> None:
        try:
            self.delete(name)
        except Exception as error:
            log.exception("the Workflow cannot be deleted: the engine ends", extra={"fields": {"workflow": name}})
            self._fail(error)

    def _discard(self, wf: int, name: str, uid: str) -> None:
        """After the commit; if the engine is killed first, the next one does it."""
        if uid and not self.ledger.uid(wf):
            self._log([{"workflow": name, "action": "DeleteWorkflow"}])
            self._dispatcher.discard(uid)

    def pod_running(self, node_id: str, at: float) -> None:
        """A pod's first container runs."""
        active = self._find(node_id) or self._find(node_id.rpartition("-")[0])  # the ids of nodes begin with their Workflow's name
        if active is not None and f"pod/{node_id}" in active.outbox:
            self.learn(active.wf, PodRunning(node_id, at))

    def pod_exited(self, exit: PodExit) -> None:
        """A pod ended. One that no Workflow waits for is only cleaned up."""
        if self._closed:
            self._dispatcher.ended_late(exit)
            return
        active, key = self._find(exit.workflow), f"pod/{exit.node_id}"
        if active is None:  # perhaps not loaded yet, while the engine starts: then its end is reported again when the pod is requested
            waited = self.ledger.asked(exit.workflow, key)
        else:
            waited = self.learn(active.wf, PodExited(exit.node_id, exit)) or key in active.learnt
        if not waited:
            self._dispatcher.forget(exit.pod)

    def learn(self, wf: int, fact: Fact, number: int = 0) -> bool:
        """Queue a fact for a Workflow. Returns whether the Workflow accepts it."""
        active = self._active.get(wf)
        if active is None or self._closed or not active.queue(fact, number):
            return False
        self._dirty[wf] = active
        self._scheduler.within(patience(active, fact))
        return True

    def save_fact(self, wf: int, fact: Fact) -> None:
        """As `learn`, for a fact that cannot be learnt again: it is on disk when this returns (or when the open transaction ends)."""
        with nested_transaction(self._db):
            number = self.ledger.add_fact(wf, fact)
        if not self.learn(wf, fact, number):
            with nested_transaction(self._db):
                self.ledger.drop_facts([number])

    # ------------------------------------------------------------------------------------------ turns

    def _scheduled_turn(self) -> None:
        try:
            self._turn()
        except Exception:
            log.exception("the database cannot be written: the engine ends")

    def _turn(self) -> None:
        if self._closed:
            return
        dirty, self._dirty = self._dirty, {}
        steps = []
        for active in dirty.values():
            facts = active.take(SLICE)
            steps.append(prepare(active, facts, self._reconcile(active, [f for _, f in facts])))
            if active.facts:
                self._dirty[active.wf] = active
        self._commit(steps)
        if self._dirty:
            self._scheduler.within(0.0)

    def _reconcile(self, active: ActiveWorkflow, facts: list[Fact]) -> Outcome:
        now = self._clock.now()
        if active.finished:  # later facts (such as the end of a stopped pod) change nothing
            return Outcome({}, {}, [], None, [], [], None)
        try:
            return pure.reconcile(active.run, facts, self._documents.world(), now)
        except Exception as error:
            log.exception("reconcile failed", extra={"fields": {"workflow": active.name}})
            return defect(active, error, now)

    def _commit(self, steps: list[Step]) -> None:
        if not steps and not self._outbox.unwanted:
            return
        try:
            with transaction(self._db):
                for wf, key in self._outbox.take_unwanted():
                    self.ledger.drop(wf, [key])
                for step in steps:
                    write(self.ledger, self._documents, step, self._clock.now())
        except Exception as error:
            self._fail(error)
            raise
        for step in steps:
            self._after(step)
        self.locks.grant_free_locks()

    def _fail(self, error: Exception) -> None:
        self._closed = True
        if not self.failed.done():
            self.failed.set_exception(error)

    def _after(self, step: Step) -> None:
        active, outcome = step.active, step.outcome
        ends = step.finished and not active.finished
        lines = list(turn_log.transitions(active.run, outcome, self._clock.now()))
        apply(active.run, outcome)
        if step.workflow is not None:
            active.run.workflow = step.workflow
        active.finished = step.finished
        self._outbox.answered(step)
        self._cleanup.changed(active.wf, active.run, outcome.nodes.keys() | outcome.private.keys(), ends)
        for key in outcome.cancel:
            action = active.outbox.pop(key, None)
            active.learnt.discard(key)
            if action is not None:
                self._outbox.cancel(active.wf, action)
        self._timers.set(active.wf, outcome.wake_at)
        lines.extend(turn_log.begun(active.run, action) for action in outcome.actions if self._outbox.start(active, action))
        self._log(lines)
        if step.finished:
            self.locks.forget(active.wf)
        if step.finished and not active.outbox and not active.facts:
            self._active.pop(active.wf, None)
            self._numbers.pop(active.name, None)
            self._cleanup.finished(active.wf, active.run)
        elif self._reload:
            self._renew(active)
        self._tell(active.name)

    # ------------------------------------------------------------------------------------------ memory

    def _adopt(self, wf: int) -> None:
        if wf in self._active or self._closed:
            return
        active = self._load(wf)
        if active is None:
            return
        self._active[wf] = active
        self._numbers[active.name] = wf
        outbox = self.ledger.outbox(wf)
        active.outbox = {action.key: action for action in outbox}
        for number, fact in self.ledger.facts(wf):
            active.queue(fact, number)
        again = [action for action in outbox if action.key not in active.learnt]
        self._log([turn_log.begun(active.run, action) for action in again if self._outbox.start(active, action)])
        self.locks.grant_free_locks()
        if not active.finished:  # facts that were only in memory are learnt again
            self.learn(wf, TimerDue())

    def _load(self, wf: int) -> ActiveWorkflow | None:
        row = self.ledger.load(wf)
        if row is None:
            return None
        node, edge = self.ledger.next_numbers(wf)
        self._timers.set(wf, row.wake_at)
        return ActiveWorkflow(wf, row.run, node, edge, row.finished)

    def _renew(self, active: ActiveWorkflow) -> None:
        if fresh := self._load(active.wf):
            active.run = fresh.run
            active.outbox = {action.key: action for action in self.ledger.outbox(active.wf)}

    def _find(self, name: str) -> ActiveWorkflow | None:
        return self._active.get(self._numbers.get(name, 0))  # the ledger numbers Workflows from 1

    def _log(self, lines: list[Doc]) -> None:
        if lines:
            log.info("%d changes", len(lines), extra={"lines": lines})

    def _tell(self, name: str) -> None:
        for listener in self.listeners:
            listener(name)
