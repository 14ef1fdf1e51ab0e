"""Who is told, and who a receiver is: its address and its key come from the Secret `notify`, as RETRAIN_NOTIFY, and from nowhere else.

RETRAIN_NOTIFY is JSON: {"<name>": {"url": "https://...", "key": "..."}}. Only https is accepted, and http to this machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from handlers.contracts import BadSpec, HandlerError, log
from handlers.modelspec.model import Notify
from handlers.modelspec.parse import load
from handlers.runs import requests
from handlers.storage import Store, optional_json

VARIABLE = "RETRAIN_NOTIFY"
SHORTEST_KEY = 16  # characters


class NoReceiver(HandlerError):
    """A receiver cannot be asked; the text says what of the Secret is missing or wrong, without its values."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """`key` signs; a receiver that speaks Slack's format has none: its address is the secret."""

    url: str
    key: str

    def __repr__(self) -> str:
        return "Receiver()"  # no secret in a log


def receiver(name: str, format_: str) -> Receiver:
    """The receiver of that name. Raises NoReceiver."""
    where = f"the key {name} of {VARIABLE} (Secret `notify`, key `receivers`)"
    found = _all().get(name)
    if found is None:
        raise NoReceiver(f"there is no receiver {name!r}: {where} is missing")
    if not isinstance(found, Mapping) or not isinstance(found.get("url"), str) or not isinstance(found.get("key", ""), str):
        raise NoReceiver(f'{where} must be {{"url": "https://...", "key": "..."}}')
    if unknown := sorted(set(found) - {"url", "key"}):
        raise NoReceiver(f"{where} has the unknown key {unknown[0]!r}; accepted: url, key")
    url, key = found["url"], found.get("key", "")
    if format_ == "cloudevents" and len(key) < SHORTEST_KEY:
        raise NoReceiver(f"{where} needs a `key` of at least {SHORTEST_KEY} characters: what it gets is signed")
    if why := _not_accepted(url):
        raise NoReceiver(f"{where} has a url that {why}; accepted: https://host[:port]/path, and http on this machine alone")
    return Receiver(url, key)


def _all() -> Mapping[str, Any]:
    text = os.environ.get(VARIABLE, "")
    try:
        found = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise NoReceiver(f"{VARIABLE} (Secret `notify`, key `receivers`) is not JSON") from None
    if not isinstance(found, Mapping):
        raise NoReceiver(f"{VARIABLE} (Secret `notify`, key `receivers`) must be an object of receivers by name")
    return found


def _not_accepted(url: str) -> str:
    """Why nothing may be sent there; "" when it may."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "cannot be read"
    if any(not "!" <= letter <= "~" for letter in url):
        return "has blanks, or letters beyond ASCII"
    if not host or port == 0:
        return "names no host"
    if parts.username is not None or parts.password is not None:
        return "has a user name in it"
    if parts.fragment:
        return "has a fragment"
    if parts.scheme == "https" or (parts.scheme == "http" and _loopback(host)):
        return ""
    return f"begins with {parts.scheme or 'no scheme'}://"


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def told_of(store: Store, model: str, run: str, spec: str = "") -> list[Notify]:
    """Who is told of a run's end, by the spec that the step was given, or else by the run's request.

    A run that could not read its spec is told to those whom the spec of the run before it names.
    """
    if spec:
        with suppress(BadSpec):
            return load(spec).notify
    document = requests.read(store, model, run) or _newest(store, model) or {}
    tree = document.get("spec")
    try:
        return TypeAdapter(list[Notify]).validate_python(tree.get("notify", []) if isinstance(tree, Mapping) else [])
    except ValidationError as error:
        log(
            "nobody is told",
            model=model,
            run=run,
            reason=f"the spec in the request of run {document.get('run')}: {error.errors()[0]['msg']}",
        )
        return []


def _newest(store: Store, model: str) -> dict[str, Any] | None:
    """The newest request of the model."""
    kept = [info for info in store.list(f"runs/{model}/") if info.key.endswith("/request.json")]
    return optional_json(store, max(kept, key=lambda info: info.modified).key) if kept else None
