"""Starts committed actions and cleans up after they are answered."""

from __future__ import annotations

from localargo.workflows.action_dispatcher import ActionDispatcher
from localargo.workflows.active_workflow import ActiveWorkflow
from localargo.workflows.locking import LockTable
from localargo.workflows.messages import Action, FreeLock, OutputsStored, PodExited, SaveMemo, StopPod, StoreOutputs, WantLock
from localargo.workflows.turn import Step


class Outbox:
    """Starts and cancels actions. `unwanted`: rows of the outbox table to drop with the next commit."""

    def __init__(self, dispatcher: ActionDispatcher, locks: LockTable) -> None:
        self._dispatcher = dispatcher
        self._locks = locks
        self.unwanted: list[tuple[int, str]] = []

    def start(self, active: ActiveWorkflow, action: Action) -> bool:
        """Start a committed action, or start it again after a restart. Returns whether it had to be carried out."""
        match action:
            case FreeLock():
                self._locks.free(active.wf, action.node_id)
            case SaveMemo():
                pass
            case StopPod() if f"pod/{action.node_id}" not in active.outbox:
                active.outbox.pop(action.key, None)
                self.unwanted.append((active.wf, action.key))
                return False
            case WantLock():
                active.outbox[action.key] = action
                self._locks.want(active.wf, action, active.run)
            case _:
                active.outbox[action.key] = action
                self._dispatcher.perform(active.wf, action)
        return True

    def cancel(self, wf: int, action: Action) -> None:
        """Cancel an action whose answer is no longer wanted."""
        if isinstance(action, WantLock):
            self._locks.free(wf, action.node_id)
        else:
            self._dispatcher.abandon(wf, [action])

    def answered(self, step: Step) -> None:
        """Drop the actions that the consumed facts answered, and the folders of pods that are no longer needed."""
        active = step.active
        storing = {a.node_id for a in step.outcome.actions if isinstance(a, StoreOutputs)}
        for _, fact in step.facts:
            key = active.answers(fact)
            action = active.outbox.pop(key, None)
            active.learnt.discard(key)
            if isinstance(fact, PodExited):
                if active.outbox.pop(f"stop/{fact.node_id}", None) is not None:
                    self.unwanted.append((active.wf, f"stop/{fact.node_id}"))
                if fact.node_id not in storing:
                    self._dispatcher.forget(fact.exit.pod)
            elif isinstance(fact, OutputsStored) and isinstance(action, StoreOutputs):
                self._dispatcher.forget(action.pod.name)

    def take_unwanted(self) -> list[tuple[int, str]]:
        """Return the rows to drop, and clear the list."""
        taken, self.unwanted = self.unwanted, []
        return taken
