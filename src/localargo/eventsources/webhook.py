"""The webhook EventSource: status codes as Argo Events gives them (pkg/eventsources/sources/webhook).

200 means "on the bus". 400: not active, wrong method, a body that is not JSON, too large or too slow; 401: no or a wrong bearer token;
404: no such path; 500: the bus does not store the event, or the token cannot be read.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import sqlite3
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from localargo.errors import InvalidInput, LocalArgoError
from localargo.eventsources import payload
from localargo.eventsources.driver import Driver, Resources, RunningSource
from localargo.eventsources.envelope import Envelope
from localargo.manifests.source_kinds.kind import SourceEvent

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

log = logging.getLogger(__name__)

DEFAULT_PAYLOAD = 1 << 20
BODY_SECONDS = 30.0
MISSING = "Invalid Authorization Header"
WRONG = "Invalid Auth token"


class Endpoint:
    """One event of a webhook EventSource. `token` reads the bearer token anew for each request; None: no token is needed."""

    def __init__(self, spec: Mapping[str, Any], envelope: Envelope, token: Callable[[], str] | None) -> None:
        self.path = "/" + str(spec.get("endpoint") or "").lstrip("/")
        self.method = str(spec.get("method") or "POST").upper()
        self.limit = int(spec.get("maxPayloadSize") or DEFAULT_PAYLOAD)
        self.metadata = spec.get("metadata")
        self.envelope = envelope
        self.active = False
        self.body_seconds = BODY_SECONDS
        self._token = token

    def start(self) -> None:
        self.active = True

    async def stop(self) -> None:
        self.active = False

    def admits(self, header: str | None) -> str | None:
        """None when the Authorization header is right (or not needed); else Argo's message. Compared in constant time.

        Raises LocalArgoError when the token is empty or cannot be read: an empty token would admit everybody.
        """
        if self._token is None:
            return None
        if header is None or not header.startswith("Bearer "):
            return MISSING
        wanted = self._token()
        if not wanted:
            raise InvalidInput(f"the token of {self.envelope.source}/{self.envelope.subject} is empty")
        given = header.removeprefix("Bearer ").encode("latin-1", "replace")
        return None if hmac.compare_digest(given, wanted.encode()) else WRONG

    async def answer(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        """Status and text of the answer to an ASGI request."""
        try:
            refused = self.admits(_header(scope, b"authorization"))
        except LocalArgoError as error:
            log.error("%s", error)
            return 500, "the token cannot be read"
        if refused:
            return 401, refused
        if not self.active:
            return 400, "the endpoint is not active"
        if scope["method"] != self.method or self.method not in ("GET", "POST"):
            return 400, f"the HTTP method does not match: this endpoint accepts {self.method}"
        try:
            async with asyncio.timeout(self.body_seconds):
                body = await read(scope, receive, self.limit)
            data = payload.request_payload(self.method, scope["query_string"], scope["headers"], body, self.metadata)
        except TimeoutError:
            return 400, "the body arrived too slowly"
        except InvalidInput as error:
            return 400, f"the body is refused: {error}"
        return await self._send(data)

    async def _send(self, data: bytes) -> tuple[int, str]:
        try:
            await self.envelope.send(data)
        except (sqlite3.Error, LocalArgoError) as error:
            log.error("an event of %s/%s could not be stored: %s", self.envelope.source, self.envelope.subject, error)
            return 500, f"the event could not be stored ({error}): send it again"
        return 200, "success"


def _header(scope: Scope, name: bytes) -> str | None:
    """The first header of the (lowercase) name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None


async def read(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The body, never more than `limit` bytes of it in memory. Raises InvalidInput."""
    declared = _header(scope, b"content-length") or ""
    if declared.isdigit() and int(declared) > limit:
        raise InvalidInput(f"it is larger than {limit} bytes")
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InvalidInput("the client has disconnected")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise InvalidInput(f"it is larger than {limit} bytes")
        if not message.get("more_body"):
            return b"".join(parts)


def _open(event: SourceEvent, envelope: Envelope, resources: Resources) -> RunningSource:
    endpoint = Endpoint(event.spec, envelope, _token(event.spec, resources.secret))
    resources.http.add(int(event.spec.get("port") or 0), endpoint)
    return endpoint


def _token(spec: Mapping[str, Any], secret: Callable[[str, str], str]) -> Callable[[], str] | None:
    """Reads the bearer token anew for each request, so that it can be changed; one newline at its end is not part of it."""
    reference = spec.get("authSecret")
    if not reference:
        return None
    name, key = str(reference["name"]), str(reference["key"])
    return lambda: secret(name, key).removesuffix("\n")


DRIVER: Driver = _open
