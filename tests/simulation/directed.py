"""A history that is written down: what somebody does at a write of the bucket, or to a Workflow that begins; nothing else goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulation.asked import MODEL, Asked, Change, encoded
from tests.simulation.bucket import Faults
from tests.simulation.scheduler import Flow
from tests.simulation.workflows import Workflow
from tests.simulation.world import World

Deed = Callable[["Directed"], None]
NOW = {"model": MODEL, "reason": "a person", "source": "submit", "now": "yes"}


class Scripted(Faults):
    """What is done, one after the other, by the first process that asks the bucket for it."""

    def __init__(self, world: Directed, script: Sequence[tuple[str, Deed]]) -> None:
        super().__init__(world.random, 0.0, 0)
        self.world, self.script = world, list(script)

    def next(self, what: str, *, write: bool) -> str:
        if self.script and what.startswith(self.script[0][0]):
            self.script.pop(0)[1](self.world)
        return super().next(what, write=write)


class Directed(World):
    """`at`: what is done when a key that begins so is first written; `begun`: how the first Workflow whose name begins so is ended at
    once, stop or terminate; `script`: what is done before a request that begins so, in this order."""

    def __init__(
        self,
        asked: Asked,
        changes: Sequence[Change],
        at: dict[str, Deed],
        begun: dict[str, str] | None = None,
        script: Sequence[tuple[str, Deed]] = (),
    ) -> None:
        super().__init__(0, [asked], changes)
        self.at, self.begun = dict(at), dict(begun or {})
        self.faults = self.scripted = Scripted(self, script)
        self.bucket.watchers.append(self._written)

    def _written(self, key: str, _before: bytes | None, _after: bytes | None) -> None:
        for prefix in [each for each in self.at if key.startswith(each)]:
            self.at.pop(prefix)(self)

    def created(self, workflow: Workflow) -> None:
        for prefix in [each for each in self.begun if workflow.name.startswith(each)]:
            self.engine.stop(workflow, self.begun.pop(prefix))

    def is_over(self) -> bool:
        """Whether everything that was to be done has been done."""
        return not self.at and not self.begun and not self.scripted.script

    def end(self, how: str) -> None:
        """Somebody stops or terminates what runs."""
        for workflow in list(self.engine.active):
            self.engine.stop(workflow, how)

    def stand(self, seconds: float, *, left: bool) -> None:
        """The process stands still; `left`: its step is done by another meanwhile."""
        assert self.scheduler.current is not None
        self.scheduler.current.left = left
        self.scheduler.freeze(seconds, whole=True)

    def later(self, change: Change, now: float | None = None) -> None:
        """Somebody changes the data, and submits with --now so many seconds after that."""
        self._begin(self._later(change, now))

    def _later(self, change: Change, now: float | None) -> Flow:
        yield change.after
        self.bucket.put(f"incoming/{MODEL}/{change.key}.csv", change.content or b"")
        self.scheduler.start("event", self._event(0.0, self.scheduler.now))
        if now is not None:
            yield now
            self.engine.create("now-0", event=encoded(NOW))
        self.open -= 1
