"""What a model's data holds, column by column, and what has changed since the snapshot before."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from localargo import NotFound
from retrain.client.protocol import Doc
from retrain.page.drawing import bars
from retrain.page.site import Site, page, site_of
from retrain.project.questions import profile

KEPT = 20  # models


async def shown(request: Request) -> Response:
    site, model = site_of(request), request.path_params["model"]
    if model not in [row["model"] for row in (await site.questions.answer("models"))["models"]]:
        raise NotFound(f"there is no model {model!r} in the bucket")
    found = await _found(site, model)
    newest = found["snapshots"][0]
    columns = [{**column, "drawn": _drawn(column)} for column in newest["columns"]]
    given = {
        "columns": columns,
        "newest": newest,
        "before": found["snapshots"][1:2],
        "changes": found["changes"],
        "all": len(found["snapshots"]),
    }
    return page(request, "profile.html", f"Data of {model}", topics="bucket", model=model, left_out=found.get("left_out", {}), given=given)


async def _found(site: Site, model: str) -> Doc:
    """The profile as of the last change in the bucket; a process of its own makes it, for it may read much."""
    version, known = site.profiles.get(model, ("", {}))
    if not known or version != site.questions.version:
        version = site.questions.version
        known = json.loads(await asyncio.to_thread(profile, "model", [model], site.questions.bucket, "json"))
        site.profiles[model] = (version, known)
        while len(site.profiles) > KEPT:
            del site.profiles[next(iter(site.profiles))]
    return known


def _drawn(column: Doc) -> Any:
    label = f"Distribution of {column['name']}"
    if "histogram" in column:
        return bars.histogram(column["histogram"], label)
    return bars.shares(column["top"], column["rows"], label) if column.get("top") else ""
