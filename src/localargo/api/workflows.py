"""Workflows under Argo Server's paths."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localargo.api.backend import backend_of
from localargo.api.fields import only
from localargo.api.pod_logs import log
from localargo.api.requests import (
    LATEST,
    body,
    check_namespace,
    create_document,
    examine,
    found_workflow,
    label_filter,
    newest,
    number,
    only_name,
)
from localargo.api.stream import pushed
from localargo.errors import InvalidInput, NotFound, Unsupported
from localargo.ports import Doc, Objects, Operation

OPERATIONS = ("stop", "terminate", "retry", "resubmit", "suspend", "resume", "set")


def routes() -> list[Route]:
    """The paths of this module."""
    one = "/api/v1/workflows/{ns}/{name}"
    return [
        Route("/api/v1/workflows/{ns}", list_workflows, methods=["GET"]),
        Route("/api/v1/workflows/{ns}", create, methods=["POST"]),
        Route("/api/v1/workflows/{ns}/submit", submit, methods=["POST"]),
        Route("/api/v1/workflows/{ns}/lint", lint, methods=["POST"]),
        Route(one, get, methods=["GET"]),
        Route(one, delete, methods=["DELETE"]),
        Route(f"{one}/log", log, methods=["GET"]),
        Route(f"{one}/{{pod}}/log", log, methods=["GET"]),
        Route(f"{one}/{{operation}}", operate, methods=["PUT"]),
        Route("/api/v1/workflow-events/{ns}", watch, methods=["GET"]),
    ]


async def list_workflows(request: Request) -> Response:
    """The Workflows that a label selector and a field selector select, the newest first."""
    check_namespace(request)
    query, objects = request.query_params, backend_of(request).objects
    for option in ("nameFilter", "createdAfter", "finishedBefore"):
        if query.get(option):
            raise Unsupported(f"{option}: not supported; use listOptions.labelSelector")
    fits, name = label_filter(query), only_name(query)
    found: Sequence[Doc]
    if name:
        found, left_out = [each for each in _named(objects, name) if fits is None or fits(each["metadata"].get("labels") or {})], 0
        metadata = {}
    else:
        skip = number(query, "listOptions.continue")
        found, left_out = objects.newest_workflows(fits, number(query, "listOptions.limit"), skip)
        metadata = {"remainingItemCount": left_out, "continue": str(skip + len(found))} if left_out else {}
    whole = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowList", "metadata": metadata, "items": found}
    return JSONResponse(only(whole, query.get("fields") or ""))


async def create(request: Request) -> Response:
    """Body: {"workflow": document}."""
    check_namespace(request)
    return await create_document(request, "workflow", "Workflow")


async def lint(request: Request) -> Response:
    """Body: {"workflow": document}; the document as it would be stored."""
    check_namespace(request)
    return await examine(request, "workflow", "Workflow")


async def submit(request: Request) -> Response:
    """Body: {"resourceKind": "WorkflowTemplate", "resourceName", "submitOptions"}."""
    check_namespace(request)
    asked = await body(request)
    if asked.get("resourceKind", "WorkflowTemplate").lower() != "workflowtemplate":
        raise InvalidInput(f"resourceKind {asked['resourceKind']!r}: only a WorkflowTemplate can be submitted")
    options = asked.get("submitOptions") or {}
    return JSONResponse(backend_of(request).operations.operate("submit", str(asked.get("resourceName") or ""), options))


async def get(request: Request) -> Response:
    """One Workflow with its status."""
    check_namespace(request)
    return JSONResponse(only(found_workflow(request), request.query_params.get("fields") or ""))


async def delete(request: Request) -> Response:
    """Delete one Workflow; its pods are stopped."""
    check_namespace(request)
    backend_of(request).objects.delete("Workflow", found_workflow(request)["metadata"]["name"])
    return JSONResponse({})


async def operate(request: Request) -> Response:
    """One of OPERATIONS on a Workflow."""
    check_namespace(request)
    operation = request.path_params["operation"]
    if operation not in OPERATIONS:
        raise NotFound(f"a Workflow has no operation {operation!r}: use one of {', '.join(OPERATIONS)}")
    options = await body(request)
    given = options.get("outputParameters")
    if isinstance(given, str):  # Argo Server accepts JSON in a string here
        options["outputParameters"] = json.loads(given) if given else {}
    name = found_workflow(request)["metadata"]["name"]
    return JSONResponse(backend_of(request).operations.operate(cast(Operation, operation), name, options))


async def watch(request: Request) -> Response:
    """Changes of Workflows as server-sent events; query `name` for a single one."""
    check_namespace(request)
    backend, query = backend_of(request), request.query_params
    name = query.get("name") or only_name(query)
    if name == LATEST:
        name = newest(backend)["metadata"]["name"]
    selected, wanted = label_filter(query), (query.get("fields") or "").replace("result.object.", "")

    def present() -> list[Doc]:
        return _named(backend.objects, name) if name else backend.objects.list("Workflow", selected)

    def fits(doc: Doc) -> bool:
        named = not name or doc["metadata"]["name"] == name
        return named and (selected is None or selected(doc["metadata"].get("labels") or {}))

    return pushed(backend.changes.events(lambda n: backend.objects.get("Workflow", n), present, fits, name, wanted))


def _named(objects: Objects, name: str) -> list[Doc]:
    try:
        return [objects.get("Workflow", name)]
    except NotFound:
        return []
