"""Events as a person asks about them: which model and object one is about, and what became of it at each Sensor."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from retrain.project.landing import UPLOAD

Doc = dict[str, Any]
CONTEXT = ("id", "source", "subject", "type", "time")
SENSOR, TRIGGER = "events.argoproj.io/sensor", "events.argoproj.io/trigger"
# the engine's word for what an event came to, and ours
WORDS = {
    "created": "started",
    "exists": "joined",
    "rejected": "dropped",
    "waits": "waits",
    "failed": "refused",
    "done": "done",
    "not yet": "not read yet",
    "unread": "not read yet, or no Sensor listens to it",
}


def of_journal(event: Mapping[str, Any]) -> Doc:
    """An event of the engine's journal, whose `outcomes` become `became`."""
    told = [
        {
            "sensor": each["sensor"],
            "trigger": each["trigger"],
            "became": WORDS.get(each["outcome"], each["outcome"]),
            "run": each["name"] if each["kind"] == "Workflow" else "",
            "reason": each["reason"],
        }
        for each in event["outcomes"]
    ]
    return {**{name: event[name] for name in CONTEXT}, **about(event), "ce_id": ce_id(event), "became": told}


def recorded(state: Path, limit: int, since: float = 0.0, **asked: str) -> Doc:
    """The newest events of an engine that does not run, in the form of a running one's answer. Raises Unavailable."""
    from localargo import recorded_events

    unread = {"sensor": "", "trigger": "", "outcome": "unread", "kind": "", "name": "", "reason": ""}
    found = recorded_events(state, limit, since, **asked)
    return {"events": [each | {"outcomes": each["outcomes"] or [unread]} for each in found], "triggers": []}


def of_workflow(workflow: Mapping[str, Any]) -> Doc | None:
    """The event that a Workflow was started by; None where no event says so in its arguments."""
    metadata, spec = workflow["metadata"], workflow.get("spec") or {}
    given = {p.get("name"): str(p.get("value") or "") for p in (spec.get("arguments") or {}).get("parameters") or []}
    context, asked, labels = decoded(given.get("context", "")), decoded(given.get("event", "")), metadata.get("labels") or {}
    if not context.get("id"):
        return None
    became = {
        "sensor": labels.get(SENSOR, ""),
        "trigger": labels.get(TRIGGER, ""),
        "became": "started",
        "run": metadata["name"],
        "reason": "",
    }
    return {
        **{name: text(context.get(name)) for name in CONTEXT},
        "model": text(asked.get("model")),
        "key": text(asked.get("key")),
        "reason": text(asked.get("reason")),
        "ce_id": ce_id({"data": {"body": asked.get("cloudevent"), "header": asked.get("headers")}}),
        "became": [became],
    }


def decoded(encoded: str) -> Doc:
    """The JSON object of base64; an empty one where it is none."""
    try:
        found = json.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, UnicodeDecodeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def about(event: Mapping[str, Any]) -> Doc:
    """Model, object and reason of an event, "" where it says none. The model is named by an upload's key, a request's body, or a
    calendar's metadata."""
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    key = _key(data)
    if key:
        upload = UPLOAD.fullmatch(key)
        model, folder = (upload[2], upload[1]) if upload else ("", "")
        return {"model": model, "key": key, "reason": {"incoming": "upload", "batches": "batch"}.get(folder, "")}
    body = data.get("body")
    body = body.get("data") if isinstance(body, dict) and "specversion" in body else body
    asked = next((each for each in (body, data.get("metadata")) if isinstance(each, dict)), {})
    return {name: text(asked.get(name)) for name in ("model", "key", "reason")}


def ce_id(event: Mapping[str, Any]) -> str:
    """The id that a CloudEvent at the webhook has from its sender, in its body or in its headers; "" of any other event."""
    data = event.get("data")
    body, headers = (data.get("body"), data.get("header")) if isinstance(data, dict) else (None, None)
    given = next((value for name, value in headers.items() if name.lower() == "ce-id"), "") if isinstance(headers, dict) else ""
    if isinstance(body, dict) and body.get("specversion") and not given:
        given = body.get("id")
    return text(given[0] if isinstance(given, list) and given else given)


def _key(data: Mapping[str, Any]) -> str:
    """The object of a bucket's notification."""
    try:
        return text(data["notification"][0]["s3"]["object"]["key"])
    except (KeyError, IndexError, TypeError):
        return ""


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def instant(time: str) -> float | None:
    """Seconds since 1970 of an event's time; None where it is none."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return None


def words(event: Mapping[str, Any]) -> str:
    """What became of an event, at each Sensor that listens to it."""
    return "; ".join(_words(each) for each in event["became"]) or "no Sensor listens to it"


def _words(became: Mapping[str, Any]) -> str:
    word, sensor = became["became"], became["sensor"]
    if word == "started":
        return f"started {became['run']}" if became["run"] else f"done by sensor {sensor}"
    if word == "joined":
        return f"joined {became['run']}, which asks for the same"
    if word == "dropped":
        return f"dropped by sensor {sensor}: {became['reason']}"
    if word == "refused":
        return f"refused to sensor {sensor}: {became['reason']}"
    return f"{word} (sensor {sensor})" if sensor else str(word)
