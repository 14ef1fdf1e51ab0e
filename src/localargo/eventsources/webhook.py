"""The webhook EventSource: status codes as Argo Events gives them (pkg/eventsources/sources/webhook).

200 means "on the bus". 400: not active, wrong method, a body that is not JSON, too large or too slow; 401: no or a wrong bearer token;
404: no such path; 500: the bus does not take the event, or the token cannot be read.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from localargo.errors import InvalidInput, LocalArgoError
from localargo.eventsources import payload
from localargo.eventsources.envelope import Envelope

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)

DEFAULT_PAYLOAD = 1 << 20
BODY_SECONDS = 30.0
MISSING = "Invalid Authorization Header"
WRONG = "Invalid Auth token"


class Endpoint:
    """One event of a webhook EventSource. `token` reads the bearer token anew for each request; None: none is asked."""

    def __init__(self, spec: Mapping[str, Any], envelope: Envelope, token: Callable[[], str] | None) -> None:
        self.path = "/" + str(spec.get("endpoint") or "").lstrip("/")
        self.method = str(spec.get("method") or "POST").upper()
        self.limit = int(spec.get("maxPayloadSize") or DEFAULT_PAYLOAD)
        self.metadata = spec.get("metadata")
        self.envelope = envelope
        self.active = True
        self.body_seconds = BODY_SECONDS
        self._token = token

    def admits(self, header: str | None) -> str | None:
        """None when the Authorization header is right (or none is asked); else Argo's words. Compared in constant time.

        Raises LocalArgoError when the token is empty or cannot be read: an empty token would let everybody in.
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
            return 400, f"the HTTP method does not match: {self.method} is taken here"
        try:
            async with asyncio.timeout(self.body_seconds):
                body = await read(scope, receive, self.limit)
            data = payload.of_request(self.method, scope["query_string"], scope["headers"], body, self.metadata)
        except TimeoutError:
            return 400, "the body comes too slowly"
        except InvalidInput as error:
            return 400, f"the body cannot be taken: {error}"
        return await self._send(data)

    async def _send(self, data: bytes) -> tuple[int, str]:
        try:
            await self.envelope.send(data)
        except (sqlite3.Error, LocalArgoError) as error:
            log.error("an event of %s/%s could not be stored: %s", self.envelope.source, self.envelope.subject, error)
            return 500, "the event could not be stored"
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
            raise InvalidInput("the client is gone")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise InvalidInput(f"it is larger than {limit} bytes")
        if not message.get("more_body"):
            return b"".join(parts)


class Application:
    """All endpoints of one port, as an ASGI application. Raises InvalidInput when two of them have one path."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._endpoints: dict[str, Endpoint] = {}
        for endpoint in endpoints:
            other = self._endpoints.setdefault(endpoint.path, endpoint)
            if other is not endpoint:
                one, two = (f"{e.envelope.source}/{e.envelope.subject}" for e in (other, endpoint))
                raise InvalidInput(f"{one} and {two} both listen on {endpoint.path} of one port: on one machine give one of them another")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        endpoint = self._endpoints.get(scope["path"])
        if endpoint is not None:
            status, text = await endpoint.answer(scope, receive)
        else:
            status, text = (200, "OK") if scope["path"] == "/health" else (404, "404 page not found")
        body = text.encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        if status != 200:
            headers.append((b"connection", b"close"))  # what is left of a body that was not read is not the next request
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
