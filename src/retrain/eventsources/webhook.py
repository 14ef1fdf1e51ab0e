"""The webhook EventSource: status codes and payloads as Argo Events gives them (pkg/eventsources/sources/webhook).

200 means "on the bus". 400: wrong method, a body that is not JSON, or one that is too large; 401: no or a wrong bearer token; 404: no such
path; 500: the bus does not take it.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import sqlite3
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from retrain.eventsources.envelope import Envelope
from retrain.expressions import ExpressionError, rawjson

log = logging.getLogger(__name__)

DEFAULT_PAYLOAD = 1 << 20
BODY_SECONDS = 30.0
DEEPEST = 512  # levels of a JSON body
MASKED = "*** Masked Auth Secret ***"
FORM = "application/x-www-form-urlencoded"


class Endpoint:
    """One event of a webhook EventSource."""

    def __init__(self, spec: dict[str, Any], envelope: Envelope, token: Callable[[], str] | None) -> None:
        self.path = str(spec.get("endpoint") or "/")
        self.method = str(spec.get("method") or "POST").upper()
        self.limit = int(spec.get("maxPayloadSize") or DEFAULT_PAYLOAD)
        self.metadata = spec.get("metadata")
        self.envelope = envelope
        self.active = True
        self._token = token

    def admits(self, header: str | None) -> str | None:
        """None when the Authorization header is right (or none is asked); else Argo's words. Compared in constant time."""
        if self._token is None:
            return None
        if header is None or not header.startswith("Bearer "):
            return "Invalid Authorization Header"
        given = header.removeprefix("Bearer ").encode("utf-8", "surrogateescape")
        return None if hmac.compare_digest(given, self._token().encode()) else "Invalid Auth token"

    async def answer(self, request: Request) -> Response:
        refused = self.admits(request.headers.get("authorization"))
        if refused:
            return PlainTextResponse(refused, 401)
        if not self.active:
            return PlainTextResponse("the endpoint is not active", 400)
        if request.method != self.method or request.method not in ("GET", "POST"):
            return PlainTextResponse(f"the HTTP method does not match: {self.method} is taken here", 400)
        try:
            body = await asyncio.wait_for(read(request, self.limit), BODY_SECONDS)
            data = payload(request, body, self.metadata)
        except (ValueError, ExpressionError, TimeoutError) as error:
            return PlainTextResponse(f"the body cannot be taken: {error or 'it came too slowly'}", 400)
        except ClientDisconnect:
            return Response(status_code=400)
        try:
            await self.envelope.send(data)
        except sqlite3.Error as error:
            log.error("an event could not be stored: %s", error)
            return PlainTextResponse("the event could not be stored", 500)
        return PlainTextResponse("success")


async def read(request: Request, limit: int) -> bytes:
    """The body, never more than `limit` bytes of it. Raises ValueError."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise ValueError(f"it is larger than {limit} bytes")
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise ValueError(f"it is larger than {limit} bytes")
        parts.append(chunk)
    return b"".join(parts)


def payload(request: Request, body: bytes, metadata: Any) -> bytes:
    """The event's data as JSON text: `header`, `body` and, if the EventSource has any, `metadata`. Raises ValueError."""
    if request.method == "GET":
        content = json.dumps(_values(request.url.query))
    elif request.headers.get("content-type") == FORM:
        content = json.dumps(_values(body.decode("utf-8", "replace")), ensure_ascii=False)
    else:
        content = json_text(body)
    parts = [f'"header":{json.dumps(headers(request), ensure_ascii=False)}', f'"body":{content}']
    if metadata:
        parts.append(f'"metadata":{json.dumps(metadata, ensure_ascii=False)}')
    return ("{" + ",".join(parts) + "}").encode()


def json_text(body: bytes) -> str:
    """The body itself when it is JSON, so that numbers keep their digits. Raises ValueError for what Go's encoding/json refuses."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    depth = deepest = 0
    for char in text:
        depth += (char in "[{") - (char in "]}")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    rawjson.loads(text)
    return text.strip()


def _values(query: str) -> dict[str, list[str]]:
    """Names with all their values, as Go's url.Values."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=1000):
        found.setdefault(name, []).append(value)
    return dict(sorted(found.items()))


def headers(request: Request) -> dict[str, list[str]]:
    """Header names in Go's canonical spelling with their values; Host is left out, Authorization is masked."""
    found: dict[str, list[str]] = {}
    for raw, value in request.headers.raw:
        name = "-".join(part[:1].upper() + part[1:].lower() for part in raw.decode("latin-1").split("-"))
        if name != "Host":
            found.setdefault(name, []).append(MASKED if name == "Authorization" else value.decode("latin-1"))
    return dict(sorted(found.items()))


class Application:
    """All endpoints of one port."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self._endpoints = {endpoint.path: endpoint for endpoint in endpoints}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        endpoint = self._endpoints.get(request.url.path)
        if endpoint is not None:
            response = await endpoint.answer(request)
        elif request.url.path == "/health":
            response = PlainTextResponse("OK")
        else:
            response = PlainTextResponse("404 page not found", 404)
        await response(scope, receive, send)
