"""What the bus keeps: the bounds of JetStream's stream, read from an EventBus document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localargo.errors import InvalidInput, LocalArgoError
from localargo.expressions import gotext

MESSAGES = 50_000  # Argo Events' own defaults (controller-config)
AGE = 168 * 3600.0
PAYLOAD = 1 << 20  # NATS' max_payload
BYTES = 1 << 30  # ours where Argo sets no bound: a laptop's disk is shared


class TooLarge(LocalArgoError):
    """An event is larger than the bus allows."""


class Full(LocalArgoError):
    """The bus is full and its policy is to refuse new events (`discard: 1`)."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept. Beyond that the oldest events are deleted, delivered or not; with `refuses` new events are refused instead.

    `payload`: bytes of one event with its data in base64.
    """

    messages: int = MESSAGES
    seconds: float = AGE
    bytes: int = BYTES
    refuses: bool = False
    payload: int = PAYLOAD


def read(document: Mapping[str, Any] | None) -> Retention:
    """The bounds that an EventBus document sets (`spec.jetstream` or `spec.jetstreamExotic`); None: the defaults.

    `streamConfig` is YAML text with maxMsgs, maxAge, maxBytes and discard; -1 means no bound. Raises InvalidInput naming the field.
    """
    spec = (document or {}).get("spec") or {}
    stream = spec.get("jetstream") or spec.get("jetstreamExotic") or {}
    given = _settings(stream.get("streamConfig"))
    return Retention(
        messages=_bound(given, "maxMsgs", MESSAGES),
        seconds=_age(given),
        bytes=_bound(given, "maxBytes", BYTES),
        refuses=str(given.get("discard", 0)).lower() in ("1", "new"),
        payload=_payload(stream.get("maxPayload")),
    )


def _settings(text: Any) -> Mapping[str, Any]:
    if not text:
        return {}
    import yaml

    try:
        found = yaml.safe_load(str(text))
    except yaml.YAMLError as error:
        raise InvalidInput(f"EventBus streamConfig: not valid YAML: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput("EventBus streamConfig: it must be a mapping, for example `maxMsgs: 50000`")
    return found


def _bound(given: Mapping[str, Any], field: str, default: int) -> int:
    value = given.get(field)
    if value is None or value == -1:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise InvalidInput(f"EventBus streamConfig.{field}: {value!r} is not a number above zero (or -1)")
    return value


def _age(given: Mapping[str, Any]) -> float:
    text = given.get("maxAge")
    if text is None:
        return AGE
    try:
        seconds = gotext.parse_duration(str(text))
    except InvalidInput as error:
        raise InvalidInput(f"EventBus streamConfig.maxAge: {error}") from error
    return seconds if seconds > 0 else float("inf")


def _payload(text: Any) -> int:
    """NATS' max_payload: a number of bytes, or text with a unit (`1MB`)."""
    if text is None or text == "":
        return PAYLOAD
    words = str(text).strip().upper().removesuffix("B")
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    factor = units.get(words[-1:], 1)
    digits = words.rstrip("KMG").strip()
    if not digits.isdigit() or int(digits) == 0:
        raise InvalidInput(f"EventBus maxPayload: {text!r} is not a size such as 1MB")
    return int(digits) * factor
