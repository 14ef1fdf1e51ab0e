"""The listener: each trigger of each Sensor takes its events from the journal, one after the other, and acts.

A trigger's cursor moves in the transaction in which its action takes effect: after a crash nothing is done twice, and nothing is left out.
Argo acknowledges an event whatever became of the action; so does this, after the retries that `atLeastOnce` with a `retryStrategy` asks
for and the dead-letter trigger.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from localargo.clock import until
from localargo.errors import AlreadyExists, LocalArgoError
from localargo.eventbus.journal import Entry, Journal
from localargo.expressions.cron import Schedule
from localargo.ports import Doc
from localargo.sensors import decide
from localargo.sensors.decide import Dependency, Sensor, Trigger
from localargo.sensors.filters import Rejected
from localargo.sensors.parameters import Taken
from localargo.sensors.rate_limiter import RateLimiter, Steps
from localargo.sensors.triggers import Actor
from localargo.store import transaction

log = logging.getLogger(__name__)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
LONGEST = 1000  # characters of a message
PATIENCE = 24  # turns of the loop
AGAIN = 1.0  # seconds after which a journal that could not be written is tried again


@dataclass(slots=True)
class TriggerSubscription:
    """One trigger at work. `error` is what went wrong last with the event at hand, "" if nothing did.

    `behind`: the last event that had no effect and is not acknowledged on disk yet, with its error. After a crash it is looked at again,
    and has no effect again; so a burst that is refused costs one commit for many events.
    """

    sensor: Sensor
    trigger: Trigger
    limiter: RateLimiter
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    error: str = ""
    behind: tuple[int, str] | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.sensor.name, self.trigger.name


@dataclass(frozen=True, slots=True)
class JournalPosition:
    """Where in the journal an action stands: to be acknowledged with it. `last`: of the event's dependencies."""

    seq: int
    dependency: str
    last: bool


