"""The listener: each trigger of each Sensor takes its events from the journal, one after the other, and acts.

A trigger's cursor moves in the transaction in which its action takes effect. Argo acknowledges an event whatever became of the action; so does
this, after the retries that `atLeastOnce` with a `retryStrategy` asks for and the dead-letter trigger.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

from retrain.errors import RetrainError
from retrain.eventbus.journal import Entry, Journal
from retrain.expressions import ExpressionError, gotext
from retrain.expressions.cron import Schedule
from retrain.ports import Doc
from retrain.sensors import decide
from retrain.sensors.decide import Action, Sensor, Trigger
from retrain.sensors.filters import Rejected
from retrain.sensors.parameters import Taken
from retrain.sensors.triggers import Actor
from retrain.store import transaction

log = logging.getLogger(__name__)
_chance = random.SystemRandom()
UNITS = {"Second": 1.0, "Minute": 60.0, "Hour": 3600.0}


class SensorListener:
    """Runs the triggers of all Sensors. `now` is the clock."""

    def __init__(self, connection: sqlite3.Connection, journal: Journal, actor: Actor, now: Callable[[], float]) -> None:
        self._db = connection
        self._journal = journal
        self._actor = actor
        self._now = now
        self._loops: list[asyncio.Task[None]] = []
        self._wakes: list[asyncio.Event] = []
        self.sensors: list[Sensor] = []
        journal.changed.append(self._changed)

    def open(self, documents: Sequence[Doc]) -> None:
        """Subscribe every trigger and begin. Raises Unsupported for an action that does not run here."""
        self.sensors = [decide.read(document) for document in documents]
        for sensor in self.sensors:
            for trigger in sensor.triggers:
                if trigger.conditions is None:
                    log.warning("sensor %s trigger %s never runs: %s", sensor.name, trigger.name, trigger.why)
                    continue
                self._journal.subscribe(sensor.name, trigger.name)
                wake = asyncio.Event()
                wake.set()
                self._wakes.append(wake)
                self._loops.append(asyncio.ensure_future(self._run(sensor, trigger, wake)))
                for reset in trigger.template.get("conditionsReset") or []:
                    self._loops.append(asyncio.ensure_future(self._reset(sensor, trigger, reset.get("byTime") or {})))
            self._journal.unsubscribe(sensor.name, [t.name for t in sensor.triggers])

    async def close(self) -> None:
        """End the loops; what is not acknowledged waits in the journal."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        self._loops, self._wakes, self.sensors = [], [], []

    def subjects(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """The (source, event) pairs of each (sensor, trigger)."""
        return {(s.name, t.name): [(d.source, d.event) for d in s.bound(t)] for s in self.sensors for t in s.triggers}

    def _changed(self) -> None:
        for wake in self._wakes:
            wake.set()

    # ------------------------------------------------------------------------------------------ one trigger

    async def _run(self, sensor: Sensor, trigger: Trigger, wake: asyncio.Event) -> None:
        bound = sensor.bound(trigger)
        subjects = {(d.source, d.event) for d in bound}
        pace = Pace(trigger.spec.get("rateLimit"))
        while True:
            await wake.wait()
            wake.clear()
            while entries := self._journal.waiting(sensor.name, trigger.name, subjects):
                for entry in entries:
                    try:
                        await self._one(sensor, trigger, entry, pace)
                    except sqlite3.Error:
                        raise
                    except Exception as error:
                        log.exception("sensor %s trigger %s: event %s", sensor.name, trigger.name, entry.event.id)
                        self._journal.acknowledge(sensor.name, trigger.name, entry.seq, f"defect: {error!r}")

    async def _one(self, sensor: Sensor, trigger: Trigger, entry: Entry, pace: Pace) -> None:
        """One message: every dependency that is bound to its source and event, in their order."""
        event = entry.event
        for dependency in sensor.bound(trigger):
            if (dependency.source, dependency.event) != (event.source, event.subject):
                continue
            try:
                taken = decide.take(dependency, event)
            except Rejected as why:
                log.info("sensor %s dependency %s: event %s rejected: %s", sensor.name, dependency.name, event.id, why)
                continue
            events = self._together(sensor, trigger, dependency.name, Entry(entry.seq, event, entry.at), taken)
            if events is not None:
                await pace.wait()
                await self._act(sensor, trigger, events, entry.seq)
        self._journal.acknowledge(sensor.name, trigger.name, entry.seq, self._error)
        self._error = ""

    _error = ""

    def _together(self, sensor: Sensor, trigger: Trigger, name: str, entry: Entry, taken: Taken) -> dict[str, Taken] | None:
        """The events with which the conditions hold, None while they do not. With `&&` the latest event of each dependency waits."""
        conditions = trigger.conditions
        if conditions is None:
            return None
        if not conditions.keeps:
            return {name: taken} if conditions.hold({name}) else None
        slots = self._journal.slots(sensor.name, trigger.name)
        if conditions.hold({*slots, name}):
            by_name = {d.name: d for d in sensor.dependencies}
            kept = {dependency: decide.take(by_name[dependency], slot.event) for dependency, slot in slots.items() if dependency in by_name}
            return {**kept, name: taken}
        self._journal.keep_slot(sensor.name, trigger.name, name, entry)
        return None

    async def _act(self, sensor: Sensor, trigger: Trigger, events: dict[str, Taken], seq: int) -> None:
        """Do the trigger's action, with retries and the dead-letter trigger where they are asked for."""
        at_least_once = bool(trigger.spec.get("atLeastOnce"))
        steps = Steps(trigger.spec.get("retryStrategy") if at_least_once else None)
        while True:
            try:
                await self._do(sensor, trigger, events, seq)
                return
            except (RetrainError, ExpressionError) as error:
                log.error("sensor %s trigger %s: %s", sensor.name, trigger.name, error)
                self._error = str(error)
                if not await steps.again():
                    break
        self._clear(sensor, trigger, seq)
        if at_least_once and (dead := trigger.spec.get("dlqTrigger")):
            letter = decide.dead_letter(dead, trigger)
            try:
                await self._do(sensor, letter, events, seq)
            except (RetrainError, ExpressionError) as error:
                log.error("sensor %s dead-letter trigger %s: %s", sensor.name, letter.name, error)
                self._error = str(error)

    async def _do(self, sensor: Sensor, trigger: Trigger, events: dict[str, Taken], seq: int) -> None:
        action = decide.act(sensor.name, trigger, events, self._now())
        if action.kind in ("http", "log"):
            await self._actor.elsewhere(action)
            self._clear(sensor, trigger, seq)
            return
        self._commit(sensor, trigger, action, seq)

    def _commit(self, sensor: Sensor, trigger: Trigger, action: Action, seq: int) -> None:
        """The effect and the acknowledgement, together or not at all."""
        with transaction(self._db):
            self._actor.on_objects(action)
            self._clear(sensor, trigger, seq)

    def _clear(self, sensor: Sensor, trigger: Trigger, seq: int) -> None:
        if trigger.conditions is not None and trigger.conditions.keeps:
            self._journal.clear_slots(sensor.name, trigger.name)
        if sum(1 for d in sensor.bound(trigger)) == 1:
            self._journal.acknowledge(sensor.name, trigger.name, seq, self._error)

    async def _reset(self, sensor: Sensor, trigger: Trigger, by_time: dict[str, Any]) -> None:
        """Forget waiting events at the times of a cron schedule."""
        schedule = Schedule(
            f"Sensor/{sensor.name} {trigger.name} conditionsReset", {"schedule": by_time.get("cron"), "timezone": by_time.get("timezone")}
        )
        while (due := schedule.after(self._now())) is not None:
            while (wait := due - self._now()) > 0:
                await asyncio.sleep(min(wait, 3600.0))
            self._journal.clear_slots(sensor.name, trigger.name)


class Pace:
    """`rateLimit`: actions of one trigger wait for each other, none is dropped."""

    def __init__(self, limit: dict[str, Any] | None) -> None:
        requests = int((limit or {}).get("requestsPerUnit") or 0)
        self._gap = UNITS.get(str((limit or {}).get("unit") or "Second"), 1.0) / requests if requests else 0.0
        self._next = 0.0

    async def wait(self) -> None:
        if self._gap:
            at = max(self._next, time.monotonic())
            self._next = at + self._gap
            await asyncio.sleep(at - time.monotonic())


class Steps:
    """`retryStrategy`: how often and after which pauses an action is tried again (one try by default)."""

    def __init__(self, strategy: dict[str, Any] | None) -> None:
        strategy = strategy or {}
        self._left = int(strategy.get("steps") or 1) - 1
        self._pause = gotext.parse_duration(str(strategy.get("duration") or "1s"))
        self._factor = float(_amount(strategy.get("factor"), 1.0))
        self._jitter = float(_amount(strategy.get("jitter"), 1.0 if not strategy else 0.0))

    async def again(self) -> bool:
        """Wait for the next try; False when there is none."""
        if self._left <= 0:
            return False
        self._left -= 1
        await asyncio.sleep(self._pause * (1 + self._jitter * _chance.random()))
        self._pause *= self._factor
        return True


def _amount(value: Any, default: float) -> float:
    """A number of a retryStrategy; text is what Argo accepts and fails on."""
    if isinstance(value, str):
        raise RetrainError(f"retryStrategy: {value!r} is text, a number is needed")
    return default if value is None else float(value)
