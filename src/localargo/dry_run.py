"""What an event would trigger: decided for an event and the Sensors among some documents, without running it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from localargo.errors import InvalidInput, NotFound
from localargo.eventsources.event_from_input import event_from_input
from localargo.expressions import ExpressionError
from localargo.ports import Doc
from localargo.sensors import replay as decisions
from localargo.sensors.replay import Explanation


def replay(text: str, documents: Sequence[Doc], *, now: float, source: str = "", sensor: str = "", name: str = "event") -> Explanation:
    """What the Sensors among the documents (all, or the one named `sensor`) would do at `now` (epoch seconds) with an event.

    `text`: JSON: a recorded event, a source's payload, a webhook's body, a bucket's `{"key": ...}`. `source`: `NAME` or
    `NAME/EVENT`, where the text leaves more than one choice. `name`: its name in messages. Raises InvalidInput, Unsupported.
    """
    try:
        formed = event_from_input(text, documents, source, now)
    except ExpressionError as error:
        raise InvalidInput(f"{name}: {error}") from error
    return decisions.replay(
        formed.event,
        [d for d in documents if d.get("kind") == "Sensor"],
        now=now,
        sensor=sensor,
        origin=formed.origin,
        dropped=formed.dropped,
        configmap=lambda name, key: configmap_value(documents, name, key),
    )


def configmap_value(documents: Sequence[Doc], name: str, key: str) -> str:
    """A key of a ConfigMap among the documents. Raises NotFound."""
    for doc in documents:
        if doc.get("kind") == "ConfigMap" and doc["metadata"]["name"] == name and key in (doc.get("data") or {}):
            return str(doc["data"][key])
    raise NotFound(f"ConfigMap {name} with a key {key} is not among the documents")
