"""Carries out the actions of the outbox: pods, resources, HTTP calls. Their results come back as facts.

Every action may be carried out again after a crash. Actions on one pod run in the order in which they were requested.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from functools import partial
from typing import Protocol

from localargo.ports import Clock, PodExit, Pods, StoredOutputs
from localargo.workflows.messages import (
    Action,
    Answered,
    CallHttp,
    CallResource,
    EnsurePod,
    Fact,
    OutputsStored,
    PodExited,
    StopPod,
    StoreOutputs,
)

log = logging.getLogger(__name__)


class ResourceCalls(Protocol):
    """Carries out `resource` templates."""

    def perform(self, wf: int, action: CallResource) -> None: ...


Work = Callable[[], Coroutine[None, None, None]]
HttpCall = Callable[[CallHttp], Coroutine[None, None, Answered]]


class ActionDispatcher:
    """`learn` and `save_fact` are set by the controller, `resources` and `http` by the wiring."""

    def __init__(self, pods: Pods, clock: Clock) -> None:
        self._pods = pods
        self._clock = clock
        self._last: dict[str, asyncio.Task[None]] = {}  # by pod: the last request
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}  # HTTP calls
        self._late: dict[str, asyncio.Future[PodExit]] = {}
        self.learn: Callable[[int, Fact], bool] = lambda wf, fact: False
        self.save_fact: Callable[[int, Fact], None] = lambda wf, fact: None
        self.resources: ResourceCalls | None = None
        self.http: HttpCall | None = None

    def perform(self, wf: int, action: Action) -> None:
        """Begin to carry out the action; returns at once."""
        match action:
            case EnsurePod():
                self._after(action.pod.name, partial(self._ensure, wf, action))
            case StopPod():
                self._after(action.pod, partial(self._pods.stop, action.pod, action.grace_seconds))
            case StoreOutputs():
                self._after(action.pod.name, partial(self._collect, wf, action))
            case CallResource() if self.resources is not None:
                self.resources.perform(wf, action)
            case CallHttp() if self.http is not None:
                task = asyncio.ensure_future(self._call(wf, action, self.http))
                self._tasks[wf, action.key] = task
                task.add_done_callback(lambda _: self._tasks.pop((wf, action.key), None))
            case _:
                raise ValueError(f"no part of this engine carries out {action.kind}")

    def abandon(self, wf: int, actions: Iterable[Action]) -> None:
        """The actions are no longer wanted: stop their pods and drop their calls, without a fact."""
        for action in list(actions):
            match action:
                case EnsurePod():
                    self._after(action.pod.name, partial(self._pods.stop, action.pod.name, 0.0))
                case CallHttp():
                    task = self._tasks.pop((wf, action.key), None)
                    if task is not None:
                        task.cancel()
                case _:
                    pass

    def forget(self, pod: str) -> None:
        """Remove the pod's folder except its logs."""
        self._after(pod, partial(self._pods.forget, pod))

    def discard(self, owner: str) -> None:
        """The Workflow with this uid is deleted: end its pods and remove everything kept of them."""
        self._after(f"of {owner}", partial(self._pods.discard, owner))

    def remove(self, pod: str, owner: str) -> None:
        """Remove the pod's folder with its logs."""
        self._after(pod, partial(self._pods.remove, pod, owner))

    async def keep_only(self, owners: Collection[str], pods: Collection[str]) -> Mapping[str, str]:
        """Remove what earlier engines left of pods; see `Pods.keep_only`."""
        return await self._pods.keep_only(owners, pods)

    async def stop_all(self, pods: list[EnsurePod]) -> None:
        """Stop all pods and wait for their ends. Those that had to be stopped are removed: the next engine starts them again."""
        self._late = {action.pod.name: asyncio.get_running_loop().create_future() for action in pods}
        stops = [asyncio.ensure_future(self._pods.stop(action.pod.name, action.pod.grace_seconds)) for action in pods]
        if not stops:
            return
        await asyncio.wait(stops)
        patience = max(action.pod.grace_seconds for action in pods) + 5.0
        await asyncio.wait(self._late.values(), timeout=patience)
        for pod, ended in self._late.items():
            if ended.done() and any(container.exit_code for container in ended.result().containers):
                await self._pods.forget(pod)

    def ended_late(self, exit: PodExit) -> None:
        """A pod ended while the engine is closing."""
        ended = self._late.get(exit.pod)
        if ended is not None and not ended.done():
            ended.set_result(exit)

    async def drain(self) -> None:
        """Wait for everything begun on pods; HTTP calls are dropped (their rows stay)."""
        for task in list(self._tasks.values()):
            task.cancel()
        while pending := [*self._last.values(), *self._tasks.values()]:
            await asyncio.wait(pending)

    # ------------------------------------------------------------------------------------------ pods

    async def _ensure(self, wf: int, action: EnsurePod) -> None:
        try:
            await self._pods.ensure(action.pod)
        except Exception as error:
            log.warning("the pod could not be started: %s", error, exc_info=True, extra=_about(action))
            now = self._clock.now()
            failed = PodExit(action.pod.name, action.node_id, action.pod.workflow, now, now, error=str(error) or type(error).__name__)
            self.learn(wf, PodExited(action.node_id, failed))

    async def _collect(self, wf: int, action: StoreOutputs) -> None:
        try:
            outputs = await self._pods.collect(action.pod)
        except Exception as error:
            log.warning("the outputs could not be stored: %s", error, exc_info=True, extra=_about(action))
            outputs = StoredOutputs(error=str(error) or type(error).__name__)
        self.learn(wf, OutputsStored(action.node_id, outputs))

    async def _call(self, wf: int, action: CallHttp, http: HttpCall) -> None:
        self.save_fact(wf, await http(action))

    def _after(self, pod: str, work: Work) -> None:
        """Do it after the earlier requests about the pod."""
        task = asyncio.ensure_future(self._next(self._last.get(pod), pod, work))
        self._last[pod] = task
        task.add_done_callback(lambda done: self._last.pop(pod) if self._last.get(pod) is done else None)

    async def _next(self, before: asyncio.Task[None] | None, pod: str, work: Work) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            await work()
        except Exception:
            log.exception("what was asked of the pod failed", extra={"fields": {"pod": pod}})


def _about(action: EnsurePod | StoreOutputs) -> dict[str, dict[str, str]]:
    """What a line of the log is about."""
    return {"fields": {"workflow": action.pod.workflow, "node_id": action.node_id, "pod": action.pod.name, "action": action.kind}}
