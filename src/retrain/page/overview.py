"""The first page: what runs now, the models with their champions, and how the last runs ended."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from retrain.client.protocol import Doc
from retrain.page.drawing.lines import spark
from retrain.page.site import page, site_of

LAST = 12  # runs
MOST_SPARKS = 40  # models whose champions are drawn as a line: a question each


async def overview(request: Request) -> Response:
    site = site_of(request)
    models = (await site.questions.answer("models"))["models"]
    rows = (await site.questions.answer("runs"))["runs"]
    lines = {}
    for model in [row["model"] for row in models if row["champion"]][:MOST_SPARKS]:
        lines[model] = _line(model, (await site.questions.answer("history", "--", model))["champions"])
    last = sorted((row for row in rows if row["outcome"] != "running"), key=lambda row: -(row["at"] or 0))[:LAST]
    await asyncio.sleep(0)
    return page(
        request,
        "overview.html",
        "Overview",
        topics="bucket workflows",
        models=models,
        lines=lines,
        last=last,
        now=_now(request, rows),
        runs=rows,
    )


def _line(model: str, champions: list[Doc]) -> Any:
    """The metric of the champions, the first one first, as long as it is the same metric."""
    values = []
    for record in champions:
        if record.get("metric") != champions[0].get("metric"):
            break
        if (record.get("test") or {}).get("value") is not None:
            values.append(record["test"]["value"])
    values.reverse()
    return (
        spark(values, f"{champions[0].get('metric')} of the champions of {model}, from {values[0]:.4f} to {values[-1]:.4f}")
        if values
        else ""
    )


def _now(request: Request, rows: list[Doc]) -> list[Doc]:
    """What runs: the Workflows under way, else the runs that the bucket has no result of."""
    site = site_of(request)
    if site.workflows is not None and not site.workflows.trouble:
        return [
            {"run": w.name, "model": w.model, "state": w.state, "at": w.started or w.created, "progress": w.progress, "steps": w.steps}
            for w in site.workflows.under_way()
        ]
    running = (row for row in rows if row["outcome"] == "running")
    return [{**row, "state": "running", "progress": "", "steps": ()} for row in running]
