"""Carries out the actions of the outbox: pods, memo questions, resources, HTTP calls. What comes of it is told as facts.

Every action may be carried out again after a crash. What concerns one pod is done in the order in which it was asked. Only so many
pods run at once as the machine is thought to bear (as a node of a cluster does); the others wait, as Pending pods do.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Protocol

from retrain.ports import Clock, PodExit, Pods, StoredOutputs
from retrain.workflows.ledger import Ledger
from retrain.workflows.messages import (
    Action,
    Answered,
    AskMemo,
    CallHttp,
    CallResource,
    EnsurePod,
    Fact,
    MemoAnswered,
    OutputsStored,
    PodExited,
    StopPod,
    StoreOutputs,
)

log = logging.getLogger(__name__)

PODS_AT_ONCE = 110  # as many as a kubelet runs by default


class ResourceCalls(Protocol):
    """Carries out `resource` templates."""

    def perform(self, wf: int, action: CallResource, state: str) -> None: ...

    def abandon(self, wf: int, key: str) -> None: ...


Work = Callable[[], Coroutine[None, None, None]]
HttpCall = Callable[[CallHttp], Coroutine[None, None, Answered]]


class Performer:
    """`learn` and `save_fact` are set by the controller, `resources` and `http` by the wiring."""

    def __init__(self, pods: Pods, clock: Clock, *, pods_at_once: int = PODS_AT_ONCE) -> None:
        self._pods = pods
        self._clock = clock
        self._free = pods_at_once
        self._queue: deque[tuple[int, EnsurePod]] = deque()
        self._started: set[str] = set()  # pods that take a place
        self._last: dict[str, asyncio.Task[None]] = {}  # by pod: what was asked last
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}  # HTTP calls
        self.learn: Callable[[int, Fact], bool] = lambda wf, fact: False
        self.save_fact: Callable[[int, Fact], None] = lambda wf, fact: None
        self.resources: ResourceCalls | None = None
        self.http: HttpCall | None = None

    def perform(self, wf: int, action: Action, state: str = "") -> None:
        """Start to carry it out; returns at once."""
        match action:
            case EnsurePod():
                self._queue.append((wf, action))
                self._fill()
            case StopPod():
                self._stop(wf, action)
            case StoreOutputs():
                self._after(action.pod.name, partial(self._collect, wf, action))
            case CallResource() if self.resources is not None:
                self.resources.perform(wf, action, state)
            case CallHttp() if self.http is not None:
                task = asyncio.ensure_future(self._call(wf, action, self.http))
                self._tasks[wf, action.key] = task
                task.add_done_callback(lambda _: self._tasks.pop((wf, action.key), None))
            case _:
                raise ValueError(f"nobody here carries out {action.kind}")

    def answer_memo(self, wf: int, action: AskMemo, ledger: Ledger, now: float) -> None:
        """Look into the memo."""
        not_before = None if action.max_age is None else now - action.max_age
        self.learn(wf, MemoAnswered(action.node_id, ledger.memo(action.cache, action.memo_key, not_before)))

    def abandon(self, wf: int, actions: Iterable[Action]) -> None:
        """The actions are no longer wanted: pods end, calls are dropped; nothing is told."""
        for action in list(actions):
            match action:
                case EnsurePod():
                    if (wf, action) in self._queue:
                        self._queue.remove((wf, action))
                    else:
                        self._after(action.pod.name, partial(self._pods.stop, action.pod.name, 0.0))
                case CallResource() if self.resources is not None:
                    self.resources.abandon(wf, action.key)
                case CallHttp():
                    task = self._tasks.pop((wf, action.key), None)
                    if task is not None:
                        task.cancel()
                case _:
                    pass

    def released(self, pod: str) -> None:
        """The pod ended: its place is free."""
        if pod in self._started:
            self._started.remove(pod)
            self._free += 1
            self._fill()

    def forget(self, pod: str) -> None:
        """Nobody needs the pod's folder any more."""
        self._after(pod, partial(self._pods.forget, pod))

    async def drain(self) -> None:
        """Wait for everything that was begun on pods; HTTP calls are dropped (their rows stay)."""
        self._queue.clear()
        for task in list(self._tasks.values()):
            task.cancel()
        while pending := [*self._last.values(), *self._tasks.values()]:
            await asyncio.wait(pending)

    # ------------------------------------------------------------------------------------------ pods

    def _fill(self) -> None:
        while self._queue and self._free > 0:
            wf, action = self._queue.popleft()
            self._free -= 1
            self._started.add(action.pod.name)
            self._after(action.pod.name, partial(self._ensure, wf, action))

    def _stop(self, wf: int, action: StopPod) -> None:
        for waiting in self._queue:
            if waiting[0] == wf and waiting[1].node_id == action.node_id:
                self._queue.remove(waiting)
                now = self._clock.now()
                self.learn(wf, PodExited(action.node_id, PodExit(action.pod, action.node_id, "", now, now, lost=True)))
                return
        self._after(action.pod, partial(self._pods.stop, action.pod, action.grace_seconds))

    async def _ensure(self, wf: int, action: EnsurePod) -> None:
        try:
            await self._pods.ensure(action.pod)
        except Exception as error:
            log.warning("pod %s could not be started: %s", action.pod.name, error, exc_info=True)
            now = self._clock.now()
            self.released(action.pod.name)
            failed = PodExit(action.pod.name, action.node_id, action.pod.workflow, now, now, error=str(error) or type(error).__name__)
            self.learn(wf, PodExited(action.node_id, failed))

    async def _collect(self, wf: int, action: StoreOutputs) -> None:
        try:
            outputs = await self._pods.collect(action.pod)
        except Exception as error:
            log.warning("outputs of pod %s could not be stored: %s", action.pod.name, error, exc_info=True)
            outputs = StoredOutputs(error=str(error) or type(error).__name__)
        self.learn(wf, OutputsStored(action.node_id, outputs))

    async def _call(self, wf: int, action: CallHttp, http: HttpCall) -> None:
        self.save_fact(wf, await http(action))

    def _after(self, pod: str, work: Work) -> None:
        """Do it when what was asked about the pod before is done."""
        task = asyncio.ensure_future(self._next(self._last.get(pod), pod, work))
        self._last[pod] = task
        task.add_done_callback(lambda done: self._last.pop(pod) if self._last.get(pod) is done else None)

    async def _next(self, before: asyncio.Task[None] | None, pod: str, work: Work) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            await work()
        except Exception:
            log.exception("pod %s", pod)
