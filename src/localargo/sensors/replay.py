"""What Sensors would do with an event, and why not: everything that the listener decides, without doing it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from localargo.errors import InvalidInput, LocalArgoError, NotFound
from localargo.eventbus.journal import readable, tree
from localargo.ports import Doc, Event, Json
from localargo.sensors import decide, parameters
from localargo.sensors.decide import ConfigMapKey, Dependency, Sensor, Trigger
from localargo.sensors.filters import Rejected
from localargo.sensors.parameters import AcceptedEvent
from localargo.sensors.transform import TransformFailed, transform


@dataclass(frozen=True, slots=True)
class DependencyResult:
    """`accepted`: the event goes on to the conditions. `reason`: why not. `data`: what filters saw, after the transform if there is one."""

    sensor: str
    dependency: str
    accepted: bool
    reason: str
    transformed: bool
    data: Json


@dataclass(frozen=True, slots=True)
class ParameterResult:
    """One parameter: where it writes, and its value or the reason for having none.

    `level` is `trigger`, its action's kind, or `payload`; `index` counts there.
    """

    level: str
    index: int
    dest: str
    operation: str
    value: Json
    error: str
    skipped: bool


@dataclass(frozen=True, slots=True)
class TriggerResult:
    """`fires`: the action would be done; `by`: the dependency whose event decides this.

    `waits_for`: dependencies without an event. `resource`: what would be created or sent.
    """

    sensor: str
    trigger: str
    kind: str
    operation: str
    by: str
    fires: bool
    reason: str
    waits_for: tuple[str, ...]
    parameters: tuple[ParameterResult, ...]
    resource: Doc | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`event`: the CloudEvent with its data inlined. `origin`: how it was made from the input.

    `dropped`: why it never reaches a Sensor; empty when it does.
    """

    event: Doc
    origin: str
    dropped: str
    dependencies: tuple[DependencyResult, ...]
    triggers: tuple[TriggerResult, ...]

    @property
    def fires(self) -> bool:
        """Whether anything would be done."""
        return any(trigger.fires for trigger in self.triggers)

    def tree(self) -> Doc:
        """All of it as JSON."""
        found: Doc = json.loads(json.dumps(asdict(self)))
        return found


def _no_configmap(name: str, key: str) -> str:
    raise NotFound(f"ConfigMap {name} is not among the documents")


def replay(
    event: Event,
    sensors: Sequence[Mapping[str, Any]],
    *,
    now: float,
    sensor: str = "",
    origin: str = "",
    dropped: str = "",
    configmap: ConfigMapKey = _no_configmap,
    waiting: Mapping[str, Event] | None = None,
) -> Explanation:
    """What the Sensors (all of the documents, or the one of that name) would do with the event at `now`.

    `waiting`: events that other dependencies have already, by dependency name, for `a && b`. `dropped`, `origin`: see `Explanation`.
    Raises InvalidInput when there is no Sensor of the name, Unsupported for a trigger that does not run here.
    """
    read = [decide.read(document) for document in sensors if document.get("kind", "Sensor") == "Sensor"]
    chosen = [each for each in read if sensor in ("", each.name)]
    if not chosen:
        raise InvalidInput(f"no Sensor is named {sensor!r}; there are {', '.join(each.name for each in read) or 'none'}")
    dependencies: list[DependencyResult] = []
    triggers: list[TriggerResult] = []
    if not dropped:
        for each in chosen:
            results, accepted = _dependencies(each, event)
            dependencies += results
            triggers += _triggers(each, event, accepted, waiting or {}, now, configmap)
    return Explanation(tree(event), origin, dropped, tuple(dependencies), tuple(triggers))


