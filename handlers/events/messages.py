"""An event as an HTTP message: a signed CloudEvent in structured mode, or a Slack message. Pure.

Structured mode, since a signature covers the body: attributes in headers could be changed under it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.contracts import counted
from handlers.events.told import KINDS
from handlers.storage import canonical_json

SIGNATURE = "Retrain-Signature"
SECTION = 2900  # characters of a section that Slack shows; it accepts 3,000
HEADLINES = {
    "promoted": "{model} has a new champion",
    "refused": "{model} keeps its champion: the new model was refused",
    "failed": "A run of {model} has failed",
    "data-refused": "The data of {model} cannot be used",
    "lost-trials": "A run of {model} has lost trials",
}


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent by POST."""

    headers: dict[str, str]
    body: bytes


def cloudevent(event: Mapping[str, Any], key: str, now: int) -> Message:
    """The event, written by the SDK, and its signature at this second."""
    from cloudevents.core.bindings.http import HTTPMessage, from_structured, to_structured
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    form = JSONFormat()
    read = from_structured(HTTPMessage({}, canonical_json(event).encode()), form, CloudEvent)
    message = to_structured(read, form)
    return Message({**message.headers, SIGNATURE: signature(message.body, key, now)}, message.body)


def signature(body: bytes, key: str, now: int) -> str:
    """`t=<seconds since 1970>,v1=<hex of HMAC-SHA256 over "<t>." and the body>`: a message that is sent again later has another one."""
    return f"t={now},v1={hmac.new(key.encode(), f'{now}.'.encode() + body, hashlib.sha256).hexdigest()}"


def slack(event: Mapping[str, Any], kind: str) -> Message:
    """Sentences as Slack's incoming webhooks take them, and what speaks their format."""
    data = event["data"]
    headline = HEADLINES[kind].format(model=data["model"])
    sentences = [_sentence(data["reason"])]
    if data["metric"] and data["test"]:
        sentences.append(f"{data['metric']} on test: {_valued(data['test'])}{_better(data['difference'])}.")
    if data["trial"]:
        params = ", ".join(f"{name}={value}" for name, value in (data["params"] or {}).items())
        sentences.append(f"Trial {data['trial']}" + (f" ({params})." if params else "."))
    if data["lost"]:
        sentences.append(f"{counted(data['lost'], 'trial')} of {data['lost'] + data['trials']} lost.")
    where = f"Run {data['run']}, report: {data['report']} in the bucket"
    text = "\n".join(map(_escaped, sentences))
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{_escaped(headline)}*\n{text}"[:SECTION]}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(where)[:SECTION]}]},
    ]
    document = {"text": f"{_escaped(headline)}. {text}"[:SECTION], "blocks": blocks}
    return Message({"content-type": "application/json"}, json.dumps(document, ensure_ascii=False).encode())


def _sentence(reason: str) -> str:
    return reason if reason.endswith(".") else f"{reason}."


def _valued(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "undefined"
    if found["low"] is None:
        return f"{found['value']:.4g}"
    return f"{found['value']:.4g} ({round(found['confidence'] * 100)} % interval {found['low']:.4g} to {found['high']:.4g})"


def _better(difference: Mapping[str, Any] | None) -> str:
    return f", better than the champion's by {_valued(difference)}" if difference and difference["value"] is not None else ""


def _escaped(text: str) -> str:
    """Text that begins no link, mention or entity: what a file's column is called must not ring a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def of(event: Mapping[str, Any], kind: str, format_: str, key: str, now: int) -> Message:
    """The event in a receiver's format."""
    if kind not in KINDS:
        raise ValueError(f"there is no kind of event {kind!r}")
    return slack(event, kind) if format_ == "slack" else cloudevent(event, key, now)
