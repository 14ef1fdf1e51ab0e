"""What a reader who knows the token may do: train a model, stop a run, try its failed steps again."""

from __future__ import annotations

import asyncio
from typing import cast
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from localargo import InvalidInput, NotFound
from retrain.client.connect import models
from retrain.client.protocol import Operation
from retrain.client.workflows import asked_by_hand, run_model
from retrain.page import sessions
from retrain.page.site import Site, page, site_of
from retrain.page.workflows import Workflows

OPERATIONS = ("stop", "terminate", "retry")


async def sign_in(request: Request) -> Response:
    """A form for the token."""
    if site_of(request).sessions is None:
        raise HTTPException(404)
    return page(request, "sign_in.html", "Sign in", told="")


async def signed_in(request: Request) -> Response:
    known = site_of(request).sessions
    if known is None:
        raise HTTPException(404)
    fields = await sessions.form(request)
    if not known.knows(fields.get("token", "").strip()):
        return page(request, "sign_in.html", "Sign in", status=403, told="That is not the token. `retrain page` printed it when it began.")
    return sessions.remembered(RedirectResponse("/", 303), known.begin())


async def sign_out(request: Request) -> Response:
    known = site_of(request).sessions
    if known is not None:
        fields = await sessions.form(request)
        if sessions.is_own(request, known, fields):
            known.end(request)
    return RedirectResponse("/", 303)


async def operate(request: Request) -> Response:
    """One of OPERATIONS on the Workflow of a run."""
    site, model, run = site_of(request), request.path_params["model"], request.path_params["run"]
    operation = request.path_params["operation"]
    await sessions.acting(request, site.sessions)
    if operation not in OPERATIONS:
        raise HTTPException(404)

    def done() -> None:
        server = _workflows(site).server()
        if run_model(server.workflow(run)) != model:
            raise NotFound(f"{run} is no run of model {model}")
        server.operate(cast(Operation, operation), run, {})

    await asyncio.to_thread(done)
    return RedirectResponse(f"/runs/{quote(model, safe='')}/{quote(run, safe='')}", 303)


async def submit(request: Request) -> Response:
    """Train a model, for a reason."""
    site, model = site_of(request), request.path_params["model"]
    fields = await sessions.acting(request, site.sessions)
    reason = fields.get("reason", "").strip()
    if not reason:
        raise InvalidInput("say why the model is trained: the run keeps it")

    def done() -> str:
        server = _workflows(site).server()
        known = models(site.place) if site.place is not None else None
        if known is not None and model not in known:
            raise NotFound(f"there is no model {model!r}; models: {', '.join(known) or 'none yet'}")
        return str(server.create(asked_by_hand(model, reason, now=bool(fields.get("now"))))["metadata"]["name"])

    run = await asyncio.to_thread(done)
    return RedirectResponse(f"/runs/{quote(model, safe='')}/{quote(run, safe='')}", 303)


def _workflows(site: Site) -> Workflows:
    if site.workflows is None:
        raise NotFound("there is a bucket alone: runs are started and stopped where their engine or cluster is")
    return site.workflows
