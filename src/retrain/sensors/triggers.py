"""Carrying out what a Sensor has decided: k8s and argoWorkflow on the engine's objects, http on loopback, log."""

from __future__ import annotations

import ipaddress
import json
import logging
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from retrain.errors import InvalidInput, NotFound, RetrainError, Unsupported
from retrain.ports import Doc, Objects, Operation, Workflows
from retrain.sensors.decide import Action

log = logging.getLogger(__name__)
HTTP_SECONDS = 30.0
OPERATIONS: dict[str, Operation] = {name: name for name in ("resubmit", "retry", "stop", "terminate", "suspend", "resume")}


class Actor:
    """Does actions. What is done to objects is part of the transaction that is open."""

    def __init__(self, objects: Objects, workflows: Workflows, allowed_hosts: Collection[str] = ()) -> None:
        self._objects = objects
        self._workflows = workflows
        self._allowed = frozenset(allowed_hosts)

    def on_objects(self, action: Action) -> None:
        """A k8s or argoWorkflow action. Raises what the objects raise: AlreadyExists, NotFound, InvalidInput, Unsupported."""
        if action.kind == "k8s":
            self._k8s(str(action.spec.get("operation") or "create"), action)
        else:
            self._argo(str(action.spec.get("operation") or ""), action.resource)

    def _k8s(self, operation: str, action: Action) -> None:
        resource = action.resource
        kind, name = str(resource.get("kind")), str(resource.get("metadata", {}).get("name") or "")
        if operation == "create":
            self._objects.create(resource)
        elif operation == "delete":
            self._objects.delete(kind, name)
        elif operation == "update":
            self._objects.apply(resource)
        elif operation == "patch":
            try:
                self._objects.patch(kind, name, resource)
            except NotFound:
                self._objects.create(resource)
        else:
            raise Unsupported(f"k8s.operation {operation!r}; supported: create, update, patch, delete")

    def _argo(self, operation: str, resource: Doc) -> None:
        name = str(resource.get("metadata", {}).get("name") or "")
        if operation in ("submit", "submit-from"):
            self._objects.create(_from_template(resource) if operation == "submit-from" else resource)
        elif operation in OPERATIONS:
            self._workflows.operate(OPERATIONS[operation], name, {})
        else:
            raise Unsupported(f"argoWorkflow.operation {operation!r}; supported: submit, submit-from, {', '.join(OPERATIONS)}")

    async def elsewhere(self, action: Action) -> None:
        """An http or log action."""
        if action.kind == "log":
            log.info("trigger %s: %s", action.trigger, json.dumps(action.spec))
            return
        await self._http(action.spec, action.resource)

    async def _http(self, spec: dict[str, Any], payload: Doc) -> None:
        import httpx

        url = str(spec.get("url") or "")
        host = urlsplit(url).hostname or ""
        if not _loopback(host) and host not in self._allowed:
            raise Unsupported(f"http.url {url}: only loopback and allowed hosts are called from here")
        async with httpx.AsyncClient(timeout=HTTP_SECONDS) as client:
            try:
                answer = await client.request(str(spec.get("method") or "POST"), url, json=payload, headers=spec.get("headers") or {})
            except httpx.HTTPError as error:
                raise RetrainError(f"http.url {url}: {error}") from error
        if answer.status_code >= 400:
            raise RetrainError(f"http.url {url} answered {answer.status_code}")


def _from_template(resource: Doc) -> Doc:
    kind = str(resource.get("kind"))
    if kind not in ("WorkflowTemplate", "ClusterWorkflowTemplate"):
        raise InvalidInput(f"argoWorkflow submit-from: {kind} is not a WorkflowTemplate")
    name = str(resource["metadata"]["name"])
    labels = resource["metadata"].get("labels") or {}
    reference = {"name": name, **({"clusterScope": True} if kind == "ClusterWorkflowTemplate" else {})}
    spec = {"workflowTemplateRef": reference, **{k: v for k, v in (resource.get("spec") or {}).items() if k == "arguments"}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{name}-", "labels": labels},
        "spec": spec,
    }


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
