"""Turns templates into actions: pods, calls of resources, HTTP calls."""

from __future__ import annotations

from typing import cast

from localargo.errors import InvalidInput
from localargo.expressions import ExpressionError, exprlang
from localargo.expressions.rawjson import quote
from localargo.expressions.tags import tags
from localargo.manifests.workflow import template_type
from localargo.manifests.yaml import load_documents
from localargo.ports import Doc
from localargo.workflows import deadlines
from localargo.workflows.encoding import decode_action, encode
from localargo.workflows.environment import NotThere, pod_labels
from localargo.workflows.expiry import selects
from localargo.workflows.messages import CallHttp, CallResource, EnsurePod
from localargo.workflows.podspec import build
from localargo.workflows.work import CallFailed, Pass


def launch(p: Pass, node: str, template: Doc, *, capture: bool) -> None:
    """Request that the node's work begins after the commit, unless a shutdown forbids it. Raises CallFailed."""
    kind = template_type(template)
    on_exit = bool(p.priv(node).get("onExit"))
    if not p.may_execute(on_exit):
        if kind == "http":
            return  # no action follows: `shutdown.apply_to_new` ends it
        p.mark(node, "Failed", f"workflow shutdown with strategy: {p.shutdown}")
        return
    if deadlines.is_over(p) and not on_exit:
        p.mark(node, "Failed", deadlines.EXCEEDED)
        return
    if kind != "http":
        _expressions_left(template)
    if kind == "http":
        p.act(CallHttp(node, template["http"]))
    elif kind == "resource":
        p.act(_resource(p, node, template))
    elif kind in ("containerSet", "data", "plugin"):
        raise CallFailed(f"templates of type {kind} are not supported here")
    else:
        try:
            action = EnsurePod(node, build(p, node, template, capture))
        except NotThere as error:
            if deadlines.hold(p, node, template, str(error)):
                return
            raise
        p.act(action)
        p.keep(node, pod=encode(action))
        collected = p.spec.get("podGC") or {}
        if collected.get("strategy") and selects(collected.get("labelSelector") or {}, pod_labels(p, template)):
            p.keep(node, collected=True)


def _expressions_left(template: Doc) -> None:
    """Argo passes the template to its pod as JSON in JSON and evaluates the remaining expressions there: escapes break them."""
    for tag in tags(template):
        written = quote(tag.text, html=True)[1:-1] if tag.expression else tag.text
        if written == tag.text:
            continue
        broken = next((c for c in tag.text if c in "<>&"), "")
        if broken:
            raise CallFailed(f"failed to unmarshall JSON expression: invalid character '{broken}' in string escape code")
        try:
            exprlang.compile(written)
        except ExpressionError as error:
            raise CallFailed(f"failed to evaluate expression: {exprlang.pointed(error, written)}") from error


def ensured(p: Pass, node: str) -> EnsurePod:
    """The action that started the node's pod."""
    return cast(EnsurePod, decode_action(p.priv(node)["pod"]))


def _resource(p: Pass, node: str, template: Doc) -> CallResource:
    resource = template["resource"]
    manifest: Doc = {}
    if resource.get("manifest"):
        try:
            documents = load_documents(resource["manifest"], "manifest")
        except InvalidInput as error:
            raise CallFailed(str(error)) from error
        if len(documents) != 1:
            raise CallFailed("resource.manifest must be one document")
        manifest = documents[0].doc
    if resource.get("setOwnerReference"):
        manifest = _owned(p, manifest)
    outputs = (template.get("outputs") or {}).get("parameters") or []
    return CallResource(node, resource.get("action") or "", manifest, resource, outputs)


def _owned(p: Pass, manifest: Doc) -> Doc:
    metadata = p.run.workflow["metadata"]
    owner = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "name": p.name,
        "uid": metadata.get("uid") or "",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    found = manifest.get("metadata") or {}
    return {**manifest, "metadata": {**found, "ownerReferences": [*(found.get("ownerReferences") or ()), owner]}}
