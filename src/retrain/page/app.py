"""The application: its pages, what may reach it, and what its pages may load."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localargo import InvalidInput, LocalArgoError, NotFound, Unavailable
from retrain.page import actions, events, logs, metrics, models, overview, profiles, queue, runs, trials
from retrain.page.sessions import TokenForAll
from retrain.page.site import STATIC, Site, page, site_of, static

log = logging.getLogger(__name__)

STATUS: Mapping[type[LocalArgoError], int] = {NotFound: 404, InvalidInput: 400, Unavailable: 503}
TITLES = {
    400: "That cannot be asked",
    403: "That may not be done",
    404: "There is no such thing",
    405: "That cannot be done here",
    503: "No answer",
}
WHY = {
    403: "Nothing was changed. `retrain page --act` allows it, to those who sign in and send the form from the page that shows it.",
}
# nothing is loaded from elsewhere, no script or style stands in a page, no other page may frame this one
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def build(site: Site, hosts: list[str], token_for_all: bool = False) -> Starlette:
    """The application on a site. It answers requests that name one of these hosts, so that no other page's address leads here; with
    `token_for_all` only to those who know the token."""

    @asynccontextmanager
    async def running(_app: Starlette) -> AsyncIterator[None]:
        await site.questions.start()
        if site.workflows is not None:
            site.workflows.start(asyncio.get_running_loop())
        yield
        if site.workflows is not None:
            site.workflows.stop()
        await site.questions.stop()

    told = {LocalArgoError: refused, HTTPException: unknown, Exception: broken}
    guards = [Middleware(Headers), Middleware(TrustedHostMiddleware, allowed_hosts=hosts)]
    if token_for_all and site.sessions is not None:
        guards.append(Middleware(TokenForAll, sessions=site.sessions))
    app = Starlette(routes=routes(), exception_handlers=told, middleware=guards, lifespan=running)
    app.state.site = site
    return app


def routes() -> list[Route]:
    """Every path there is."""
    one = "/runs/{model}/{run}"
    return [
        Route("/", overview.overview),
        Route("/runs", runs.listed),
        Route("/runs/{run}", runs.named),
        Route(one, runs.one),
        Route(f"{one}/trials", trials.shown),
        Route(f"{one}/logs", logs.shown),
        Route(f"{one}/logs/{{node}}/lines", logs.lines),
        Route(f"{one}/report", runs.report),
        Route("/models/{model}", models.shown),
        Route("/models/{model}/profile", profiles.shown),
        Route("/events", events.listed),
        Route("/events/{id}", events.one),
        Route("/queue", queue.shown),
        Route("/metrics", metrics.shown),
        Route("/sign-in", actions.sign_in),
        Route("/sign-in", actions.signed_in, methods=["POST"]),
        Route("/sign-out", actions.sign_out, methods=["POST"]),
        Route(f"{one}/{{operation}}", actions.operate, methods=["POST"]),
        Route("/models/{model}/submit", actions.submit, methods=["POST"]),
        Route("/changes", changes),
        Route("/static/{name}", resource),
        Route("/healthz", healthz),
    ]


class Headers:
    """Gives every answer the headers that it has not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((n.lower().encode(), v.encode()) for n, v in HEADERS.items() if n.lower().encode() not in there),
                ]
            await send(message)

        await self._app(scope, receive, sending)


async def changes(request: Request) -> Response:
    """What has changed, as it changes."""
    return StreamingResponse(site_of(request).news.stream(), media_type="text/event-stream")


async def resource(request: Request) -> Response:
    """A file that the pages refer to, by the digest of its content."""
    name = request.path_params["name"]
    if name not in STATIC:
        raise HTTPException(404)
    data, digest = static(name)
    kept = "public, max-age=31536000, immutable" if request.query_params.get("v") == digest else "no-cache"
    return Response(data, media_type=STATIC[name], headers={"Cache-Control": kept})


async def healthz(_request: Request) -> Response:
    """200 while the event loop runs."""
    return PlainTextResponse("ok")


async def refused(request: Request, error: Exception) -> Response:
    """An error that a request can cause, with what to do about it."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    return page(request, "refused.html", TITLES.get(status, "That failed"), status=status, told=str(error))


async def unknown(request: Request, error: Exception) -> Response:
    """No such path or method."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    told = WHY.get(status, f"{request.method} {request.url.path}")
    return page(request, "refused.html", TITLES.get(status, "That failed"), status=status, told=told)


async def broken(request: Request, error: Exception) -> Response:
    """A defect of this program."""
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return page(request, "refused.html", "That failed", status=500, told=f"{type(error).__name__}: {error}")