def _dependencies(sensor: Sensor, event: Event) -> tuple[list[DependencyResult], dict[str, AcceptedEvent]]:
    results, accepted = [], {}
    for dependency in sensor.dependencies:
        if (dependency.source, dependency.event) != (event.source, event.subject):
            reason = f"it listens to {dependency.source}/{dependency.event}; the event comes from {event.source}/{event.subject}"
            results.append(DependencyResult(sensor.name, dependency.name, False, reason, False, None))
            continue
        changed, data = _transformed(dependency, event)
        try:
            accepted[dependency.name] = decide.accept(dependency, event)
            reason = ""
        except Rejected as rejected:
            reason = str(rejected)
        results.append(DependencyResult(sensor.name, dependency.name, not reason, reason, changed, data))
    return results, accepted


def _transformed(dependency: Dependency, event: Event) -> tuple[bool, Json]:
    spec = dependency.spec.get("transform") or {}
    try:
        return bool(spec), readable(transform(spec, event.data))
    except TransformFailed:
        return bool(spec), None


def _triggers(
    sensor: Sensor, event: Event, accepted: Mapping[str, AcceptedEvent], waiting: Mapping[str, Event], now: float, configmap: ConfigMapKey
) -> list[TriggerResult]:
    found = []
    kept = {d.name: t for d in sensor.dependencies if d.name in waiting and (t := _try(d, waiting[d.name])) is not None}
    for trigger in sensor.triggers:
        names = [d.name for d in sensor.bound(trigger, event) if d.name in accepted]
        if trigger.conditions is None:
            found.append(_silent(sensor, trigger, f"it never runs: {trigger.reason}"))
            continue
        if not names:
            found.append(_silent(sensor, trigger, f"none of its dependencies ({', '.join(trigger.conditions.names)}) accepted the event"))
            continue
        slots = dict(kept) if trigger.conditions.joins else {}
        for name in names:
            together = trigger.events_to_join(slots, name)
            if together is None:
                slots[name] = accepted[name]
                missing = tuple(n for n in trigger.conditions.names if n not in slots)
                found.append(_silent(sensor, trigger, f"its conditions wait for {', '.join(missing)}", name, missing))
                continue
            events = {n: accepted[n] if n == name else slots[n] for n in together}
            found.append(_fired(sensor, trigger, name, events, now, configmap))
            slots = {}
    return found


def _try(dependency: Dependency, event: Event) -> AcceptedEvent | None:
    try:
        return decide.accept(dependency, event)
    except Rejected:
        return None


def _silent(sensor: Sensor, trigger: Trigger, reason: str, by: str = "", missing: tuple[str, ...] = ()) -> TriggerResult:
    return TriggerResult(sensor.name, trigger.name, trigger.kind, "", by, False, reason, missing, (), None)


def _fired(
    sensor: Sensor, trigger: Trigger, name: str, events: Mapping[str, AcceptedEvent], now: float, configmap: ConfigMapKey
) -> TriggerResult:
    results = _parameters(trigger, events)
    try:
        action = decide.act(sensor.name, trigger, events, now, configmap)
    except LocalArgoError as error:
        return TriggerResult(sensor.name, trigger.name, trigger.kind, "", name, False, str(error), (), results, None)
    return TriggerResult(sensor.name, trigger.name, trigger.kind, action.operation, name, True, "", (), results, action.resource)


def _parameters(trigger: Trigger, events: Mapping[str, AcceptedEvent]) -> tuple[ParameterResult, ...]:
    """Each parameter by itself, so that one that fails does not hide the others."""
    body = trigger.template.get(trigger.kind) or {}
    lists = (("trigger", trigger.spec.get("parameters")), (trigger.kind, body.get("parameters")), ("payload", body.get("payload")))
    found = []
    for level, given in lists:
        for index, parameter in enumerate(given or []):
            dest, operation = str(parameter.get("dest") or ""), str(parameter.get("operation") or "overwrite")
            value: Json = None
            error, skipped = "", False
            try:
                value, _ = parameters.resolve(parameter["src"], events)
            except LookupError:
                skipped = True
            except InvalidInput as failed:
                error = str(failed)
            found.append(ParameterResult(level, index, dest, operation, value, error, skipped))
    return tuple(found)
