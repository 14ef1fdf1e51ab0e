"""The list of runs, and one run: its steps as they go, what it decided and why."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from localargo import LocalArgoError, NotFound
from retrain.answers.journal import about
from retrain.client.protocol import Doc
from retrain.client.workflows import ENDED, phase, run_model
from retrain.page import nodes
from retrain.page.drawing import graph
from retrain.page.drawing.graph import Box
from retrain.page.site import Site, page, site_of

ROWS = 50  # runs on one page
# the report is a page of its own: it may show nothing but itself, and runs nothing
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox"


async def listed(request: Request) -> Response:
    """Every run, the newest first."""
    site, query = site_of(request), request.query_params
    rows = (await site.questions.answer("runs"))["runs"]
    models, outcomes = sorted({row["model"] for row in rows}), sorted({row["outcome"] for row in rows})
    model, outcome = query.get("model", ""), query.get("outcome", "")
    found = [row for row in rows if model in ("", row["model"]) and outcome in ("", row["outcome"])]
    found.sort(key=lambda row: -(row["at"] or 0))
    pages = max(1, math.ceil(len(found) / ROWS))
    number = min(pages, max(1, int(query.get("page", "1")) if query.get("page", "1").isdecimal() else 1))
    given: Doc = {"rows": found[(number - 1) * ROWS : number * ROWS], "all": len(found), "number": number, "pages": pages}
    chosen: Doc = {"model": model, "outcome": outcome, "models": models, "outcomes": outcomes}
    return page(request, "runs.html", "Runs", topics="bucket", **given, **chosen)


async def named(request: Request) -> Response:
    """A run by its name alone, as an event names it."""
    site, name = site_of(request), request.path_params["run"]
    seen = site.workflows.get(name) if site.workflows is not None else None
    model = seen.model if seen and seen.model else (await site.questions.answer("run", "--", name))["model"]
    return RedirectResponse(f"/runs/{quote(model, safe='')}/{quote(name, safe='')}")


async def one(request: Request) -> Response:
    """One run."""
    site, model, name = site_of(request), request.path_params["model"], request.path_params["run"]
    found, workflow = await _found(site, model, name)
    boxes, after = nodes.graph(workflow) if workflow else _of_bucket(found)
    return page(
        request,
        "run.html",
        name,
        topics=f"bucket workflow:{name}",
        model=model,
        run=name,
        found=found,
        graph=graph.chart(boxes, after, f"Steps of run {name}"),
        steps=nodes.rows(workflow) if workflow else [],
        workflow=workflow,
        phase=phase(workflow) if workflow else "",
        state=_state(found, workflow),
        ended=bool(found and found["result"]) or phase(workflow) in ENDED,
        metrics=_metrics(found),
        slices=_slices(found),
    )


async def _found(site: Site, model: str, name: str) -> tuple[Doc, Doc]:
    """What the bucket knows of a run, and its Workflow; one of them may be empty. Raises NotFound where both are."""
    workflow = await _workflow(site, model, name)
    try:
        found = await site.questions.answer("run", "--model", model, "--", name)
    except NotFound:
        if not workflow:
            raise
        found = {}
    if found and site.place is not None and not found["events"]:
        events = await asyncio.to_thread(about, name, site.place)
        found = {**found, "events": [each for each in events if any(became["run"] == name for became in each["became"])]}
    return found, workflow


async def _workflow(site: Site, model: str, name: str) -> Doc:
    if site.workflows is None:
        return {}
    try:
        found = await asyncio.to_thread(site.workflows.whole, name)
    except LocalArgoError:
        return {}  # deleted after its time, or no server: the bucket tells what it knows
    return found if run_model(found) in ("", model) else {}


def _state(found: Doc, workflow: Doc) -> str:
    """The run's outcome, else the phase of its Workflow."""
    if found and found["outcome"] != "running":
        return str(found["outcome"])
    return str((workflow.get("status") or {}).get("phase") or ("Pending" if workflow else found.get("outcome", "")))


def _of_bucket(found: Doc) -> tuple[list[Box], dict[str, list[str]]]:
    """How far a run has come, by what it has left: without an engine nobody knows its steps."""
    chain = found["chain"]
    snapshot, dataset, verdict = chain["snapshot"], chain["dataset"], chain["verdict"]
    stages = [
        ("event", chain["event"], (chain["event"] or {}).get("reason") or "came"),
        ("snapshot", snapshot, f"{snapshot['objects']:,} objects" if snapshot else ""),
        ("dataset", dataset, f"{sum(role['rows'] for role in dataset['roles'].values()):,} rows" if dataset else ""),
        ("trials", chain["trials"], f"{len(chain['trials']):,} trials"),
        ("verdict", verdict, verdict["decision"] if verdict else ""),
        ("champion", chain["champion"], f"number {chain['champion']['number']}" if chain["champion"] else ""),
    ]
    there = [Box(name, name, "Succeeded" if done else "Omitted", told if done else "none") for name, done, told in stages]
    return there, {box.key: [before.key] for before, box in pairwise(there)}


def _metrics(found: Doc) -> list[Doc]:
    """Every metric on test, the gate's own first."""
    verdict = found.get("verdict") or {}
    values = (verdict.get("baseline") or {}).get("values") or {}
    names = sorted(verdict.get("metrics") or {}, key=lambda name: (name != verdict.get("metric"), name))
    return [{"name": name, "baseline": values.get(name), **verdict["metrics"][name]} for name in names]


def _slices(found: Doc) -> dict[str, list[Doc]]:
    by_column: dict[str, list[Doc]] = {}
    for row in (found.get("verdict") or {}).get("slices") or []:
        by_column.setdefault(str(row["column"]), []).append(row)
    return by_column


async def report(request: Request) -> Response:
    """The run's own page, as it is in the bucket."""
    site, model, name = site_of(request), request.path_params["model"], request.path_params["run"]
    found: Any = await site.questions.fresh("report", model, name)
    return HTMLResponse(found["html"], headers={"Content-Security-Policy": REPORT_POLICY})
