"""The application: routes, errors as JSON, and who may call it."""

from __future__ import annotations

import hmac
import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from localargo import errors
from localargo.api import about, engine_routes, templates, workflows
from localargo.api.backend import Backend
from localargo.ports import Json
from localargo.store import unreadable

log = logging.getLogger(__name__)

STATUS: Mapping[type[errors.LocalArgoError], int] = {
    errors.InvalidInput: 400,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.Unsupported: 422,
    errors.Unavailable: 503,
}
# gRPC's, which Argo's clients read in bodies
CODES: Mapping[int, int] = {400: 3, 401: 16, 404: 5, 405: 5, 409: 6, 422: 12, 500: 13, 503: 14}


def build(backend: Backend) -> Starlette:
    """The application on one engine."""
    routes = [Route("/healthz", healthz), *about.routes(), *workflows.routes(), *templates.routes(), *engine_routes.routes()]
    told = {errors.LocalArgoError: refused, sqlite3.OperationalError: unstored, Exception: broken, 404: no_route, 405: no_route}
    app = Starlette(routes=routes, exception_handlers=told)
    app.state.backend = backend
    return app


class TokenRequired:
    """Lets a request through only with `Authorization: Bearer <token>`; compared in constant time."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if scope["path"] == "/healthz" or hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, send)
        else:
            answer = failure(401, "a bearer token is needed: see the file `token` in the state folder", "Unauthorized")
            answer.headers["WWW-Authenticate"] = "Bearer"
            await answer(scope, receive, send)


async def healthz(request: Request) -> Response:
    """200 while the event loop runs."""
    return JSONResponse({"status": "ok"})


async def refused(request: Request, error: Exception) -> Response:
    """An error that a request can cause, as JSON with the name of its class."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    return failure(status, str(error), type(error).__name__)


async def unstored(request: Request, error: Exception) -> Response:
    """The database cannot be written: its disk is full, for one."""
    log.error("%s %s: %s", request.method, request.url.path, error)
    return await refused(request, unreadable(Path("engine.db"), cast("sqlite3.OperationalError", error)))


async def broken(request: Request, error: Exception) -> Response:
    """A defect of the engine."""
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return failure(500, f"internal error: {type(error).__name__}: {error}", "LocalArgoError")


async def no_route(request: Request, error: Exception) -> Response:
    """No such path or method."""
    return failure(getattr(error, "status_code", 404), f"{request.method} {request.url.path}: there is no such path or method", "NotFound")


def failure(status: int, message: str, kind: str) -> Response:
    """The shape of every error; `status` is HTTP's."""
    content: dict[str, Json] = {"code": CODES.get(status, 2), "message": message, "kind": kind}
    return JSONResponse(content, status)
