"""Waiting for a condition on a Workflow's run, in the engine's own process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from localargo.errors import NotFound
from localargo.workflows.controller import Controller
from localargo.workflows.messages import Run

Condition = Callable[[Run], bool]


class Waiters:
    """Conditions that are checked each time their Workflow changes."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._waiting: dict[str, list[tuple[Condition, asyncio.Future[None]]]] = {}
        controller.listeners.append(self._changed)

    async def until(self, name: str, holds: Condition) -> None:
        """Return when the condition holds. Raises NotFound when there is no such Workflow (any more), and the engine's own failure."""
        if holds(self._controller.run_of(name)):
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, []).append((holds, waiter))
        await asyncio.wait([waiter, self._controller.failed], return_when=asyncio.FIRST_COMPLETED)
        if self._controller.failed.done():
            self._controller.failed.result()
        waiter.result()

    def _changed(self, name: str) -> None:
        waiting = self._waiting.pop(name, None)
        if not waiting:
            return
        try:
            run = self._controller.run_of(name)
        except NotFound as error:  # deleted
            for _, waiter in waiting:
                waiter.set_exception(error)
            return
        for holds, waiter in waiting:
            if waiter.done():
                continue
            if holds(run):
                waiter.set_result(None)
            else:
                self._waiting.setdefault(name, []).append((holds, waiter))
