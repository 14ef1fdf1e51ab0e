"""Sensors, events, and a listener at work on a journal: for the tests of this room."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import Any

from localargo.eventbus.journal import Journal
from localargo.ports import Event
from localargo.sensors.listen import SensorListener
from localargo.sensors.triggers import Actor
from tests.waiting import until

NOW = 1_760_000_000.0


def event(number: int, body: Any = None, subject: str = "hook") -> Event:
    data = json.dumps({"body": {"id": str(number)} if body is None else body}).encode()
    return Event(f"{number:032x}", "e", subject, "webhook", "2026-11-22T10:00:00Z", data)


def create(name: str = "", operation: str = "create", **more: Any) -> dict[str, Any]:
    """A k8s trigger whose Workflow is named by the event, or gets a name that is made for it."""
    metadata = {"name": "w-"} if not name else {"generateName": name}
    dest = "metadata.name" if not name else "metadata.annotations.id"
    parameter = {"src": {"dependencyName": "d", "dataKey": "body.id"}, "dest": dest, "operation": "append"}
    resource = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": {}}
    return {"operation": operation, "source": {"resource": resource}, "parameters": [parameter], **more}


def trigger(name: str = "t", conditions: str = "", action: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    template: dict[str, Any] = {"name": name, **({"conditions": conditions} if conditions else {}), **(action or {"k8s": create()})}
    return {"template": template, **more}


def sensor(*triggers: dict[str, Any], dependencies: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    bound = dependencies or {"d": "hook"}
    return {
        "kind": "Sensor",
        "metadata": {"name": "s"},
        "spec": {
            "dependencies": [{"name": n, "eventSourceName": "e", "eventName": s, **more.get(n, {})} for n, s in bound.items()],
            "triggers": list(triggers or (trigger(),)),
        },
    }


class World:
    def __init__(self, db: sqlite3.Connection, shelf: Any, document: dict[str, Any], allowed: tuple[str, ...] = ()) -> None:
        self.bus = Journal(db, lambda: NOW)
        self.shelf = shelf
        self.listener = SensorListener(db, self.bus, Actor(shelf, shelf, allowed), lambda: NOW)
        self.listener.open([document])

    async def told(self, *events: Event) -> None:
        """Publish, and wait until nothing waits any more."""
        await asyncio.gather(*(self.bus.publish(e) for e in events))
        await self.drained()

    async def drained(self) -> None:
        await until(lambda: not any(row["lag"] for row in self.bus.lag(self.listener.subjects())))

    def error(self, name: str = "t") -> str:
        (row,) = [row for row in self.bus.lag({}) if row["trigger"] == name]
        return str(row["error"])


RETRY = {"steps": 3, "duration": "1ms", "factor": 1, "jitter": 0}


def refused() -> dict[str, Any]:
    return {"k8s": {**create(), "parameters": [{"src": {"dependencyName": "d", "dataKey": "body.name"}, "dest": "metadata.name"}]}}


def letter(**more: Any) -> dict[str, Any]:
    return trigger("dlq", action={"k8s": create("dlq-")}, atLeastOnce=True, **more)
