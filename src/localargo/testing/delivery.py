"""Delivers events to EventSources and Sensors and tells which Workflows are created, without running them."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from localargo.dry_run import configmap_value
from localargo.errors import LocalArgoError
from localargo.eventsources.event_from_input import event_from_input
from localargo.manifests.document import Document
from localargo.ports import Doc, Event, Json
from localargo.reading import read_paths
from localargo.sensors import argo_options, decide
from localargo.sensors.decide import Action, Sensor, Trigger
from localargo.sensors.filters import Rejected
from localargo.sensors.parameters import AcceptedEvent
from localargo.sensors.triggers import from_template
from localargo.testing.documents import Given, Load, gather


@dataclass(frozen=True)
class MadeWorkflow:
    """A Workflow as a trigger would send it to the API server (here a generated name ends in a number)."""

    document: Doc

    @property
    def name(self) -> str:
        """`metadata.name`."""
        return str(self.document["metadata"]["name"])

    @property
    def labels(self) -> dict[str, str]:
        """`metadata.labels`."""
        found: dict[str, str] = self.document["metadata"].get("labels") or {}
        return found

    @property
    def template(self) -> str:
        """The WorkflowTemplate that it refers to; empty when it has its own templates."""
        return str((self.document["spec"].get("workflowTemplateRef") or {}).get("name") or "")

    @property
    def parameters(self) -> dict[str, Json]:
        """Its arguments by name."""
        given = (self.document["spec"].get("arguments") or {}).get("parameters") or []
        return {str(p["name"]): p.get("value") for p in given}


@dataclass
class Delivery:
    """The effects of one event.

    `workflows`: those created. `refused`: names that existed already. `rejected`: why dependencies on the event did not accept
    it, by `sensor/dependency`. `failed`: why a trigger that should have acted could not, by `sensor/trigger`. `dropped`: why the
    EventSource's own filter kept the event from the bus. `actions`: everything else that triggers did (other kinds, other operations).
    """

    event: Event
    dropped: str = ""
    workflows: list[MadeWorkflow] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)

    @property
    def workflow(self) -> MadeWorkflow:
        """The only Workflow created. Raises AssertionError with the reason when there is none, with the names when there are several."""
        if len(self.workflows) != 1:
            why = {"dropped": self.dropped, "rejected": self.rejected, "refused": self.refused, "failed": self.failed}
            told = "; ".join(f"{word}: {reason}" for word, reason in why.items() if reason) or "no Sensor listens to it"
            names = [w.name for w in self.workflows]
            raise AssertionError(f"the event created {names or f'no Workflow ({told})'}, one was expected")
        return self.workflows[0]


class Sensors:
    """Documents, what events have made of them so far, and the events that triggers with `a && b` still hold."""

    def __init__(self, load: Load = read_paths) -> None:
        self._load = load
        self.documents: list[Document] = []
        self._sensors: list[Sensor] = []
        self._slots: dict[tuple[str, str], dict[str, AcceptedEvent]] = {}
        self._made: dict[str, MadeWorkflow] = {}
        self._generated = 0

    @property
    def workflows(self) -> list[MadeWorkflow]:
        """All Workflows created so far, in order."""
        return list(self._made.values())

    def given(self, *documents: Given) -> Sensors:
        """Add EventSources, Sensors and what they refer to: files, folders, YAML text, trees.

        Raises InvalidInput or Unsupported for what `check` refuses.
        """
        added = gather(documents, self.documents, self._load)
        self.documents += added
        self._sensors += [decide.read(d.doc) for d in added if d.kind == "Sensor"]
        return self

    def when(self, event: Json, source: str = "", at: float | None = None) -> Delivery:
        """Deliver an event: a recorded one, a source's payload, a webhook's body, `{"key": ...}` for a bucket, `{}` for a calendar.

        `event`: a JSON tree, or JSON text or bytes. `source`: `NAME` or `NAME/EVENT`, where the event does not tell. `at`: epoch seconds,
        by default now. Raises InvalidInput when no event, or more than one, could be meant.
        """
        now = time.time() if at is None else at
        text = event.decode("utf-8", "replace") if isinstance(event, bytes) else event if isinstance(event, str) else json.dumps(event)
        formed = event_from_input(text, [d.doc for d in self.documents], source, now)
        delivery = Delivery(formed.event, formed.dropped)
        if not formed.dropped:
            for sensor in self._sensors:
                self._deliver(sensor, delivery, now)
        return delivery

    def _deliver(self, sensor: Sensor, delivery: Delivery, now: float) -> None:
        event, taken = delivery.event, {}
        for dependency in sensor.dependencies:
            if (dependency.source, dependency.event) == (event.source, event.subject):
                try:
                    taken[dependency.name] = decide.accept(dependency, event)
                except Rejected as rejected:
                    delivery.rejected[f"{sensor.name}/{dependency.name}"] = str(rejected)
        for trigger in sensor.triggers:
            for dependency in sensor.bound(trigger, event):
                if dependency.name in taken:
                    self._trigger(sensor, trigger, dependency.name, taken[dependency.name], delivery, now)

    def _trigger(self, sensor: Sensor, trigger: Trigger, name: str, taken: AcceptedEvent, delivery: Delivery, now: float) -> None:
        slots = self._slots.setdefault((sensor.name, trigger.name), {})
        together = trigger.events_to_join(slots, name)
        if together is None:
            slots[name] = taken
            return
        events = {each: taken if each == name else slots[each] for each in together}
        slots.clear()
        try:
            action = decide.act(sensor.name, trigger, events, now, lambda n, k: configmap_value([d.doc for d in self.documents], n, k))
            made = _created(action)
        except LocalArgoError as error:
            delivery.failed[f"{sensor.name}/{trigger.name}"] = str(error)
            return
        if made is None:
            delivery.actions.append(action)
        else:
            self._create(made, delivery)

    def _create(self, document: Doc, delivery: Delivery) -> None:
        metadata = document["metadata"]
        if not metadata.get("name"):
            self._generated += 1
            metadata["name"] = f"{metadata.get('generateName') or ''}{self._generated:05}"
        made = MadeWorkflow(document)
        if made.name in self._made:
            delivery.refused.append(made.name)
        else:
            self._made[made.name] = made
            delivery.workflows.append(made)


CREATES: Sequence[tuple[str, str]] = (("k8s", "create"), ("argoWorkflow", "submit"), ("argoWorkflow", "submit-from"))


def _created(action: Action) -> Doc | None:
    """The Workflow that the action creates, None when it does something else."""
    resource: dict[str, Any] = copy.deepcopy(action.resource)
    if (action.kind, action.operation) not in CREATES:
        return None
    if action.operation == "submit-from":
        resource = from_template(resource)
    if resource.get("kind") != "Workflow":
        return None
    if action.kind == "argoWorkflow":
        resource = argo_options.onto(resource, argo_options.read(action.spec.get("args") or [], submit=True))
    return resource
