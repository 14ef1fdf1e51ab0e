"""What the pods of a run have written, as they write it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from localargo import LocalArgoError, NotFound, Unavailable
from retrain.client.protocol import ArgoServer, Doc
from retrain.client.workflows import pod_name
from retrain.page import nodes
from retrain.page.site import Site, page, site_of

LONGEST = 4000  # letters of a line
AT_ONCE = 8  # streams; each holds a thread


async def shown(request: Request) -> Response:
    """The steps that have a pod, and the lines of one of them."""
    site, model, run = site_of(request), request.path_params["model"], request.path_params["run"]
    workflow = await _workflow(site, run)
    steps = [row for row in nodes.rows(workflow) if row.pod]
    asked = request.query_params.get("node", "")
    running = [row.id for row in steps if row.running]
    chosen = asked or (running or [row.id for row in steps[-1:]] or [""])[0]
    return page(request, "logs.html", f"Logs of {run}", topics="", model=model, run=run, steps=steps, chosen=chosen)


async def lines(request: Request) -> Response:
    """The lines of a node's pod as server-sent events, until it has ended."""
    site, run, key = site_of(request), request.path_params["run"], request.path_params["node"]
    workflow = await _workflow(site, run)
    pod = _pod(workflow, key)
    if site.streams >= AT_ONCE:
        raise Unavailable(f"{AT_ONCE} logs are followed already: close one")
    server = await asyncio.to_thread(_server, site)

    return StreamingResponse(iterate_in_threadpool(_lines(site, server, workflow, pod)), media_type="text/event-stream")


def _lines(site: Site, server: ArgoServer, workflow: Doc, pod: Doc) -> Iterator[bytes]:
    site.streams += 1
    try:
        for line in server.log(workflow["metadata"]["name"], pod_name(workflow, pod), "main", follow=True):
            yield b"data: " + json.dumps(readable(line)[:LONGEST]).encode() + b"\n\n"
        yield b'event: end\ndata: ""\n\n'
    except LocalArgoError as error:
        yield b"event: end\ndata: " + json.dumps(str(error)).encode() + b"\n\n"
    finally:
        site.streams -= 1


def readable(line: str) -> str:
    """A line of a handler's log, a JSON object, as time, what happened, and the rest; any other line as it is."""
    try:
        told = json.loads(line)
    except ValueError:
        return line
    if not isinstance(told, dict) or not {"time", "event"} <= told.keys():
        return line
    rest = (
        f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in told.items() if name not in ("time", "event")
    )
    return "  ".join([str(told["time"])[11:19], str(told["event"]), *rest])


async def _workflow(site: Site, run: str) -> Doc:
    if site.workflows is None:
        raise NotFound("there is a bucket alone: logs are with the engine or the cluster that ran the steps")
    return await asyncio.to_thread(site.workflows.whole, run)


def _server(site: Site) -> ArgoServer:
    if site.workflows is None:
        raise NotFound("there is a bucket alone: logs are with the engine or the cluster that ran the steps")
    return site.workflows.server()


def _pod(workflow: Doc, key: str) -> Doc:
    """The node whose pod wrote the log of a step: of a step that is tried again its last attempt. Raises NotFound."""
    found = (workflow.get("status") or {}).get("nodes") or {}
    node: Doc = found.get(key) or {}
    while node.get("type") == "Retry" and any(child in found for child in node.get("children") or []):
        node = found[[child for child in node["children"] if child in found][-1]]
    if node.get("type") != "Pod":
        raise NotFound(f"{workflow['metadata']['name']} has no pod for the node {key!r}")
    return node
