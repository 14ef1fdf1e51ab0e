"""The listener: each trigger of each Sensor reads its events from the journal, one after the other, and acts.

A trigger's cursor moves in the transaction in which its action takes effect: after a crash no action is repeated and none is lost.
Like Argo, it acknowledges an event even when the action failed: after the retries that `atLeastOnce` with a `retryStrategy` asks for,
and after the dead-letter trigger.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from localargo.clock import until
from localargo.errors import AlreadyExists, LocalArgoError
from localargo.eventbus.journal import Entry, Journal
from localargo.eventbus.outcomes import Outcome, Told
from localargo.expressions.cron import Schedule
from localargo.ports import Doc
from localargo.sensors import decide
from localargo.sensors.decide import Dependency, Sensor, Trigger
from localargo.sensors.filters import Rejected
from localargo.sensors.parameters import AcceptedEvent
from localargo.sensors.rate_limiter import RateLimiter, RetrySchedule
from localargo.sensors.triggers import Actor
from localargo.store import transaction

log = logging.getLogger(__name__)
Events = Mapping[str, AcceptedEvent]  # by the dependency that accepted it
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
MESSAGE_LENGTH = 1000  # characters of a message
MAX_TURNS = 24  # turns of the loop
DONE = Outcome("done")
RETRY_SECONDS = 1.0  # seconds until the next try to write the journal


@dataclass(slots=True)
class TriggerSubscription:
    """One trigger and its state. `error`: the last error with the current event, "" when there was none.

    `unacknowledged`: the last event that had no effect and is not yet acknowledged on disk, with its error. After a crash it is read
    again and has no effect again; so a burst of rejected events costs one commit for many events and their outcomes (`told`).
    """

    sensor: Sensor
    trigger: Trigger
    limiter: RateLimiter
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    error: str = ""
    unacknowledged: tuple[int, str] | None = None
    outcome: Outcome = DONE  # of the current event
    told: list[Told] = field(default_factory=list)  # outcomes that are not on disk yet

    @property
    def key(self) -> tuple[str, str]:
        return self.sensor.name, self.trigger.name


@dataclass(frozen=True, slots=True)
class JournalPosition:
    """What an action acknowledges in the journal. `last`: this is the last of the dependencies that the event is for.

    `others`: events that waited for this one, with their dependencies.
    """

    seq: int
    dependency: str
    last: bool
    others: tuple[tuple[int, str], ...] = ()


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
        """Subscribe every trigger and start. Raises Unsupported for an action that does not run here, InvalidInput for a reset's cron."""
        self.sensors = [decide.read(document) for document in documents]
        for sensor in self.sensors:
            for trigger in sensor.triggers:
                self._open(sensor, trigger)
            self._journal.unsubscribe(sensor.name, [t.name for t in sensor.triggers if t.conditions is not None])

    def _open(self, sensor: Sensor, trigger: Trigger) -> None:
        if trigger.conditions is None:
            log.warning("sensor %s trigger %s never runs: %s", sensor.name, trigger.name, trigger.reason)
            return
        subscription = TriggerSubscription(sensor, trigger, RateLimiter(trigger.spec.get("rateLimit")))
        for reset in trigger.template.get("conditionsReset") or []:
            by_time = reset.get("byTime") or {}
            schedule = Schedule(
                f"Sensor/{sensor.name} {trigger.name} conditionsReset.byTime",
                {"schedule": by_time.get("cron"), "timezone": by_time.get("timezone")},
            )
            self._forget_old(subscription, schedule)
            self._loops.append(asyncio.ensure_future(self._reset(subscription, schedule)))
        self._journal.subscribe(*subscription.key)
        self._subscriptions.append(subscription)
        self._loops.append(asyncio.ensure_future(self._run(subscription)))
        subscription.wake.set()

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
        for subscription in self._subscriptions:
            subscription.wake.set()

    # ------------------------------------------------------------------------------------------ one trigger

    async def _run(self, subscription: TriggerSubscription) -> None:
        subjects = {(d.source, d.event) for d in subscription.sensor.bound(subscription.trigger)}
        while True:
            await subscription.wake.wait()
            subscription.wake.clear()
            try:
                while entries := self._journal.waiting(*subscription.key, subjects):
                    for entry in entries:
                        await self._event(subscription, entry)
                        await self._yield_to_publishers()
                    if subscription.unacknowledged is not None:
                        self._journal.acknowledge(*subscription.key, *subscription.unacknowledged, subscription.told)
                        subscription.unacknowledged = None
                        subscription.told = []
            except sqlite3.Error as error:
                message = "sensor %s trigger %s: the journal cannot be written: %s; next try in %.0f s"
                log.error(message, *subscription.key, error, RETRY_SECONDS)
                await asyncio.sleep(RETRY_SECONDS)
                subscription.wake.set()

    async def _yield_to_publishers(self) -> None:
        """During a burst, storing new events comes before acting on them, for a bounded time; other triggers get their turn."""
        for _ in range(MAX_TURNS):
            before = self._journal.published
            await asyncio.sleep(0)
            if self._journal.published == before:
                return

    async def _event(self, subscription: TriggerSubscription, entry: Entry) -> None:
        """One message: every dependency that is bound to its source and event, in their order."""
        bound = subscription.sensor.bound(subscription.trigger, entry.event)
        done = self._journal.parts(*subscription.key, entry.seq) if len(bound) > 1 else set()
        subscription.error = ""
        for index, dependency in enumerate(bound):
            if dependency.name in done:
                continue
            position = JournalPosition(entry.seq, dependency.name, index == len(bound) - 1)
            try:
                await self._dependency(subscription, dependency, entry, position)
            except sqlite3.Error:
                raise
            except Exception as error:  # no event, whoever sent it, may stop those after it
                log.exception("sensor %s trigger %s: event %s", *subscription.key, entry.event.id)
                subscription.error = one_line(f"{type(error).__name__}: {error}")
                subscription.outcome = Outcome("failed", subscription.error)
                self._acknowledge(subscription, position)
        if bound[-1].name in done:  # the Sensor was changed meanwhile
            self._journal.acknowledge(*subscription.key, entry.seq)

    async def _dependency(self, subscription: TriggerSubscription, dependency: Dependency, entry: Entry, position: JournalPosition) -> None:
        try:
            taken = decide.accept(dependency, entry.event)
        except Rejected as rejection:
            log.info(
                "sensor %s dependency %s: event %s rejected: %s",
                subscription.sensor.name,
                dependency.name,
                entry.event.id,
                one_line(rejection),
            )
            subscription.outcome = Outcome("rejected", one_line(rejection))
            self._without_effect(subscription, position)
            return
        keeps = subscription.trigger.conditions is not None and subscription.trigger.conditions.joins
        slots = self._journal.slots(*subscription.key) if keeps else {}
        names = subscription.trigger.events_to_join(slots, dependency.name)
        if names is None:
            subscription.outcome = Outcome("waits" if keeps else "done")
            with transaction(self._db):
                if keeps:
                    self._journal.keep_slot(*subscription.key, dependency.name, Entry(entry.seq, entry.event, entry.at))
                self._acknowledge(subscription, position)
            return
        events = {name: taken if name == dependency.name else self._kept(subscription, name, slots[name]) for name in names}
        await subscription.limiter.wait()
        others = tuple((slots[name].seq, name) for name in names if name != dependency.name)
        await self._act(subscription, events, replace(position, others=others))

    def _kept(self, subscription: TriggerSubscription, name: str, slot: Entry) -> AcceptedEvent:
        (dependency,) = [d for d in subscription.sensor.dependencies if d.name == name]
        return decide.accept(dependency, slot.event)

    def _acknowledge(self, subscription: TriggerSubscription, position: JournalPosition) -> None:
        """Acknowledge the event for this dependency; part of the open transaction, if there is one."""
        told = [*subscription.told, *self._told(subscription, position)]
        if position.last:
            self._journal.acknowledge(*subscription.key, position.seq, subscription.error, told)
            subscription.unacknowledged = None
        else:
            self._journal.acknowledge_part(*subscription.key, position.seq, position.dependency, told)
        subscription.told = []

    def _without_effect(self, subscription: TriggerSubscription, position: JournalPosition) -> None:
        subscription.told += self._told(subscription, position)
        if position.last:
            subscription.unacknowledged = (position.seq, subscription.error)

    def _told(self, subscription: TriggerSubscription, position: JournalPosition) -> list[Told]:
        """What became of the event, and of those that waited for it."""
        events = ((position.seq, position.dependency), *position.others)
        return [Told(seq, *subscription.key, dependency, subscription.outcome) for seq, dependency in events]

    # ------------------------------------------------------------------------------------------ acting

    async def _act(self, subscription: TriggerSubscription, events: Events, position: JournalPosition) -> None:
        """Do the trigger's action, with retries and the dead-letter trigger if the manifest sets them."""
        spec = subscription.trigger.spec
        if await self._try(subscription, subscription.trigger, events, position, bool(spec.get("atLeastOnce"))):
            return
        letter = spec.get("dlqTrigger") if spec.get("atLeastOnce") else None
        if letter and await self._try(subscription, decide.dead_letter(letter, subscription.trigger), events, position, True):
            return
        if subscription.trigger.conditions is not None and subscription.trigger.conditions.joins:
            with transaction(self._db):
                self._finish(subscription, position)
        else:
            self._without_effect(subscription, position)

    async def _try(
        self,
        subscription: TriggerSubscription,
        trigger: Trigger,
        events: Events,
        position: JournalPosition,
        retry: bool,
    ) -> bool:
        """Whether the action took effect; then it is acknowledged."""
        try:
            schedule = RetrySchedule(trigger.spec.get("retryStrategy") if retry else None)
        except LocalArgoError as error:
            self._failed(subscription, trigger, error)
            return False
        for attempt in range(schedule.tries):
            if attempt:
                await asyncio.sleep(schedule.pause())
            subscription.outcome = DONE
            try:
                await self._do(subscription, trigger, events, position)
                return True
            except LocalArgoError as error:
                self._failed(subscription, trigger, error)
        return False

    def _failed(self, subscription: TriggerSubscription, trigger: Trigger, error: LocalArgoError) -> None:
        subscription.error = one_line(error)
        expected = isinstance(error, AlreadyExists)
        subscription.outcome = replace(subscription.outcome, outcome="exists" if expected else "failed", reason=subscription.error)
        # bursts are merged by giving their Workflows one name: a name that exists is expected
        level = logging.INFO if expected else logging.ERROR
        log.log(level, "sensor %s trigger %s: %s", subscription.sensor.name, trigger.name, subscription.error)

    async def _do(self, subscription: TriggerSubscription, trigger: Trigger, events: Events, position: JournalPosition) -> None:
        """The effect and the acknowledgement in one transaction; an http or log action is acknowledged after it is done."""
        action = decide.act(subscription.sensor.name, trigger, events, self._now(), self._actor.configmap)
        if action.kind in ("http", "log"):
            await self._actor.elsewhere(action)
            with transaction(self._db):
                self._finish(subscription, position)
            return
        subscription.outcome = Outcome("done", "", *named(action.resource))
        with transaction(self._db):
            made = self._actor.on_objects(action)
            if made is not None:
                subscription.outcome = Outcome("created", "", *named(made))
            self._finish(subscription, position)

    def _finish(self, subscription: TriggerSubscription, position: JournalPosition) -> None:
        """The conditions start again, also when the action failed."""
        if subscription.trigger.conditions is not None and subscription.trigger.conditions.joins:
            self._journal.clear_slots(*subscription.key)
        self._acknowledge(subscription, position)

    # ------------------------------------------------------------------------------------------ resets

    def _forget_old(self, subscription: TriggerSubscription, schedule: Schedule) -> None:
        """Forget events that a reset would have forgotten while the engine was not running."""
        now = self._now()
        for dependency, slot in self._journal.slots(*subscription.key).items():
            due = schedule.after(slot.at)
            if due is not None and due <= now:
                self._journal.clear_slot(*subscription.key, dependency)

    async def _reset(self, subscription: TriggerSubscription, schedule: Schedule) -> None:
        """Forget waiting events at the times of a cron schedule."""
        while (due := schedule.after(self._now())) is not None:
            await until(due, self._now)
            try:
                self._journal.clear_slots(*subscription.key)
            except sqlite3.Error as error:
                log.error("sensor %s trigger %s: conditionsReset: %s", *subscription.key, error)


def named(document: Doc) -> tuple[str, str]:
    """Kind and name of an object; the name may still have to be made."""
    metadata = document.get("metadata")
    return str(document.get("kind") or ""), str((metadata.get("name") if isinstance(metadata, dict) else "") or "")


def one_line(what: object) -> str:
    """A message that may quote an event, as one line of bounded length, so that an event cannot forge lines of the log."""
    return CONTROL.sub(" ", str(what))[:MESSAGE_LENGTH]
