"""Events: which came, what became of each at each Sensor, and which run it started."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from localargo import LocalArgoError
from retrain.answers.events import known
from retrain.client.protocol import Doc
from retrain.page.site import Site, page, site_of

MOST = 200


async def listed(request: Request) -> Response:
    """The newest events."""
    site, model = site_of(request), request.query_params.get("model", "")
    found = await _found(site, model)
    models = [row["model"] for row in (await site.questions.answer("models"))["models"]]
    return page(
        request,
        "events.html",
        "Events",
        topics="bucket workflows",
        every=5 if found["journal"] else 0,
        found=found,
        models=models,
        model=model,
        most=MOST,
    )


async def _found(site: Site, model: str) -> Doc:
    """Those of the engine's journal or of the cluster's Workflows, else those that runs in the bucket name."""
    why = "There is a bucket alone, so these are the events that its runs name; what a Sensor dropped is known to its engine."
    if site.place is not None:
        try:
            return await asyncio.to_thread(known, site.place, model, 0.0, MOST)
        except LocalArgoError as error:
            why = f"{error}; these are the events that runs in the bucket name."
    chosen = ("--model", model) if model else ()
    found = await site.questions.answer("events", "--limit", str(MOST), *chosen)
    return {"events": found["events"], "triggers": [], "journal": False, "note": why}


async def one(request: Request) -> Response:
    """One event and everything that it led to."""
    site, name = site_of(request), request.path_params["id"]
    found = (await _found(site, ""))["events"]
    event = next((each for each in found if each["id"] == name), None)
    told: Doc = {}
    try:
        told = await site.questions.answer("event", "--", name)
    except LocalArgoError:
        if event is None:
            raise
    return page(request, "event.html", "Event", topics="bucket workflows", event=event or told["event"], told=told)
