"""What a Sensor does with an event: pure, shared by the listener and by replay.

Per message, for every dependency bound to its source and event: transform, filter, condition, action (pkg/sensors/listener.go).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from localargo.errors import InvalidInput, Unsupported
from localargo.manifests.yaml import load_documents
from localargo.ports import Doc, Event
from localargo.sensors import conditions, filters, parameters
from localargo.sensors.conditions import Conditions
from localargo.sensors.parameters import AcceptedEvent, Resolved
from localargo.sensors.transform import TransformFailed, transform

ACTIONS = ("k8s", "argoWorkflow", "http", "log")
LABELS = ("events.argoproj.io/sensor", "events.argoproj.io/trigger", "events.argoproj.io/action-timestamp")
LABELLED = ("create", "submit", "submit-from")  # operations whose object gets the labels
ConfigMapKey = Callable[[str, str], str]  # name, key -> text; raises NotFound


@dataclass(frozen=True, slots=True)
class Dependency:
    name: str
    source: str
    event: str
    spec: dict[str, Any] = field(hash=False, compare=False)


@dataclass(frozen=True, slots=True)
class Trigger:
    """`kind` is one of ACTIONS. `conditions` None: they can never be true, `reason` says why."""

    name: str
    kind: str
    spec: dict[str, Any] = field(hash=False, compare=False)
    conditions: Conditions | None
    reason: str = ""

    @property
    def template(self) -> dict[str, Any]:
        found: dict[str, Any] = self.spec["template"]
        return found

    def events_to_join(self, kept: Collection[str], name: str) -> tuple[str, ...] | None:
        """The dependencies whose events the action uses, when `name` has an event now and `kept` had theirs; None: more are needed."""
        if self.conditions is None or name not in self.conditions.names:
            return None
        there = tuple(dict.fromkeys((*kept, name))) if self.conditions.joins else (name,)
        return there if self.conditions.hold(there) else None


@dataclass(frozen=True, slots=True)
class Sensor:
    """A Sensor's document, read."""

    name: str
    dependencies: tuple[Dependency, ...]
    triggers: tuple[Trigger, ...]

    def bound(self, trigger: Trigger, event: Event | None = None) -> list[Dependency]:
        """The dependencies in the trigger's conditions; with an event only those that listen to its source and name."""
        asked = trigger.conditions.names if trigger.conditions else ()
        return [d for d in self.dependencies if d.name in asked and (event is None or (d.source, d.event) == (event.source, event.subject))]


@dataclass(frozen=True, slots=True)
class Action:
    """An action to do: the resource (or the JSON of an http request) with every parameter written.

    `headers`: the dynamic headers of an http request.
    """

    trigger: str
    kind: str
    operation: str
    spec: Doc
    resource: Doc
    written: tuple[Resolved, ...]
    headers: Mapping[str, str] = field(default_factory=dict)


def read(document: Mapping[str, Any]) -> Sensor:
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
    kinds = [key for key in template if key not in ("name", "conditions", "conditionsReset") and template[key] is not None]
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


def accept(dependency: Dependency, event: Event) -> AcceptedEvent:
    """The event as the dependency sees it. Raises filters.Rejected with the reason when the dependency does not accept it."""
    spec = dependency.spec
    try:
        data = transform(spec.get("transform") or {}, event.data)
    except TransformFailed as error:
        raise filters.Rejected(str(error)) from error
    filters.check(spec.get("filters"), str(spec.get("filtersLogicalOperator") or "and"), event, data)
    return AcceptedEvent(event, data)


def act(sensor: str, trigger: Trigger, events: Mapping[str, AcceptedEvent], now: float, configmap: ConfigMapKey) -> Action:
    """The action for the events of its dependencies, at `now` (epoch seconds).

    Parameters of the trigger change its template first, then those of the template change the resource. Raises InvalidInput when a
    parameter has no value, and what `configmap` raises.
    """
    template, written = parameters.apply(trigger.spec.get("parameters") or [], trigger.template, events)
    spec = template.get(trigger.kind)
    if not isinstance(spec, dict):
        raise InvalidInput(f"trigger {trigger.name}: its parameters have removed `{trigger.kind}`")
    if trigger.kind == "log":
        return Action(trigger.name, "log", "", spec, {name: _shown(taken) for name, taken in events.items()}, tuple(written))
    if trigger.kind == "http":
        return _request(trigger, spec, events, written)
    operation = str(spec.get("operation") or ("create" if trigger.kind == "k8s" else ""))
    resource, more = parameters.apply(spec.get("parameters") or [], _source(trigger.name, spec.get("source") or {}, configmap), events)
    if operation in LABELLED:
        metadata = _mapping(trigger.name, resource, "metadata")
        _mapping(trigger.name, metadata, "labels").update(zip(LABELS, (sensor, trigger.name, str(int(now * 1000))), strict=True))
    return Action(trigger.name, trigger.kind, operation, spec, resource, (*written, *more))


def _mapping(trigger: str, within: Doc, key: str) -> Doc:
    found = within[key] = within.get(key) or {}
    if not isinstance(found, dict):
        raise InvalidInput(f"trigger {trigger}: {key} of its resource must be a mapping, not {type(found).__name__}")
    return found


def _source(trigger: str, source: Mapping[str, Any], configmap: ConfigMapKey) -> Doc:
    """The trigger's resource, from the first place that is set, in Argo's order."""
    if source.get("inline"):
        text, where = str(source["inline"]), "inline"
    elif source.get("configmap"):
        reference = source["configmap"]
        text, where = configmap(str(reference.get("name")), str(reference.get("key"))), f"ConfigMap {reference.get('name')}"
    else:
        return copy.deepcopy(source.get("resource") or {})
    documents = load_documents(text, f"trigger {trigger} source ({where})")
    if len(documents) != 1:
        raise InvalidInput(f"trigger {trigger}: source ({where}) must hold one document, not {len(documents)}")
    return copy.deepcopy(documents[0].doc)


def _request(trigger: Trigger, spec: Doc, events: Mapping[str, AcceptedEvent], written: list[Resolved]) -> Action:
    """An http request: parameters change the http template itself, payload builds the JSON that is sent."""
    spec, changed = parameters.apply(spec.get("parameters") or [], spec, events)
    body, filled = parameters.apply(spec.get("payload") or [], {}, events)
    headers: dict[str, str] = {}
    for header in spec.get("dynamicHeaders") or []:
        try:
            headers[str(header["dest"])] = str(parameters.resolve(header["src"], events)[0])
        except (LookupError, InvalidInput) as error:
            raise InvalidInput(f"dynamic header {header.get('dest')}: {error}") from error
    return Action(trigger.name, "http", "", spec, body, (*written, *changed, *filled), headers)


def _shown(taken: AcceptedEvent) -> Doc:
    return {"context": taken.context(), "data": taken.data.decode("utf-8", "replace")}
