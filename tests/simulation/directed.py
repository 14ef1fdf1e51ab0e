"""A history that is written down: what somebody does at a write of the bucket, or to a Workflow that begins; nothing else goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulation.asked import MODEL, Asked, Change, encoded
from tests.simulation.scheduler import Flow
from tests.simulation.workflows import Workflow
from tests.simulation.world import World

Deed = Callable[["Directed"], None]
NOW = {"model": MODEL, "reason": "a person", "source": "submit", "now": "yes"}


class Directed(World):
    """`at`: what is done when a key that begins so is first written; `begun`: how the first Workflow whose name begins so is ended at
    once, stop or terminate."""

    def __init__(
        self, seed: int, asked: Asked, changes: Sequence[Change], at: dict[str, Deed], begun: dict[str, str] | None = None
    ) -> None:
        super().__init__(seed, [asked], changes)
        self.at, self.begun = dict(at), dict(begun or {})
        self.bucket.watchers.append(self._written)

    def _written(self, key: str, _before: bytes | None, _after: bytes | None) -> None:
        for prefix in [each for each in self.at if key.startswith(each)]:
            self.at.pop(prefix)(self)

    def created(self, workflow: Workflow) -> None:
        for prefix in [each for each in self.begun if workflow.name.startswith(each)]:
            self.engine.stop(workflow, self.begun.pop(prefix))

    def end(self, how: str) -> None:
        """Somebody stops or terminates what runs."""
        for workflow in list(self.engine.active):
            self.engine.stop(workflow, how)

    def later(self, change: Change, now: float) -> None:
        """Somebody changes the data, and submits with --now so many seconds after that."""
        self._begin(self._later(change, now))

    def _later(self, change: Change, now: float) -> Flow:
        yield change.after
        self.bucket.put(f"incoming/{MODEL}/{change.key}.csv", change.content or b"")
        self.scheduler.start("event", self._event(0.0, self.scheduler.now))
        yield now
        self.engine.create("now-0", event=encoded(NOW))
        self.open -= 1
