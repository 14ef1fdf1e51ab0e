"""What the engine knows about one kind of EventSource. Pure: the part that runs is a module of `localargo.eventsources`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localargo.manifests.document import Document
from localargo.manifests.report import Report
from localargo.manifests.support_table import Table

SPEC_FIELDS = ("eventBusName", "replicas", "service", "template")  # fields of an EventSource's spec that are not kinds


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """One event that an EventSource declares."""

    source: str
    event: str
    kind: str
    spec: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ParsedPayload:
    """A payload in the shape of its source, and for people how it was made from the input."""

    data: dict[str, Any]
    origin: str


Lint = Callable[[Document, Report, Mapping[str, Any], str], None]
PathLint = Callable[[Document, Report, list[str], str], None]
Drop = Callable[[Any, Mapping[str, Any]], str]
Parse = Callable[[Any, SourceEvent, float], ParsedPayload | None]


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of EventSource. The defaults describe a kind that does not run here: its events can be replayed.

    `sample`: a payload as Argo delivers it.
    `driver`: the module of `localargo.eventsources` that runs the kind; empty when nothing does.
    `refusal`: why nothing does.
    `schema`: which fields of the kind's part of Argo's schema the engine honours.
    `replicated`: Argo runs such a source in several pods, so it cannot be in one EventSource with a kind that needs a single pod.
    `filters_payload`: `filter.expression` is a field of the kind.
    `payload_fields`: the fields at the top of a payload; empty when its sender chooses them.
    `recognised_by`: a JSON object with all fields of one of these is a payload of the kind.
    `accepts_any_payload`: any JSON value can be a payload.
    `parse(input, event, now)`: the payload from what a person has at hand; None when the input is a payload already.
    `dropped(payload, spec)`: why the source's own filter keeps an event from the bus, for kinds that filter by their own fields.
    `lint(document, report, spec, path)` checks one event, `lint_together(document, report, events, path)` all of one EventSource,
    `lint_path(document, report, parts, path)` a Sensor's path into the payload, split at its dots.
    """

    sample: Any
    driver: str = ""
    refusal: str = ""
    schema: Table = field(default_factory=dict)
    replicated: bool = False
    filters_payload: bool = True
    payload_fields: tuple[str, ...] = ()
    recognised_by: tuple[tuple[str, ...], ...] = ()
    accepts_any_payload: bool = False
    parse: Parse | None = None
    dropped: Drop | None = None
    lint: Lint | None = None
    lint_together: Lint | None = None
    lint_path: PathLint | None = None

    def recognises(self, value: Any) -> bool:
        """Whether the value has the fields of a payload of this kind."""
        return isinstance(value, dict) and any(all(name in value for name in names) for names in self.recognised_by)


def declared_events(source: str, spec: Any) -> Iterator[SourceEvent]:
    """The events in the `spec` of the EventSource `source`, of any kind, whether it runs here or not."""
    for kind, events in spec.items() if isinstance(spec, dict) else ():
        if kind not in SPEC_FIELDS and isinstance(events, dict):
            for name, event in events.items():
                yield SourceEvent(source, str(name), kind, event if isinstance(event, dict) else {})
