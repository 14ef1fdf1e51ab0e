"""An event from what a person has at hand: a recorded event, a payload, or only the body that a caller would send. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localargo.errors import InvalidInput
from localargo.eventsources.envelope import evaluate_filter, new_event
from localargo.expressions import ExpressionError, rawjson
from localargo.manifests.source_kinds.kind import SourceEvent, declared_events
from localargo.manifests.source_kinds.registry import KINDS, filter_expression
from localargo.ports import Event


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """`origin`: how the event was made from the input, for people.

    `dropped`: why the source's own filter keeps it from the bus; empty when it does not.
    """

    event: Event
    origin: str
    dropped: str


def event_from_input(text: str, documents: Sequence[Mapping[str, Any]], source: str, now: float) -> ParsedEvent:
    """The event that JSON text stands for, as the source would put it on the bus.

    `text`: a recorded event (CloudEvent in JSON), a payload in the source's shape, for a webhook also the body alone, for a bucket AWS'
    `Records` or an object's key, for a calendar an empty object. `source`: `NAME` or `NAME/EVENT`; empty when there is one choice.
    `now` (epoch seconds) is the event's time when the text gives none. Raises InvalidInput naming the possible events.
    """
    value = rawjson.loads(text)
    sources = [document for document in documents if document.get("kind") == "EventSource"]
    known = [event for each in sources for event in declared_events(str(each["metadata"]["name"]), each.get("spec"))]
    if isinstance(value, dict) and {"specversion", "source", "data"} <= value.keys() and not source:
        return _recorded(value, known, now)
    if isinstance(value, dict) and {"specversion", "type", "data"} <= value.keys() and "subject" in value:
        value = value["data"]
    declared = _declared_event(value, known, source, now)
    data, origin = _data(value, declared, now)
    return _parsed(new_event(declared.source, declared.event, declared.kind, data, now), origin, declared)


def _parsed(event: Event, origin: str, declared: SourceEvent | None) -> ParsedEvent:
    expression = filter_expression(declared.kind, declared.spec) if declared else ""
    dropped = ""
    if expression:
        try:
            dropped = "" if evaluate_filter(expression, event.data) else f"filter.expression {expression!r} is not true"
        except ExpressionError as error:
            dropped = f"filter.expression {expression!r} fails: {error}"
    if declared and not dropped:
        dropped = _by_its_fields(event.data, declared)
    return ParsedEvent(event, origin, dropped)


def _by_its_fields(data: bytes, declared: SourceEvent) -> str:
    drop = KINDS[declared.kind].dropped if declared.kind in KINDS else None
    return drop(rawjson.loads(data.decode()), declared.spec) if drop is not None else ""


def _recorded(value: dict[str, Any], known: Sequence[SourceEvent], now: float) -> ParsedEvent:
    fields = {name: str(value.get(name) or "") for name in ("id", "source", "subject", "type", "time")}
    data = rawjson.dumps(value["data"], sort=False).encode()
    made = new_event(fields["source"], fields["subject"], fields["type"], data, now, fields["id"])
    event = Event(made.id, made.source, made.subject, made.type, fields["time"] or made.time, made.data)
    at = [p for p in known if (p.source, p.event) == (event.source, event.subject)]
    origin = "as it was recorded" if at else f"as it was recorded; no EventSource here has {event.source}/{event.subject}"
    return _parsed(event, origin, at[0] if at else None)


def _declared_event(value: Any, known: Sequence[SourceEvent], source: str, now: float) -> SourceEvent:
    name, _, event = source.partition("/")
    found = [p for p in known if (not name or p.source == name) and (not event or p.event == event)]
    if len(found) > 1:
        found = _likely(value, found)
    if len(found) > 1 and len({p.kind for p in found}) == 1 and KINDS[found[0].kind].dropped is not None:
        # of one bucket's events the one whose filter lets the object through; the first, which then says why, where none does
        found = [p for p in found if not _by_its_fields(_data(value, p, now)[0], p)][:1] or found[:1]
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"{p.source}/{p.event} ({p.kind})" for p in (found or known)) or "there are no EventSources"
    raise InvalidInput(f"{'no event' if not found else 'more than one event'} matches; name the source as NAME/EVENT: {there}")


def _likely(value: Any, found: list[SourceEvent]) -> list[SourceEvent]:
    """Those whose payload looks like the value, else those that take any."""
    for name, kind in KINDS.items():
        of_kind = [event for event in found if event.kind == name]
        if of_kind and kind.recognises(value):
            return of_kind
    return [event for event in found if event.kind in KINDS and KINDS[event.kind].accepts_any_payload] or found


def _data(value: Any, event: SourceEvent, now: float) -> tuple[bytes, str]:
    """(payload as JSON text, how it was made)."""
    parse = KINDS[event.kind].parse if event.kind in KINDS else None
    parsed = parse(value, event, now) if parse is not None else None
    if parsed is None:
        return rawjson.dumps(value, html=True, sort=False).encode(), "as it is"
    metadata = event.spec.get("metadata")
    data = {**parsed.data, "metadata": dict(sorted(metadata.items()))} if metadata else parsed.data
    return rawjson.dumps(data, html=True, sort=False).encode(), parsed.origin
