"""Reading requests: bodies, namespaces, label selectors. What is wrong with them is InvalidInput or NotFound."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localargo.api.backend import Backend, backend_of
from localargo.errors import InvalidInput, NotFound
from localargo.ports import Doc, LabelFilter
from localargo.workflows.selector import parse, selects

LATEST = "@latest"  # Argo's name of the newest Workflow
MOST = 8 << 20  # bytes of a body: more than any Kubernetes object may have


async def body(request: Request) -> Doc:
    """The JSON object of the body; {} for an empty body."""
    parts = bytearray()
    async for chunk in request.stream():
        parts += chunk
        if len(parts) > MOST:
            raise InvalidInput(f"the body is larger than {MOST} bytes")
    if not parts:
        return {}
    try:
        tree = json.loads(parts, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise InvalidInput("the body must be a JSON object")
    return tree


def check_namespace(request: Request) -> None:
    """Raises NotFound, which names the engine's namespace, when the path has another one."""
    asked, own = request.path_params["ns"], backend_of(request).namespace
    if asked != own:
        raise NotFound(f'namespaces "{asked}" not found: this engine has one namespace, {own}')


def label_filter(query: Mapping[str, str]) -> LabelFilter | None:
    """The label selector of a query, None if it has none. Raises InvalidInput with Kubernetes' message."""
    selector = query.get("listOptions.labelSelector") or query.get("labelSelector") or ""
    if not selector:
        return None
    conditions = parse(selector)
    return lambda labels: selects(conditions, labels)


def only_name(query: Mapping[str, str]) -> str:
    """The one name that the field selector of a query leaves, "" for all. Raises InvalidInput for any other field selector."""
    selector = query.get("listOptions.fieldSelector") or ""
    field, _, name = selector.replace("==", "=").partition("=")
    if selector and (field != "metadata.name" or not name or "," in name):
        raise InvalidInput(f"field selector {selector!r} is not supported: use metadata.name=NAME")
    return name


def number(query: Mapping[str, str], name: str) -> int:
    """A parameter that counts something, 0 when it is not given. Raises InvalidInput."""
    text = query.get(name) or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidInput(f"{name} is {text!r}, expected a number: 0 (no limit) or more")
    return int(text)


def newest(backend: Backend) -> Doc:
    """The Workflow that was made last. Raises NotFound."""
    found, _ = backend.objects.newest_workflows(None, 1)
    if not found:
        raise NotFound("there is no Workflow yet")
    return found[0]


def found_workflow(request: Request) -> Doc:
    """The Workflow that the path names; `@latest` is the newest. Raises NotFound."""
    backend, name = backend_of(request), request.path_params["name"]
    return newest(backend) if name == LATEST else backend.objects.get("Workflow", name)


def document(tree: Doc, key: str, kind: str) -> Doc:
    """The document below a key of a body. Raises InvalidInput when it is missing or of another kind."""
    doc: Any = tree.get(key)
    if not isinstance(doc, dict):
        raise InvalidInput(f'the body must be {{"{key}": a document of kind {kind}}}')
    if doc.setdefault("kind", kind) != kind:
        raise InvalidInput(f"{key}.kind is {doc['kind']!r}, expected {kind}")
    doc.setdefault("apiVersion", "argoproj.io/v1alpha1")
    return doc


async def create_document(request: Request, key: str, kind: str) -> Response:
    """Store the document in the body, and answer with it as stored; `createOptions.dryRun` or `serverDryRun` only checks it."""
    tree = await body(request)
    doc, backend = document(tree, key, kind), backend_of(request)
    if tree.get("serverDryRun") or (tree.get("createOptions") or {}).get("dryRun"):
        return JSONResponse(backend.objects.examine(doc))
    await backend.engine.provide([doc])
    return JSONResponse(backend.objects.create(doc))


async def examine(request: Request, key: str, kind: str) -> Response:
    """Check the document in the body, and answer with it as it would be stored."""
    return JSONResponse(backend_of(request).objects.examine(document(await body(request), key, kind)))


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not valid JSON")
