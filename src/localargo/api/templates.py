"""Documents that are no Workflows, under Argo Server's paths: WorkflowTemplates, and what the engine does not have."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localargo.api.backend import backend_of
from localargo.api.fields import only
from localargo.api.requests import body, check_namespace, create_document, document, examine, label_filter
from localargo.errors import InvalidInput, Unsupported
from localargo.ports import Doc


def routes() -> list[Route]:
    """The paths of this module."""
    some, one = "/api/v1/workflow-templates/{ns}", "/api/v1/workflow-templates/{ns}/{name}"
    everywhere = "/api/v1/cluster-workflow-templates"
    return [
        Route(some, list_templates, methods=["GET"]),
        Route(some, create_template, methods=["POST"]),
        Route(f"{some}/lint", lint_template, methods=["POST"]),
        Route(one, get_template, methods=["GET"]),
        Route(one, update_template, methods=["PUT"]),
        Route(one, delete_template, methods=["DELETE"]),
        Route(everywhere, list_cluster_templates, methods=["GET"]),
        Route(f"{everywhere}/lint", lint_cluster_template, methods=["POST"]),
        Route(f"{everywhere}/{{name}}", get_cluster_template, methods=["GET"]),
        Route("/api/v1/cron-workflows/{ns}", list_cron_workflows, methods=["GET"]),
        Route("/api/v1/cron-workflows/{ns}", refuse_cron_workflow, methods=["POST"]),
        Route("/api/v1/cron-workflows/{ns}/lint", refuse_cron_workflow, methods=["POST"]),
        Route("/api/v1/archived-workflows", refuse_archive, methods=["GET"]),
    ]


async def list_templates(request: Request) -> Response:
    """The WorkflowTemplates that a label selector selects."""
    check_namespace(request)
    return _listed(request, "WorkflowTemplate")


async def create_template(request: Request) -> Response:
    """Body: {"template": document}."""
    check_namespace(request)
    return await create_document(request, "template", "WorkflowTemplate")


async def lint_template(request: Request) -> Response:
    """Body: {"template": document}; the document as it would be stored."""
    check_namespace(request)
    return await examine(request, "template", "WorkflowTemplate")


async def get_template(request: Request) -> Response:
    """One WorkflowTemplate."""
    check_namespace(request)
    return JSONResponse(backend_of(request).objects.get("WorkflowTemplate", request.path_params["name"]))


async def update_template(request: Request) -> Response:
    """Body: {"template": document}; replaces the one of this name."""
    check_namespace(request)
    backend, name = backend_of(request), request.path_params["name"]
    backend.objects.get("WorkflowTemplate", name)
    doc = document(await body(request), "template", "WorkflowTemplate")
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
    """The ClusterWorkflowTemplates that a label selector selects."""
    return _listed(request, "ClusterWorkflowTemplate")


async def get_cluster_template(request: Request) -> Response:
    """One ClusterWorkflowTemplate."""
    return JSONResponse(backend_of(request).objects.get("ClusterWorkflowTemplate", request.path_params["name"]))


async def lint_cluster_template(request: Request) -> Response:
    """Body: {"template": document}; the document as it would be stored."""
    return await examine(request, "template", "ClusterWorkflowTemplate")


async def list_cron_workflows(request: Request) -> Response:
    """None: a calendar EventSource starts Workflows here."""
    check_namespace(request)
    return JSONResponse(_list("CronWorkflow", []))


async def refuse_cron_workflow(request: Request) -> Response:
    """CronWorkflows are refused."""
    check_namespace(request)
    raise Unsupported("CronWorkflow: the embedded engine has none; use a calendar EventSource with a Sensor")


async def refuse_archive(request: Request) -> Response:
    """There is no archive."""
    raise Unsupported("the embedded engine has no archive of Workflows: it keeps them as their ttlStrategy says")


def _listed(request: Request, kind: str) -> Response:
    found = backend_of(request).objects.list(kind, label_filter(request.query_params))
    return JSONResponse(only(_list(kind, found), request.query_params.get("fields") or ""))


def _list(kind: str, items: list[Doc]) -> Doc:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": f"{kind}List", "metadata": {}, "items": items}
