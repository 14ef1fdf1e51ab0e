"""An event from what a person has in hand: a recorded event, a payload, or only the body that a caller would send. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localargo.errors import InvalidInput
from localargo.eventsources.bucket import record
from localargo.eventsources.calendar import go_time
from localargo.eventsources.envelope import make, verdict
from localargo.expressions import ExpressionError, rawjson
from localargo.expressions.cron import Schedule
from localargo.ports import Doc, Event

NOT_KINDS = ("eventBusName", "template", "service", "replicas")
SHAPES = (("minio", ("notification",)), ("calendar", ("eventTime",)), ("webhook", ("header", "body")), ("sqs", ("messageId", "body")))


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """`how`: how the event came about, for people. `dropped`: why the source's own filter keeps it from the bus, empty when it does not."""

    event: Event
    how: str
    dropped: str


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """One event of one EventSource."""

    source: str
    event: str
    kind: str
    spec: Mapping[str, Any]


def source_events(documents: Sequence[Mapping[str, Any]]) -> list[SourceEvent]:
    """Every event of the EventSources among the documents, of any kind, whether it runs here or not."""
    found = []
    for document in documents:
        if document.get("kind") != "EventSource":
            continue
        name = str(document["metadata"]["name"])
        for kind, events in (document.get("spec") or {}).items():
            if kind not in NOT_KINDS and isinstance(events, dict):
                found += [SourceEvent(name, str(event), kind, spec or {}) for event, spec in events.items()]
    return found


def event_from_input(given: str, documents: Sequence[Mapping[str, Any]], source: str, now: float) -> ParsedEvent:
    """The event that JSON text stands for, as the source would put it on the bus.

    `given`: a recorded event (CloudEvent in JSON), a payload in the source's shape, for a webhook also the body alone, for a bucket AWS'
    `Records` or an object's key, for a calendar an empty object. `source`: `NAME` or `NAME/EVENT`; empty when it can be told from the rest.
    `now` (epoch seconds) is the event's time where none is given. Raises InvalidInput naming what could be meant.
    """
    value = rawjson.loads(given)
    known = source_events(documents)
    if isinstance(value, dict) and {"specversion", "source", "data"} <= value.keys() and not source:
        return _recorded(value, known, now)
    if isinstance(value, dict) and {"specversion", "type", "data"} <= value.keys() and "subject" in value:
        value = value["data"]
    place = _place(value, known, source)
    data, how = _data(value, place, now)
    return _parsed(make(place.source, place.event, place.kind, data, now), how, place)


def _parsed(event: Event, how: str, place: SourceEvent | None) -> ParsedEvent:
    expression = (place.spec.get("filter") or {}).get("expression") if place and place.kind != "minio" else None
    dropped = ""
    if expression:
        try:
            dropped = "" if verdict(str(expression), event.data) else f"filter.expression {expression!r} is not true"
        except ExpressionError as error:
            dropped = f"filter.expression {expression!r} fails: {error}"
    return ParsedEvent(event, how, dropped)


def _recorded(value: dict[str, Any], known: Sequence[SourceEvent], now: float) -> ParsedEvent:
    fields = {name: str(value.get(name) or "") for name in ("id", "source", "subject", "type", "time")}
    made = make(fields["source"], fields["subject"], fields["type"], rawjson.dumps(value["data"], sort=False).encode(), now, fields["id"])
    event = Event(made.id, made.source, made.subject, made.type, fields["time"] or made.time, made.data)
    at = [p for p in known if (p.source, p.event) == (event.source, event.subject)]
    how = "as it was recorded" if at else f"as it was recorded; no EventSource here has {event.source}/{event.subject}"
    return _parsed(event, how, at[0] if at else None)


def _place(value: Any, known: Sequence[SourceEvent], source: str) -> SourceEvent:
    name, _, event = source.partition("/")
    found = [p for p in known if (not name or p.source == name) and (not event or p.event == event)]
    if len(found) > 1:
        found = _likely(value, found)
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"{p.source}/{p.event} ({p.kind})" for p in (found or known)) or "none"
    raise InvalidInput(f"{'no event' if not found else 'more than one event'} could be meant; say --source NAME/EVENT; there is {there}")


def _likely(value: Any, found: list[SourceEvent]) -> list[SourceEvent]:
    """Those whose payload looks like this; a webhook takes any body."""
    if isinstance(value, dict):
        for kind, keys in SHAPES:
            if all(key in value for key in keys) and any(p.kind == kind for p in found):
                return [p for p in found if p.kind == kind]
        if "Records" in value and any(p.kind == "minio" for p in found):
            return [p for p in found if p.kind == "minio"]
    return [p for p in found if p.kind == "webhook"] or found


def _data(value: Any, place: SourceEvent, now: float) -> tuple[bytes, str]:
    """(payload as JSON text, how it was made)."""
    made: Doc | None = None
    how = "as it is"
    fields = value if isinstance(value, dict) else {}
    if place.kind == "webhook" and "body" not in fields:
        made, how = {"header": {"Content-Type": ["application/json"]}, "body": value}, "as the body of a POST"
    elif place.kind == "calendar" and "eventTime" not in fields:
        zone = Schedule(f"EventSource/{place.source}", place.spec).zone
        made, how = {**fields, "eventTime": go_time(datetime.fromtimestamp(now, zone))}, "as a tick of now"
    elif place.kind == "minio" and "notification" not in fields:
        made, how = _notification(value, place, now)
    if made is not None and place.spec.get("metadata"):
        made["metadata"] = dict(sorted(place.spec["metadata"].items()))
    return rawjson.dumps(value if made is None else made, html=True, sort=False).encode(), how


def _notification(value: Any, place: SourceEvent, now: float) -> tuple[Doc, str]:
    if isinstance(value, dict) and isinstance(value.get("Records"), list):
        return {"notification": value["Records"]}, "its Records as a notification"
    key = value if isinstance(value, str) else value.get("key") if isinstance(value, dict) else None
    if not isinstance(key, str):
        raise InvalidInput("a bucket's event is a notification, AWS' Records, or an object's key as {\"key\": ...}")
    bucket = str((place.spec.get("bucket") or {}).get("name") or "")
    etag = value.get("etag") if isinstance(value, dict) else None
    size = value.get("size") if isinstance(value, dict) else None
    number = int(float(size)) if isinstance(size, rawjson.Number) else 0
    made = record(bucket, key, number, etag if isinstance(etag, str) else "", int(datetime.fromtimestamp(now, UTC).timestamp() * 10**9))
    return {"notification": [made]}, "as the notification of an upload"
