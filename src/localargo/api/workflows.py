"""Workflows and WorkflowTemplates under Argo Server's paths."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from localargo.api.backend import backend_of
from localargo.api.requests import body, check_namespace, labels, number
from localargo.api.stream import log_entries
from localargo.errors import InvalidInput, NotFound
from localargo.ports import Doc, Operation

OPERATIONS = ("stop", "terminate", "retry", "resubmit", "suspend", "resume", "set")


def routes() -> list[Route]:
    """The paths of this module."""
    one = "/api/v1/workflows/{ns}/{name}"
    return [
        Route("/api/v1/workflows/{ns}", list_workflows, methods=["GET"]),
        Route("/api/v1/workflows/{ns}", create, methods=["POST"]),
        Route("/api/v1/workflows/{ns}/submit", submit, methods=["POST"]),
        Route(one, get, methods=["GET"]),
        Route(one, delete, methods=["DELETE"]),
        Route(f"{one}/log", log, methods=["GET"]),
        Route(f"{one}/{{operation}}", operate, methods=["PUT"]),
        Route("/api/v1/workflow-events/{ns}", watch, methods=["GET"]),
        Route("/api/v1/workflow-templates/{ns}", list_templates, methods=["GET"]),
        Route("/api/v1/workflow-templates/{ns}", create_template, methods=["POST"]),
        Route("/api/v1/workflow-templates/{ns}/{name}", get_template, methods=["GET"]),
        Route("/api/v1/workflow-templates/{ns}/{name}", update_template, methods=["PUT"]),
        Route("/api/v1/workflow-templates/{ns}/{name}", delete_template, methods=["DELETE"]),
        Route("/api/v1/cluster-workflow-templates", list_cluster_templates, methods=["GET"]),
    ]


async def list_workflows(request: Request) -> Response:
    """All, or those of a label selector, the newest first; with a limit also how many were left out."""
    check_namespace(request)
    query = request.query_params
    selector = query.get("listOptions.labelSelector") or query.get("labelSelector") or ""
    if query.get("listOptions.continue"):
        raise InvalidInput("listOptions.continue: lists are not continued here, give a larger listOptions.limit")
    found, left_out = backend_of(request).objects.newest_workflows(labels(selector), number(query, "listOptions.limit"))
    metadata = {"remainingItemCount": left_out} if left_out else {}
    return JSONResponse({"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowList", "metadata": metadata, "items": found})


async def create(request: Request) -> Response:
    """Body: {"workflow": document}."""
    check_namespace(request)
    return await _create(request, "workflow", "Workflow")


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
    return JSONResponse(backend_of(request).objects.get("Workflow", request.path_params["name"]))


async def delete(request: Request) -> Response:
    """Delete one Workflow; its pods are stopped."""
    check_namespace(request)
    backend_of(request).objects.delete("Workflow", request.path_params["name"])
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
    return JSONResponse(backend_of(request).operations.operate(cast(Operation, operation), request.path_params["name"], options))


async def log(request: Request) -> Response:
    """A container's output, a line an event; with follow=true until the pod has ended."""
    check_namespace(request)
    query, backend = request.query_params, backend_of(request)
    workflow = backend.objects.get("Workflow", request.path_params["name"])
    pod = query.get("podName") or ""
    if pod and not pod.startswith(workflow["metadata"]["name"]):
        raise NotFound(f'pods "{pod}" not found in workflow {workflow["metadata"]["name"]}')
    if not pod:
        raise InvalidInput("the query needs podName, the name of a pod of the Workflow")
    container = query.get("container") or query.get("logOptions.container") or "main"
    follow = (query.get("follow") or query.get("logOptions.follow") or "") == "true"
    return _pushed(log_entries(backend.pods.logs(pod, container, follow), pod))


async def watch(request: Request) -> Response:
    """Changes of Workflows as server-sent events; query `name` for a single one."""
    check_namespace(request)
    backend = backend_of(request)
    name = request.query_params.get("name") or _field(request.query_params.get("listOptions.fieldSelector") or "")
    wanted = labels(request.query_params.get("listOptions.labelSelector") or "")

    def present() -> list[Doc]:
        if not name:
            return backend.objects.list("Workflow", wanted)
        try:
            return [backend.objects.get("Workflow", name)]
        except NotFound:
            return []

    def fits(doc: Doc) -> bool:
        own = doc["metadata"].get("labels") or {}
        return (not name or doc["metadata"]["name"] == name) and all(own.get(k) == v for k, v in wanted.items())

    stream: AsyncIterator[bytes] = backend.changes.events(lambda n: backend.objects.get("Workflow", n), present, fits, name)
    return _pushed(stream)


async def list_templates(request: Request) -> Response:
    """All WorkflowTemplates."""
    check_namespace(request)
    found = backend_of(request).objects.list("WorkflowTemplate")
    return JSONResponse({"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplateList", "metadata": {}, "items": found})


async def create_template(request: Request) -> Response:
    """Body: {"template": document}."""
    check_namespace(request)
    return await _create(request, "template", "WorkflowTemplate")


async def get_template(request: Request) -> Response:
    """One WorkflowTemplate."""
    check_namespace(request)
    return JSONResponse(backend_of(request).objects.get("WorkflowTemplate", request.path_params["name"]))


async def update_template(request: Request) -> Response:
    """Body: {"template": document}; replaces the one of this name."""
    check_namespace(request)
    backend, name = backend_of(request), request.path_params["name"]
    backend.objects.get("WorkflowTemplate", name)
    doc = _document(await body(request), "template", "WorkflowTemplate")
    given = doc.setdefault("metadata", {}).setdefault("name", name)
    if given != name:
        raise InvalidInput(f"template.metadata.name is {given!r}, expected {name!r}")
    await backend.engine.provide([doc])
    return JSONResponse(backend.objects.apply(doc))


async def delete_template(request: Request) -> Response:
    """Remove it."""
    check_namespace(request)
    backend_of(request).objects.delete("WorkflowTemplate", request.path_params["name"])
    return JSONResponse({})


async def list_cluster_templates(request: Request) -> Response:
    """All ClusterWorkflowTemplates."""
    found = backend_of(request).objects.list("ClusterWorkflowTemplate")
    return JSONResponse({"apiVersion": "argoproj.io/v1alpha1", "kind": "ClusterWorkflowTemplateList", "metadata": {}, "items": found})


def _pushed(stream: AsyncIterator[bytes]) -> Response:
    """Server-sent events."""
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _create(request: Request, key: str, kind: str) -> Response:
    backend, doc = backend_of(request), _document(await body(request), key, kind)
    await backend.engine.provide([doc])
    return JSONResponse(backend.objects.create(doc))


def _document(tree: Doc, key: str, kind: str) -> Doc:
    doc: Any = tree.get(key)
    if not isinstance(doc, dict):
        raise InvalidInput(f'the body must be {{"{key}": a document of kind {kind}}}')
    if doc.setdefault("kind", kind) != kind:
        raise InvalidInput(f"{key}.kind is {doc['kind']!r}, expected {kind}")
    doc.setdefault("apiVersion", "argoproj.io/v1alpha1")
    return doc


def _field(selector: str) -> str:
    return selector.removeprefix("metadata.name=") if selector.startswith("metadata.name=") else ""
