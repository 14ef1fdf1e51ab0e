"""Cost and queue: what runs and waits, whose requests come next, and what runs have cost."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from retrain.client.protocol import Doc
from retrain.page.drawing.lines import spark
from retrain.page.site import page, site_of


async def shown(request: Request) -> Response:
    site = site_of(request)
    rows = (await site.questions.answer("queue"))["models"]
    under_way = site.workflows.under_way() if site.workflows is not None else []
    return page(
        request,
        "queue.html",
        "Cost and queue",
        topics="bucket workflows",
        rows=[{**row, "line": _line(row)} for row in rows],
        costs=any(row["cost"] for row in rows),
        pending=[each for each in under_way if each.state == "Pending"],
        running=[each for each in under_way if each.state != "Pending"],
    )


def _line(row: Doc) -> Any:
    """The cost of each day that had runs."""
    cost = row["cost"]
    days = sorted((cost or {"days": {}})["days"].items())
    label = f"Cost of the runs of {row['model']} by day, in {cost['currency']}" if cost else ""
    return spark([money for _, money in days], label) if len(days) > 1 else ""
