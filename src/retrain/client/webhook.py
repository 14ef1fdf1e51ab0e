"""The webhook EventSource, seen from outside: CloudEvents posted to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localargo import InvalidInput, Unavailable
from retrain.client.connect import local_engine
from retrain.client.place import Cluster, Place

SECONDS = 60.0


class Webhook:
    """An address and its token."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    def post(self, event: Mapping[str, Any]) -> None:
        """Return once the event is on the bus. Raises Unavailable when nobody answers, InvalidInput when the event is not taken."""
        import httpx

        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/cloudevents+json"}
        try:
            answer = httpx.post(self._url, content=json.dumps(event).encode(), headers=headers, timeout=SECONDS)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Unavailable(f"the webhook {self._url} does not answer: {error}") from error
        if answer.status_code >= 500:
            raise Unavailable(f"the webhook {self._url} answers {answer.status_code}: {answer.text.strip()[:200]}")
        if answer.status_code != 200:
            raise InvalidInput(f"the webhook {self._url} answers {answer.status_code}: {answer.text.strip()[:200]}")


def webhook_of(place: Place, url: str | None, token: str | None) -> Webhook:
    """The place's webhook: the given one, or else the embedded engine's own."""
    if not url and not isinstance(place, Cluster):
        found: dict[str, str] = local_engine(place).info().get("environment") or {}
        url, token = found.get("RETRAIN_WEBHOOK_URL"), token or found.get("RETRAIN_WEBHOOK_TOKEN")
        if not url:
            raise Unavailable("no webhook listens: the engine's manifests have no webhook EventSource")
    if not url or not token:
        raise InvalidInput("give the webhook's address and token by --url and --token, or RETRAIN_WEBHOOK_URL and RETRAIN_WEBHOOK_TOKEN")
    return Webhook(url, token)