class SensorListener:
    """Runs the triggers of all Sensors. `now` is the clock; `connection` is the journal's, so that effect and cursor are one commit."""

    def __init__(self, connection: sqlite3.Connection, journal: Journal, actor: Actor, now: Callable[[], float]) -> None:
        self._db = connection
        self._journal = journal
        self._actor = actor
        self._now = now
        self._loops: list[asyncio.Task[None]] = []
        self._subscriptions: list[TriggerSubscription] = []
        self.sensors: list[Sensor] = []
        journal.changed.append(self._changed)

    def open(self, documents: Sequence[Doc]) -> None:
        """Subscribe every trigger and begin. Raises Unsupported for an action that does not run here, InvalidInput for a reset's cron."""
        self.sensors = [decide.read(document) for document in documents]
        for sensor in self.sensors:
            for trigger in sensor.triggers:
                self._open(sensor, trigger)
            self._journal.unsubscribe(sensor.name, [t.name for t in sensor.triggers if t.conditions is not None])

    def _open(self, sensor: Sensor, trigger: Trigger) -> None:
        if trigger.conditions is None:
            log.warning("sensor %s trigger %s never runs: %s", sensor.name, trigger.name, trigger.why)
            return
        subscribed = TriggerSubscription(sensor, trigger, RateLimiter(trigger.spec.get("rateLimit")))
        for reset in trigger.template.get("conditionsReset") or []:
            by_time = reset.get("byTime") or {}
            schedule = Schedule(
                f"Sensor/{sensor.name} {trigger.name} conditionsReset.byTime",
                {"schedule": by_time.get("cron"), "timezone": by_time.get("timezone")},
            )
            self._forget_old(subscribed, schedule)
            self._loops.append(asyncio.ensure_future(self._reset(subscribed, schedule)))
        self._journal.subscribe(*subscribed.key)
        self._subscriptions.append(subscribed)
        self._loops.append(asyncio.ensure_future(self._run(subscribed)))
        subscribed.wake.set()

    async def close(self) -> None:
        """End the loops; what is not acknowledged waits in the journal."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        self._loops, self._subscriptions, self.sensors = [], [], []

    def subjects(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """The (source, event) pairs of each (sensor, trigger)."""
        return {(s.name, t.name): sorted({(d.source, d.event) for d in s.bound(t)}) for s in self.sensors for t in s.triggers}

    def _changed(self) -> None:
        for subscribed in self._subscriptions:
            subscribed.wake.set()

    # ------------------------------------------------------------------------------------------ one trigger

    async def _run(self, subscribed: TriggerSubscription) -> None:
        subjects = {(d.source, d.event) for d in subscribed.sensor.bound(subscribed.trigger)}
        while True:
            await subscribed.wake.wait()
            subscribed.wake.clear()
            try:
                while entries := self._journal.waiting(*subscribed.key, subjects):
                    for entry in entries:
                        await self._event(subscribed, entry)
                        await self._give_way()
                    if subscribed.behind is not None:
                        self._journal.acknowledge(*subscribed.key, *subscribed.behind)
                        subscribed.behind = None
            except sqlite3.Error as error:
                log.error("sensor %s trigger %s: the journal cannot be written: %s; again in %.0f s", *subscribed.key, error, AGAIN)
                await asyncio.sleep(AGAIN)
                subscribed.wake.set()

    async def _give_way(self) -> None:
        """While events pour in, taking them comes before acting on them; never for long, and other triggers have their turn."""
        for _ in range(PATIENCE):
            before = self._journal.published
            await asyncio.sleep(0)
            if self._journal.published == before:
                return

    async def _event(self, subscribed: TriggerSubscription, entry: Entry) -> None:
        """One message: every dependency that is bound to its source and event, in their order."""
        bound = subscribed.sensor.bound(subscribed.trigger, entry.event)
        done = self._journal.parts(*subscribed.key, entry.seq) if len(bound) > 1 else set()
        subscribed.error = ""
        for index, dependency in enumerate(bound):
            if dependency.name in done:
                continue
            position = JournalPosition(entry.seq, dependency.name, index == len(bound) - 1)
            try:
                await self._dependency(subscribed, dependency, entry, position)
            except sqlite3.Error:
                raise
            except Exception as error:  # whatever a stranger's event brings about, the next one is looked at
                log.exception("sensor %s trigger %s: event %s", *subscribed.key, entry.event.id)
                subscribed.error = one_line(f"{type(error).__name__}: {error}")
                self._acknowledge(subscribed, position)
        if bound[-1].name in done:  # the Sensor has been changed in between
            self._journal.acknowledge(*subscribed.key, entry.seq)

    async def _dependency(self, subscribed: TriggerSubscription, dependency: Dependency, entry: Entry, position: JournalPosition) -> None:
        try:
            taken = decide.take(dependency, entry.event)
        except Rejected as why:
            log.info(
                "sensor %s dependency %s: event %s rejected: %s", subscribed.sensor.name, dependency.name, entry.event.id, one_line(why)
            )
            self._without_effect(subscribed, position)
            return
        keeps = subscribed.trigger.conditions is not None and subscribed.trigger.conditions.keeps
        slots = self._journal.slots(*subscribed.key) if keeps else {}
        names = subscribed.trigger.together(slots, dependency.name)
        if names is None:
            with transaction(self._db):
                if keeps:
                    self._journal.keep_slot(*subscribed.key, dependency.name, Entry(entry.seq, entry.event, entry.at))
                self._acknowledge(subscribed, position)
            return
        events = {name: taken if name == dependency.name else self._kept(subscribed, name, slots[name]) for name in names}
        await subscribed.limiter.wait()
        await self._act(subscribed, events, position)

    def _kept(self, subscribed: TriggerSubscription, name: str, slot: Entry) -> Taken:
        (dependency,) = [d for d in subscribed.sensor.dependencies if d.name == name]
        return decide.take(dependency, slot.event)

    def _acknowledge(self, subscribed: TriggerSubscription, position: JournalPosition) -> None:
        """This event is dealt with for this dependency; part of the open transaction, if there is one."""
        if position.last:
            self._journal.acknowledge(*subscribed.key, position.seq, subscribed.error)
            subscribed.behind = None
        else:
            self._journal.acknowledge_part(*subscribed.key, position.seq, position.dependency)

    def _without_effect(self, subscribed: TriggerSubscription, position: JournalPosition) -> None:
        if position.last:
            subscribed.behind = (position.seq, subscribed.error)

    # ------------------------------------------------------------------------------------------ acting

    async def _act(self, subscribed: TriggerSubscription, events: Mapping[str, Taken], position: JournalPosition) -> None:
        """Do the trigger's action, with retries and the dead-letter trigger where they are asked for."""
        spec = subscribed.trigger.spec
        if await self._tried(subscribed, subscribed.trigger, events, position, bool(spec.get("atLeastOnce"))):
            return
        letter = spec.get("dlqTrigger") if spec.get("atLeastOnce") else None
        if letter and await self._tried(subscribed, decide.dead_letter(letter, subscribed.trigger), events, position, True):
            return
        if subscribed.trigger.conditions is not None and subscribed.trigger.conditions.keeps:
            with transaction(self._db):
                self._finish(subscribed, position)
        else:
            self._without_effect(subscribed, position)

    async def _tried(
        self, subscribed: TriggerSubscription, trigger: Trigger, events: Mapping[str, Taken], position: JournalPosition, again: bool
    ) -> bool:
        """Whether the action took effect; then it is acknowledged."""
        try:
            steps = Steps(trigger.spec.get("retryStrategy") if again else None)
        except LocalArgoError as error:
            self._failed(subscribed, trigger, error)
            return False
        for attempt in range(steps.tries):
            if attempt:
                await asyncio.sleep(steps.pause())
            try:
                await self._do(subscribed, trigger, events, position)
                return True
            except LocalArgoError as error:
                self._failed(subscribed, trigger, error)
        return False

    def _failed(self, subscribed: TriggerSubscription, trigger: Trigger, error: LocalArgoError) -> None:
        subscribed.error = one_line(error)
        # a name that is taken is how bursts are joined: nothing to worry about
        level = logging.INFO if isinstance(error, AlreadyExists) else logging.ERROR
        log.log(level, "sensor %s trigger %s: %s", subscribed.sensor.name, trigger.name, subscribed.error)

    async def _do(self, subscribed: TriggerSubscription, trigger: Trigger, events: Mapping[str, Taken], position: JournalPosition) -> None:
        """The effect and the acknowledgement, together or not at all; what is done elsewhere is acknowledged after it."""
        action = decide.act(subscribed.sensor.name, trigger, events, self._now(), self._actor.configmap)
        if action.kind in ("http", "log"):
            await self._actor.elsewhere(action)
            with transaction(self._db):
                self._finish(subscribed, position)
            return
        with transaction(self._db):
            self._actor.on_objects(action)
            self._finish(subscribed, position)

    def _finish(self, subscribed: TriggerSubscription, position: JournalPosition) -> None:
        """The conditions begin anew, also when the action has failed."""
        if subscribed.trigger.conditions is not None and subscribed.trigger.conditions.keeps:
            self._journal.clear_slots(*subscribed.key)
        self._acknowledge(subscribed, position)

    # ------------------------------------------------------------------------------------------ resets

    def _forget_old(self, subscribed: TriggerSubscription, schedule: Schedule) -> None:
        """What waited before the last reset that nobody was there to make."""
        now = self._now()
        for dependency, slot in self._journal.slots(*subscribed.key).items():
            due = schedule.after(slot.at)
            if due is not None and due <= now:
                self._journal.clear_slot(*subscribed.key, dependency)

    async def _reset(self, subscribed: TriggerSubscription, schedule: Schedule) -> None:
        """Forget waiting events at the times of a cron schedule."""
        while (due := schedule.after(self._now())) is not None:
            await until(due, self._now)
            try:
                self._journal.clear_slots(*subscribed.key)
            except sqlite3.Error as error:
                log.error("sensor %s trigger %s: conditionsReset: %s", *subscribed.key, error)


def one_line(what: object) -> str:
    """A message that may quote an event, as one subscribed of bounded length: a stranger writes no lines of our log."""
    return CONTROL.sub(" ", str(what))[:LONGEST]
