"""`argo logs`: what the pods of a Workflow wrote, as server-sent events."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from localargo.api.backend import Backend, backend_of
from localargo.api.requests import check_namespace, found_workflow, number
from localargo.api.stream import Line, lines, log_event, pushed
from localargo.errors import InvalidInput, NotFound, Unsupported
from localargo.expressions import ExpressionError, re2
from localargo.ports import Doc
from localargo.workflows.index import COMPLETED
from localargo.workflows.status import pod_name, template_name

NOT_HERE = {
    "selector": "labels of pods",
    "logOptions.previous": "containers that started again",
    "logOptions.sinceSeconds": "times of lines",
    "logOptions.sinceTime": "times of lines",
    "logOptions.timestamps": "times of lines",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wants of the logs."""

    container: str
    follow: bool
    tail: int | None  # lines of each pod from its end, None for all
    pattern: str  # of the lines wanted, as Go's regexp reads it


async def log(request: Request) -> Response:
    """The output of one pod, or of all pods of a Workflow in the order of their starts; with follow=true until the end."""
    check_namespace(request)
    query, backend = request.query_params, backend_of(request)
    workflow, asked = found_workflow(request), _asked(query)
    name = workflow["metadata"]["name"]
    pod = query.get("podName") or request.path_params.get("pod") or ""
    if pod and not pod.startswith(name):
        raise NotFound(f'pods "{pod}" not found in workflow {name}')
    found = _of_pod(backend, pod, asked) if pod else _of_workflow(backend, workflow, asked)
    return pushed(log_event(line) async for line in found)


def _asked(query: Mapping[str, str]) -> Asked:
    for option, what in NOT_HERE.items():
        if (query.get(option) or "false") != "false":
            raise Unsupported(f"{option}: the embedded engine keeps no {what}")
    follow = (query.get("follow") or query.get("logOptions.follow") or "") == "true"
    tail = number(query, "logOptions.tailLines") if query.get("logOptions.tailLines") else None
    if tail is not None and follow:
        raise Unsupported("logOptions.tailLines: the embedded engine follows a log from its beginning; ask for one of both")
    pattern = query.get("grep") or ""
    try:
        re2.check(pattern)
    except ExpressionError as error:
        raise InvalidInput(f"grep: {error}") from None
    return Asked(query.get("container") or query.get("logOptions.container") or "main", follow, tail, pattern)


async def _of_pod(backend: Backend, pod: str, asked: Asked) -> AsyncIterator[Line]:
    found = lines(backend.pods.logs(pod, asked.container, asked.follow), pod)
    if asked.tail is not None:
        last: deque[Line] = deque(maxlen=asked.tail)
        async for line in found:
            last.append(line)
        found = _each(last)
    async for line in found:
        if re2.match(asked.pattern, line.content):
            yield line


async def _each(last: Iterable[Line]) -> AsyncIterator[Line]:
    for line in last:
        yield line


async def _of_workflow(backend: Backend, workflow: Doc, asked: Asked) -> AsyncIterator[Line]:
    if not asked.follow:
        for pod in _pods(workflow):
            async for line in _of_pod(backend, pod, asked):
                yield line
        return
    name = workflow["metadata"]["name"]
    told: asyncio.Queue[Line | None] = asyncio.Queue(1000)

    async def pass_on(pod: str) -> None:
        async for line in _of_pod(backend, pod, asked):
            await told.put(line)

    async def follow() -> None:
        seen: set[str] = set()
        try:
            async with asyncio.TaskGroup() as pods:
                async for now in backend.changes.states(name, partial(backend.objects.get, "Workflow")):
                    for pod in _pods(now):
                        if pod not in seen:
                            seen.add(pod)
                            pods.create_task(pass_on(pod))
                    if now.get("status", {}).get("phase") in COMPLETED:
                        break
        finally:
            await told.put(None)

    following = asyncio.create_task(follow())
    try:
        while (entry := await told.get()) is not None:
            yield entry
        await following
    finally:
        following.cancel()


def _pods(workflow: Doc) -> list[str]:
    """The pods that have started, the first first."""
    name, nodes = workflow["metadata"]["name"], (workflow.get("status") or {}).get("nodes") or {}
    started = [n for n in nodes.values() if n["type"] == "Pod" and n.get("phase") != "Pending"]
    started.sort(key=lambda node: node.get("startedAt") or "")  # of one second: in the order in which they were made
    return [pod_name(name, node["name"], template_name(node)) for node in started]
