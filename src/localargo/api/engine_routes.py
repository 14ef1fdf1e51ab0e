"""The engine's own paths: documents of every kind, events and sources, and the engine itself."""

from __future__ import annotations

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localargo.api.backend import backend_of
from localargo.api.requests import body, label_filter
from localargo.errors import InvalidInput, NotFound
from localargo.eventbus.journal import Asked
from localargo.workflows.objects import PLURALS, known_kind

MOST_EVENTS = 10_000


def routes() -> list[Route]:
    """The paths of this module."""
    return [
        Route("/localargo/v1/info", info, methods=["GET"]),
        Route("/localargo/v1/apply", apply, methods=["POST"]),
        Route("/localargo/v1/objects/{kind}", list_objects, methods=["GET"]),
        Route("/localargo/v1/objects/{kind}/{name}", get_object, methods=["GET"]),
        Route("/localargo/v1/objects/{kind}/{name}", patch_object, methods=["PATCH"]),
        Route("/localargo/v1/objects/{kind}/{name}", delete_object, methods=["DELETE"]),
        Route("/localargo/v1/sources/{name}/{verb}", source, methods=["PUT"]),
        Route("/localargo/v1/tick/{event}", tick, methods=["POST"]),
        Route("/localargo/v1/tick/{source}/{event}", tick, methods=["POST"]),
        Route("/localargo/v1/events", events, methods=["GET"]),
        Route("/localargo/v1/events/{id}", event, methods=["GET"]),
        Route("/localargo/v1/shutdown", shutdown, methods=["POST"]),
    ]


async def info(request: Request) -> Response:
    """The engine: process, version, namespace, environment for shells, sources."""
    return JSONResponse(backend_of(request).engine.info())


async def apply(request: Request) -> Response:
    """Body: a List of documents, or one document."""
    tree = await body(request)
    items = tree.get("items", [tree])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InvalidInput("items must be a list of documents")
    engine = backend_of(request).engine
    await engine.provide(items)
    return JSONResponse({"apiVersion": "v1", "kind": "List", "items": await engine.apply_all(items)})


async def list_objects(request: Request) -> Response:
    """All documents of a kind, which may be given by its plural or short name."""
    found = backend_of(request).objects.list(_kind(request), label_filter(request.query_params))
    return JSONResponse({"apiVersion": "v1", "kind": "List", "items": found})


async def get_object(request: Request) -> Response:
    """One document."""
    return JSONResponse(backend_of(request).objects.get(_kind(request), request.path_params["name"]))


async def patch_object(request: Request) -> Response:
    """Body: a JSON merge patch."""
    patch = await body(request)
    return JSONResponse(backend_of(request).objects.patch(_kind(request), request.path_params["name"], patch))


async def delete_object(request: Request) -> Response:
    """Delete one document."""
    await backend_of(request).engine.deleted(_kind(request), request.path_params["name"])
    return JSONResponse({})


def _kind(request: Request) -> str:
    """The kind in the path. Raises InvalidInput for one that the engine neither knows nor holds documents of."""
    word = request.path_params["kind"]
    kind = known_kind(word)
    if kind not in PLURALS and not backend_of(request).objects.list(kind):
        raise InvalidInput(f"there is no kind {word!r}: use one of {', '.join(PLURALS)}")
    return kind


async def source(request: Request) -> Response:
    """Pause or resume an EventSource."""
    verb = request.path_params["verb"]
    if verb not in ("pause", "resume"):
        raise NotFound(f"an EventSource has no operation {verb!r}: use pause or resume")
    await backend_of(request).engine.pause(request.path_params["name"], verb == "pause")
    return JSONResponse({})


async def tick(request: Request) -> Response:
    """Fire a calendar event by hand."""
    return JSONResponse(await backend_of(request).engine.tick(request.path_params.get("source", ""), request.path_params["event"]))


async def events(request: Request) -> Response:
    """The journal, newest first, with what became of each event and the lag of every trigger; query `limit` and the fields of Asked."""
    text = request.query_params.get("limit") or "20"
    if not text.isdigit() or not 1 <= int(text) <= MOST_EVENTS:
        raise InvalidInput(f"limit {text!r} is not a number from 1 to {MOST_EVENTS}")
    given = request.query_params
    words = {name: given.get(name) or "" for name in ("before", "id", "contains", "name")}
    return JSONResponse(backend_of(request).engine.journal(int(text), Asked(since=_since(given.get("since") or ""), **words)))


def _since(text: str) -> float:
    try:
        found = float(text or 0)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise InvalidInput(f"since {text!r} is not a number of seconds since 1970")
    return found


async def event(request: Request) -> Response:
    """One event with its data."""
    return JSONResponse(backend_of(request).engine.event(request.path_params["id"]))


async def shutdown(request: Request) -> Response:
    """Ask the engine to end, after this answer."""
    return JSONResponse({}, background=BackgroundTask(backend_of(request).engine.shut_down))
