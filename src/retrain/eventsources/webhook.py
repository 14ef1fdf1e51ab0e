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

from retrain.errors import InvalidInput, RetrainError
from retrain.eventsources import payload
from retrain.eventsources.envelope import Envelope

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
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

        Raises RetrainError when the token is empty or cannot be read: an empty token would let everybody in.
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

    async def answer(self, request: Request) -> tuple[int, str]:
        """Status and text of the answer."""
        try:
            refused = self.admits(request.headers.get("authorization"))
        except RetrainError as error:
            log.error("%s", error)
            return 500, "the token cannot be read"
        if refused:
            return 401, refused
        if not self.active:
            return 400, "the endpoint is not active"
        if request.method != self.method or request.method not in ("GET", "POST"):
            return 400, f"the HTTP method does not match: {self.method} is taken here"
        try:
            body = await asyncio.wait_for(read(request, self.limit), self.body_seconds)
            data = payload.of_request(request.method, request.scope["query_string"], request.headers.raw, body, self.metadata)
        except TimeoutError:
            return 400, "the body comes too slowly"
        except InvalidInput as error:
            return 400, f"the body cannot be taken: {error}"
        return await self._send(data)

    async def _send(self, data: bytes) -> tuple[int, str]:
        try:
            await self.envelope.send(data)
        except (sqlite3.Error, RetrainError) as error:
            log.error("an event of %s/%s could not be stored: %s", self.envelope.source, self.envelope.subject, error)
            return 500, "the event could not be stored"
        return 200, "success"


async def read(request: Request, limit: int) -> bytes:
    """The body, never more than `limit` bytes of it in memory. Raises InvalidInput."""
    from starlette.requests import ClientDisconnect

    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise InvalidInput(f"it is larger than {limit} bytes")
    parts, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise InvalidInput(f"it is larger than {limit} bytes")
            parts.append(chunk)
    except ClientDisconnect:
        raise InvalidInput("the client is gone") from None
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
        if scope["type"] == "http":
            response = await self._answer(scope, receive)
            await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        from starlette.requests import Request
        from starlette.responses import PlainTextResponse

        endpoint = self._endpoints.get(scope["path"])
        if endpoint is None:
            return PlainTextResponse("OK") if scope["path"] == "/health" else PlainTextResponse("404 page not found", 404)
        status, text = await endpoint.answer(Request(scope, receive))
        # what is left of a body that was not read to its end is not the next request
        return PlainTextResponse(text, status, headers={} if status == 200 else {"Connection": "close"})
