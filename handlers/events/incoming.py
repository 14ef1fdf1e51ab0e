"""The event that asks for a run, as its Sensor passes it on: a request's fields, and the CloudEvent that carried them where one did.

A CloudEvent in structured mode comes as its attributes (`cloudevent`), one in binary mode as its headers (`headers`), and one that a person
gives comes whole. All are read by the CloudEvents SDK; what it would make up or pass unseen (an id, a version, a batch) is refused here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from handlers.contracts import BadData, EventContext, RetrainRequest, decoded, shown

STRUCTURED = "application/cloudevents+json"
REQUIRED = ("specversion", "id", "source", "type")
LONGEST = 1000  # characters of an id, a source or a type


def read(text: str) -> RetrainRequest:
    """From base64 of the event's JSON; empty text is an empty request. Raises BadData, which says what of the event cannot be used."""
    found = decoded(text, "the event")
    if "specversion" in found:
        return RetrainRequest.of(_carried(found))
    attributes = {}
    if "cloudevent" in found:
        attributes = _structured(found["cloudevent"])[0]
    elif "headers" in found:
        attributes = _binary(found["headers"])
    return RetrainRequest.of({**found, **_named(attributes), "time": found.get("time") or attributes.get("time")})


def context(text: str) -> EventContext:
    """From base64 of the context's JSON; empty text is no event. Raises BadData as `read` does."""
    return EventContext.of(decoded(text, "the event's context"))


def _carried(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request's fields of a whole CloudEvent."""
    attributes, data = _structured(event)
    if isinstance(data, bytes):
        try:
            data = json.loads(data)
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise BadData(f"the CloudEvent's data_base64 is not base64 of JSON: {error}") from error
    if not isinstance(data, Mapping):
        raise BadData(f"the CloudEvent's data must be a JSON object that names the model, not {type(data).__name__}")
    return {**data, **_named(attributes), "time": data.get("time") or attributes.get("time")}


def _named(attributes: Mapping[str, str]) -> dict[str, str]:
    """What tells one event from all others, by the names of a request; `source` there is the way in."""
    return {"id": attributes.get("id", ""), "type": attributes.get("type", ""), "sender": attributes.get("source", "")}


def _structured(event: Any) -> tuple[dict[str, str], Any]:
    """(attributes, data) of a CloudEvent in JSON."""
    from cloudevents.core.bindings.http import HTTPMessage, from_structured
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    if not isinstance(event, Mapping):
        raise BadData(f"a CloudEvent must be a JSON object, not {type(event).__name__}; a batch is not taken: post its events one by one")
    _complete(event)
    message = HTTPMessage({"content-type": STRUCTURED}, json.dumps(event).encode())
    return _read(lambda: from_structured(message, JSONFormat(), CloudEvent), "time" in event)


def _binary(headers: Any) -> dict[str, str]:
    """The attributes of a CloudEvent whose data is the body that it came with."""
    from cloudevents.core.bindings.http import CE_PREFIX, HTTPMessage, from_binary
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    if not isinstance(headers, Mapping) or not all(isinstance(value, str) for value in headers.values()):
        raise BadData("the headers of the CloudEvent must be text")
    given = {f"{CE_PREFIX}{name.lower().removeprefix(CE_PREFIX)}": value for name, value in headers.items()}
    _complete({name.removeprefix(CE_PREFIX): value for name, value in given.items()})
    return _read(lambda: from_binary(HTTPMessage(given, b""), JSONFormat(), CloudEvent), f"{CE_PREFIX}time" in given)[0]


def _complete(attributes: Mapping[str, Any]) -> None:
    """The SDK makes up an id and a version where there is none, and then no event is ever the same."""
    missing = [name for name in REQUIRED if not attributes.get(name)]
    if missing:
        raise BadData(f"the CloudEvent has no {missing[0]}; required: {', '.join(REQUIRED)}")
    for name in REQUIRED:
        value = attributes[name]
        if isinstance(value, str) and len(value) > LONGEST:
            raise BadData(f"the CloudEvent's {name} is {len(value):,} characters long; accepted: at most {LONGEST:,}")


def _read(parse: Any, timed: bool) -> tuple[dict[str, str], Any]:
    from cloudevents.core.exceptions import CloudEventValidationError

    try:
        event = parse()
    except CloudEventValidationError as error:
        name, wrong = next(iter(error.errors.items()))
        raise BadData(f"the CloudEvent's {shown(name)} is refused: {wrong[0]}") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise BadData(f"the CloudEvent cannot be read: {error}") from error
    # without one the SDK says the present
    time = event.get_time().isoformat() if timed else ""
    return {"id": event.get_id(), "source": event.get_source(), "type": event.get_type(), "time": time}, event.get_data()
