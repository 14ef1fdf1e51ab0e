"""Parameters of triggers: values from events, written into the trigger's resource (pkg/sensors/triggers/params.go)."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localargo.errors import InvalidInput
from localargo.expressions import ExpressionError, gotemplate, jsonpaths, rawjson
from localargo.ports import Doc, Event, Json
from localargo.sensors.destinations import place

NO_VALUE = "<no value>"


@dataclass(frozen=True, slots=True)
class AcceptedEvent:
    """An event that a dependency accepted: its context, and the data after the transform."""

    event: Event
    data: bytes

    def context(self) -> dict[str, str]:
        """The event's context as templates and keys see it."""
        e = self.event
        return {
            "id": e.id,
            "source": e.source,
            "specversion": e.specversion,
            "type": e.type,
            "datacontenttype": e.datacontenttype,
            "subject": e.subject,
            "time": e.time,
        }


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one parameter wrote, and where. `skipped`: it wrote nothing, because its dependency has no event."""

    dest: str
    operation: str
    value: Json
    skipped: bool = False


def resolve(source: Mapping[str, Any], events: Mapping[str, AcceptedEvent]) -> tuple[Json, str]:
    """(value, its JSON text if it is to be written raw) of a parameter's `src`.

    Raises LookupError when the dependency has no event and there is no default, ExpressionError when it has no value.
    """
    taken = events.get(str(source["dependencyName"]))
    default = source.get("value")
    if taken is None:
        if default is not None:
            return default, ""
        raise LookupError(str(source["dependencyName"]))
    keys = ("contextKey", "contextTemplate", "dataKey", "dataTemplate")
    if not any(source.get(key) for key in keys):
        return (default, "") if default is not None else (_whole(taken), "")
    over_data = source.get("dataKey") or source.get("dataTemplate")
    document = taken.data.decode("utf-8", "replace") if over_data else rawjson.dumps(taken.context(), html=True)
    template, key = (
        (source.get("dataTemplate"), source.get("dataKey")) if over_data else (source.get("contextTemplate"), source.get("contextKey"))
    )
    failure = ""
    if template:
        try:
            made = gotemplate.render(str(template), {"Input": rawjson.loads_plain(document)})
            if made and made != NO_VALUE:
                return made, ""
            failure = f"template {template!r} gives no value"
        except ExpressionError as error:
            failure = str(error)
    if key:
        found = jsonpaths.get(document, str(key))
        if found.exists:
            if source.get("useRawData") and not isinstance(found.value, str):
                return _raw(found.raw), found.raw
            return found.text, ""
        failure = f"key {key!r} does not exist in the event"
    if default is not None:
        return default, ""
    raise ExpressionError(failure)


def _whole(taken: AcceptedEvent) -> str:
    """The whole event as JSON, its data in base64."""
    return rawjson.dumps({"context": taken.context(), "data": base64.b64encode(taken.data).decode()}, html=True, sort=False)


def _raw(text: str) -> Json:
    """A value that is written as it is. A number that does not fit a float cannot be part of a resource."""
    value = rawjson.loads_plain(text)
    rawjson.dumps(value)  # ExpressionError for an infinite number
    return value


def _text_at(resource: Doc, dest: str) -> str | None:
    """The value at the destination, as text; None when there is none."""
    found = place(resource, dest)
    there = found[0].get(found[1]) if found and isinstance(found[0], dict) else None
    if isinstance(there, str):
        return there
    at = jsonpaths.get(resource, dest)
    return at.text if at.exists else None


def apply(parameters: Sequence[Mapping[str, Any]], resource: Doc, events: Mapping[str, AcceptedEvent]) -> tuple[Doc, list[Resolved]]:
    """The resource with every parameter written, and what was written. Raises InvalidInput naming the parameter that has no value."""
    written: list[Resolved] = []
    if parameters:
        resource = copy.deepcopy(resource)
    for parameter in parameters:
        dest, operation = str(parameter["dest"]), str(parameter.get("operation") or "overwrite")
        try:
            value, raw = resolve(parameter["src"], events)
        except LookupError:
            written.append(Resolved(dest, operation, None, skipped=True))
            continue
        except ExpressionError as error:
            raise InvalidInput(f"parameter to {dest}: {error}") from error
        try:
            if operation in ("append", "prepend"):
                before = _text_at(resource, dest)
                if before is not None:
                    text = raw or str(value)
                    value = before + text if operation == "append" else text + before
            elif operation != "overwrite":
                raise ExpressionError(f"unsupported trigger parameter operation: {operation}")
            found = place(resource, dest)
            if found is None:
                resource = jsonpaths.set(resource, dest, value)
            else:
                found[0][found[1]] = value
        except ExpressionError as error:
            raise InvalidInput(f"parameter to {dest}: {error}") from error
        written.append(Resolved(dest, operation, value))
    return resource, written
