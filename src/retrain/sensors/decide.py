"""What a Sensor does with an event: pure, shared by the listener and by replay.

Per message, for every dependency bound to its source and event: transform, filter, condition, action (pkg/sensors/listener.go).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from retrain.errors import InvalidInput, Unsupported
from retrain.ports import Doc, Event
from retrain.sensors import conditions, filters, parameters
from retrain.sensors.conditions import Conditions
from retrain.sensors.parameters import Resolved, Taken
from retrain.sensors.transform import TransformFailed, transform

ACTIONS = ("k8s", "argoWorkflow", "http", "log")
LABELS = ("events.argoproj.io/sensor", "events.argoproj.io/trigger", "events.argoproj.io/action-timestamp")


@dataclass(frozen=True, slots=True)
class Dependency:
    name: str
    source: str
    event: str
    spec: dict[str, Any] = field(hash=False, compare=False)


@dataclass(frozen=True, slots=True)
class Trigger:
    """`kind` is one of ACTIONS. `conditions` None: they can never hold, `why` says so."""

    name: str
    kind: str
    spec: dict[str, Any] = field(hash=False, compare=False)
    conditions: Conditions | None
    why: str = ""

    @property
    def template(self) -> dict[str, Any]:
        found: dict[str, Any] = self.spec["template"]
        return found


@dataclass(frozen=True, slots=True)
class Sensor:
    """A Sensor's document, read."""

    name: str
    dependencies: tuple[Dependency, ...]
    triggers: tuple[Trigger, ...]

    def bound(self, trigger: Trigger) -> list[Dependency]:
        """The dependencies that the trigger's conditions ask for."""
        asked = trigger.conditions.names if trigger.conditions else ()
        return [d for d in self.dependencies if d.name in asked]


@dataclass(frozen=True, slots=True)
class Action:
    """What is to be done: the resource (or request) with every parameter written."""

    trigger: str
    kind: str
    spec: Doc
    resource: Doc
    written: tuple[Resolved, ...]


def read(document: Doc) -> Sensor:
    """The Sensor of a document. Raises Unsupported for an action that does not run here."""
    spec = document["spec"]
    dependencies = tuple(
        Dependency(str(d["name"]), str(d["eventSourceName"]), str(d["eventName"]), d) for d in spec.get("dependencies") or []
    )
    names = [d.name for d in dependencies]
    return Sensor(str(document["metadata"]["name"]), dependencies, tuple(_trigger(t, names) for t in spec.get("triggers") or []))


def _trigger(spec: dict[str, Any], names: list[str]) -> Trigger:
    template = spec["template"]
    name = str(template["name"])
    kinds = [key for key in template if key not in ("name", "conditions", "conditionsReset")]
    if len(kinds) != 1 or kinds[0] not in ACTIONS:
        raise Unsupported(f"trigger {name}: {', '.join(kinds) or 'no action'} does not run here; supported: {', '.join(ACTIONS)}")
    try:
        return Trigger(name, kinds[0], spec, conditions.read(template, names))
    except InvalidInput as error:
        return Trigger(name, kinds[0], spec, None, str(error))


def dead_letter(spec: dict[str, Any], of: Trigger) -> Trigger:
    """The dead-letter trigger of a trigger; it acts on the same events, whatever its own conditions."""
    read_as = _trigger(spec, list(of.conditions.names) if of.conditions else [])
    return Trigger(read_as.name, read_as.kind, spec, of.conditions)


def take(dependency: Dependency, event: Event) -> Taken:
    """The event as the dependency sees it. Raises filters.Rejected saying why it does not."""
    spec = dependency.spec
    try:
        data = transform(spec.get("transform") or {}, event.data)
    except TransformFailed as error:
        raise filters.Rejected(str(error)) from error
    filters.check(spec.get("filters"), str(spec.get("filtersLogicalOperator") or "and"), event, data)
    return Taken(event, data)


def act(sensor: str, trigger: Trigger, events: Mapping[str, Taken], now: float) -> Action:
    """The action for the events of its dependencies, at `now` (epoch seconds). Raises InvalidInput when a parameter has no value."""
    template, written = parameters.apply(trigger.spec.get("parameters") or [], copy.deepcopy(trigger.template), events)
    spec = template[trigger.kind]
    if trigger.kind in ("http", "log"):
        return Action(trigger.name, trigger.kind, spec, _payload(spec, events) if trigger.kind == "http" else {}, tuple(written))
    resource, more = parameters.apply(spec.get("parameters") or [], copy.deepcopy((spec.get("source") or {}).get("resource") or {}), events)
    if resource:
        labels = resource.setdefault("metadata", {}).setdefault("labels", {})
        labels.update(zip(LABELS, (sensor, trigger.name, str(int(now * 1000))), strict=True))
    return Action(trigger.name, trigger.kind, spec, resource, (*written, *more))


def _payload(spec: Doc, events: Mapping[str, Taken]) -> Doc:
    """The body of an http trigger: an object with a value at each payload's destination."""
    return parameters.apply(spec.get("payload") or [], {}, events)[0]
