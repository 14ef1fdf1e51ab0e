"""One simulated history: somebody changes the data, events tell of it or do not, Workflows run the real handlers, and things go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from handlers import backfill
from handlers.events import outbox
from handlers.runs import requests, snapshots, trained
from tests.simulation.asked import MODEL, Asked, Change, encoded, history_of, past_state
from tests.simulation.bucket import PAGE, Bucket, Faults
from tests.simulation.rules import Receiver, Rules
from tests.simulation.scheduler import START, Flow, Scheduler
from tests.simulation.stand_ins import Here
from tests.simulation.watch import Watch
from tests.simulation.workflows import Engine, Workflow

TICK = 900.0
TICKS = 240  # heal ticks after the last change at the most
LASTLY = 2  # of them, after all is done
DAY = 86400.0


class World:
    """A seed's history. `quiet`: nothing goes wrong, each change is told of once and comes after everything before it has ended."""

    def __init__(self, seed: int, asked: Sequence[Asked], changes: Sequence[Change] | None = None) -> None:
        self.seed = seed
        self.quiet = changes is not None
        self.random = Random(seed)
        self.asked = asked[self.random.randrange(len(asked))]
        self.changes = history_of(self.random) if changes is None else list(changes)
        self.scheduler = Scheduler(self.random)
        self.bucket = Bucket(lambda: self.scheduler.now, 2 if self.random.random() < 0.2 else PAGE)
        chance = 0.0 if self.quiet else self.random.choice((0.0, 0.003, 0.01, 0.03))
        self.faults = Faults(self.random, chance, self.random.randrange(3))
        self.skew = 0.0 if self.quiet else self.random.choice((0.0, 0.0, 30.0, -30.0))
        self.watch = Watch(self.bucket, MODEL, len(self.asked.trials), lambda: self.scheduler.now)
        self.rules = Rules(self.bucket, self.asked.spec, lambda: self.scheduler.now, self.watch.wrong)
        self.receiver = Receiver(self.bucket, self.scheduler, self.watch.wrong, failing=0.0 if self.quiet else 0.4)
        self.engine = Engine(self)
        self.past: list[dict[str, object]] = []
        self.open = 0  # of what somebody asks for beside the changes
        self.meets = False  # whether somebody will submit as a run is about to end

    def play(self) -> Watch:
        """Everything from the first change to the last tick."""
        Here.scheduler, Here.receiver = self.scheduler, self.receiver
        self.scheduler.start("changes", self._changes())
        if not self.quiet:
            for _ in range(self.random.randrange(3) if self.asked.kind.now else 0):
                self._begin(self._submit(self.random.choice((1.0, 30.0, 200.0, 900.0, 2500.0))))
            self.meets = self.random.random() < 0.4
            self.bucket.watchers.append(self._meet)
            for _ in range(self.random.choice((1, 2, 2)) if self.asked.kind.past else 0):
                self._begin(self._backfill(START - DAY * self.random.choice((1, 2, 40))))
        self.scheduler.run()
        return self.watch

    # what happens outside

    def _begin(self, flow: Flow) -> None:
        self.open += 1
        self.scheduler.start("somebody", flow)

    def _changes(self) -> Flow:
        for change in self.changes:
            if self.quiet:
                while self.engine.active:
                    yield 60.0
            yield change.after
            batch = f"batches/{MODEL}/{change.key}/"
            key = f"{batch}x.csv" if self.asked.kind.batches else f"incoming/{MODEL}/{change.key}.csv"
            if change.content is None:
                self.bucket.delete(key)
            else:
                self.bucket.put(key, change.content)
            if self.asked.kind.batches:
                yield 1.0
                self.bucket.put(f"{batch}_READY", b"")
            for late in self._told():
                self.scheduler.start("event", self._event(late, self.scheduler.now))
        self.scheduler.start("ticks", self._ticks())

    def _told(self) -> list[float]:
        """How late each notification of a change comes: none when it is lost, two when it is doubled."""
        if self.quiet:
            return [0.0]
        if self.random.random() < 0.15:
            return []
        return [self.random.choice((0.0, 1.0, 5.0, 12.0, 25.0, 300.0)) for _ in range(self.random.choice((1, 1, 1, 2, 3)))]

    def _event(self, late: float, at: float) -> Flow:
        yield late
        # most sources give an event the time at which they pass it on, by their own clock
        window = self._window(self.scheduler.now if self.random.random() < 0.7 else at)
        self.engine.create(f"retrain-{MODEL}-{window}", str(window))

    def _window(self, at: float) -> int:
        return int(at + self.skew) // 10

    def _submit(self, after: float) -> Flow:
        """Somebody submits with --now."""
        yield after
        number = sum(name.startswith("now-") for name in self.engine.names)
        self.engine.create(f"now-{number}", event=encoded({"model": MODEL, "reason": "a person", "source": "submit", "now": "yes"}))
        self.open -= 1

    def _meet(self, key: str, _before: bytes | None, _after: bytes | None) -> None:
        """Somebody submits as a run is about to end: what it wants and the release of the claim may come at the same time."""
        if self.meets and key.endswith("/evaluations/valid.json"):
            self.meets = False
            self._begin(self._submit(self.random.random() * 3))

    def _backfill(self, moment: float) -> Flow:
        """Somebody asks for a past state until something has come of it."""
        event = past_state(self.asked, moment)
        self.past.append(event)
        yield self.random.choice((20.0, 300.0, 1500.0))
        for _ in range(TICKS):
            step = backfill.step(self.bucket, MODEL, event)
            if step.outcome:
                break
            if not step.run and self.random.random() < 0.9:
                window = self._window(self.scheduler.now)
                self.engine.create(f"retrain-{MODEL}-{int(moment)}-{window}", str(window), encoded(event))
            yield self.random.choice((30.0, 400.0, 1000.0))
        self.open -= 1

    def created(self, workflow: Workflow) -> None:
        """Somebody may stop it."""
        if not self.quiet and self.faults.harm > 0 and self.random.random() < 0.06:
            self.faults.harm -= 1
            self.scheduler.start("somebody", self._stop(workflow))

    def _stop(self, workflow: Workflow) -> Flow:
        yield self.random.choice((1.0, 10.0, 60.0, 600.0))
        if workflow in self.engine.active:
            how = self.random.choice(("stop", "terminate"))
            self.faults.happened.append(f"{how} {workflow.name}")
            self.engine.stop(workflow, how)

    def _ticks(self) -> Flow:
        if not self.quiet:
            yield self.random.random() * TICK
        lastly = 0
        for _ in range(TICKS):
            # a process that stands still will go on, and what it does then is for the next tick
            done = not self.open and not self.engine.active and not self.scheduler.processes() and self.is_settled()
            lastly = lastly + 1 if done else 0
            if lastly > LASTLY:
                return
            yield self.scheduler.start("heal", self.engine.tick(self._window(self.scheduler.now)))
            yield TICK

    # what must hold at the end

    def is_settled(self) -> bool:
        return self.is_trained() is not False and not self.untold() and not self.rules.at_the_end()

    def is_trained(self) -> bool | None:
        """Whether the state of the data is trained; None where `trigger` says that it need not be."""
        taken = snapshots.look(self.bucket, self.asked.spec)
        named = trained.named(self.asked.spec, taken.digest)
        if trained.run_of(self.bucket, MODEL, named.digest) is not None:
            return True
        return None if self.rules.need_not(named.digest, taken) else False

    def untold(self) -> list[str]:
        """Events that wait to be delivered, of runs that have ended."""
        there = [entry for entry, _ in outbox.entries(self.bucket)]
        return [entry.key for entry in there if requests.result(self.bucket, MODEL, entry.run) is not None]

    def wrong(self, quiet: tuple[str, str] | None) -> list[str]:
        """Everything that was wrong. `quiet` is the champion of the quiet history."""
        is_trained = self.is_trained()
        compared = is_trained and not self.asked.kind.promote
        found = self.watch.at_the_end(is_trained is not False, quiet if compared else self.watch.champion())
        found += [f"{key} was not delivered" for key in self.untold()]
        found += self.receiver.untold(self.asked.spec.notify)
        found += self.rules.at_the_end()
        for event in self.past:
            step = backfill.step(self.bucket, MODEL, event)
            if not step.outcome:
                found.append(f"nothing came of the past state {step.as_of} ({step.run})")
        return found
