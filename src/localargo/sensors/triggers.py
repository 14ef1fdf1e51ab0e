"""Carrying out what a Sensor has decided: k8s and argoWorkflow on the engine's objects, http on loopback, log."""

from __future__ import annotations

import base64
import binascii
import logging
import time
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from localargo.errors import InvalidInput, LocalArgoError, NotFound, Unsupported
from localargo.expressions import rawjson
from localargo.loopback import is_loopback
from localargo.ports import Doc, Objects, Operation, Workflows
from localargo.sensors import argo_options
from localargo.sensors.decide import Action

log = logging.getLogger(__name__)
HTTP_SECONDS = 60.0
OPERATIONS: dict[str, Operation] = {name: name for name in ("resubmit", "retry", "stop", "terminate", "suspend", "resume")}
MERGE = "application/merge-patch+json"
SHOWN = 2000  # characters of an event in the log


class Actor:
    """Does actions. Changes to objects are part of the open transaction."""

    def __init__(self, objects: Objects, workflows: Workflows, allowed_hosts: Collection[str] = ()) -> None:
        self._objects = objects
        self._workflows = workflows
        self._allowed = frozenset(allowed_hosts)
        self._logged: dict[str, float] = {}

    def configmap(self, name: str, key: str) -> str:
        """One value of a ConfigMap. Raises NotFound."""
        data = self._objects.get("ConfigMap", name).get("data") or {}
        if key not in data:
            raise NotFound(f"ConfigMap {name} has no key {key}")
        return str(data[key])

    def secret(self, name: str, key: str) -> str:
        """One value of a Secret, decoded. Raises NotFound."""
        document = self._objects.get("Secret", name)
        if key in (document.get("stringData") or {}):
            return str(document["stringData"][key])
        try:
            return base64.b64decode((document.get("data") or {})[key], validate=True).decode()
        except (KeyError, binascii.Error, UnicodeDecodeError) as error:
            raise NotFound(f"Secret {name} has no readable key {key}") from error

    def on_objects(self, action: Action) -> Doc | None:
        """A k8s or argoWorkflow action; the object that was created, if one was. Raises what the objects raise: AlreadyExists, NotFound,
        InvalidInput, Unsupported."""
        return self._k8s(action) if action.kind == "k8s" else self._argo(action)

    def _k8s(self, action: Action) -> Doc | None:
        resource = action.resource
        kind, name = str(resource.get("kind")), str((resource.get("metadata") or {}).get("name") or "")
        match action.operation:
            case "create":
                return self._objects.create(resource)
            case "update":
                there = self._there(kind, name)
                if there is None:
                    return self._objects.create(resource)
                self._objects.apply(overlaid({k: v for k, v in there.items() if k != "status"}, resource))
            case "patch":
                strategy = str(action.spec.get("patchStrategy") or MERGE)
                if strategy != MERGE:
                    raise InvalidInput(f"k8s.patchStrategy {strategy}: Argo's kinds support {MERGE} only")
                if self._there(kind, name) is None:
                    return self._objects.create(resource)
                self._objects.patch(kind, name, resource)
            case "delete":
                if self._there(kind, name) is None:
                    log.info("trigger %s: %s %s does not exist, so there is nothing to delete", action.trigger, kind, name)
                else:
                    self._objects.delete(kind, name)
            case other:
                raise Unsupported(f"k8s.operation {other!r}; supported: create, update, patch, delete")
        return None

    def _there(self, kind: str, name: str) -> Doc | None:
        try:
            return self._objects.get(kind, name)
        except NotFound:
            return None

    def _argo(self, action: Action) -> Doc | None:
        resource, args = action.resource, action.spec.get("args") or []
        name = str((resource.get("metadata") or {}).get("name") or "")
        match action.operation:
            case "submit":
                return self._objects.create(argo_options.onto(resource, argo_options.read(args, submit=True)))
            case "submit-from":
                return self._objects.create(argo_options.onto(from_template(resource), argo_options.read(args, submit=True)))
            case known if known in OPERATIONS:
                if not name:
                    raise InvalidInput(f"argoWorkflow.operation {known} needs a Workflow with metadata.name")
                self._workflows.operate(OPERATIONS[known], name, argo_options.read(args, submit=False))
            case other:
                raise Unsupported(f"argoWorkflow.operation {other!r}; supported: submit, submit-from, {', '.join(OPERATIONS)}")
        return None

    # ------------------------------------------------------------------------------------------ beside the objects

    async def elsewhere(self, action: Action) -> None:
        """An http or log action. Raises LocalArgoError when the request cannot be sent."""
        if action.kind == "log":
            self._log(action)
        else:
            await self._http(action)

    def _log(self, action: Action) -> None:
        """Log the trigger's events, at most once in `intervalSeconds`."""
        now, last = time.monotonic(), self._logged.get(action.trigger)
        if last is not None and now - last < float(action.spec.get("intervalSeconds") or 0):
            return
        self._logged[action.trigger] = now
        for dependency, event in action.resource.items():
            log.info("trigger %s: dependency %s: %s", action.trigger, dependency, rawjson.dumps(event, sort=False)[:SHOWN])

    async def _http(self, action: Action) -> None:
        import httpx

        spec = action.spec
        url = str(spec.get("url") or "")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise Unsupported(f"http.url {url}: it must begin with http:// or https://")
        host = parts.hostname or ""
        if not is_loopback(host) and host not in self._allowed:
            raise Unsupported(f"http.url {url}: {host} is neither this machine nor an allowed host: allow it when the engine is started")
        credentials = self._credentials(spec.get("basicAuth") or {})
        headers = {"Content-Type": "application/json", **(spec.get("headers") or {}), **action.headers, **self._secure(spec)}
        timeout = float(spec.get("timeout") or HTTP_SECONDS)
        async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
            try:
                answer = await client.request(
                    str(spec.get("method") or "POST").upper(),
                    url,
                    content=rawjson.dumps(action.resource, html=True).encode(),
                    headers={name: str(value) for name, value in headers.items()},
                    auth=credentials or httpx.USE_CLIENT_DEFAULT,
                )
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                raise LocalArgoError(f"http.url {url}: {error or type(error).__name__}") from error
        # without a policy Argo takes any answer as success
        log.log(
            logging.INFO if answer.is_success else logging.WARNING, "trigger %s: %s answered %d", action.trigger, url, answer.status_code
        )

    def _credentials(self, given: Mapping[str, Any]) -> tuple[str, str] | None:
        if not given:
            return None
        user, password = given.get("username") or {}, given.get("password") or {}
        return self.secret(str(user.get("name")), str(user.get("key"))), self.secret(str(password.get("name")), str(password.get("key")))

    def _secure(self, spec: Mapping[str, Any]) -> dict[str, str]:
        found = {}
        for header in spec.get("secureHeaders") or []:
            value = header.get("valueFrom") or {}
            if reference := value.get("secretKeyRef"):
                found[str(header["name"])] = self.secret(str(reference.get("name")), str(reference.get("key")))
            elif reference := value.get("configMapKeyRef"):
                found[str(header["name"])] = self.configmap(str(reference.get("name")), str(reference.get("key")))
        return found


def overlaid(there: Doc, given: Mapping[str, Any]) -> Doc:
    """`there` with the non-empty values of `given` written over it; lists are replaced as a whole (Go's mergo with override)."""
    result = dict(there)
    for key, value in given.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = overlaid(result[key], value)
        elif value or key not in result:
            result[key] = value
    return result


def from_template(resource: Doc) -> Doc:
    """The Workflow that `argo submit --from` makes from a template. Raises InvalidInput for any other kind."""
    kind, metadata = str(resource.get("kind")), resource.get("metadata") or {}
    if kind.lower() not in ("workflowtemplate", "clusterworkflowtemplate"):
        raise InvalidInput(f"argoWorkflow.operation submit-from: {kind} is not a WorkflowTemplate")
    name = str(metadata.get("name") or "")
    if not name:
        raise InvalidInput("argoWorkflow.operation submit-from needs a template with metadata.name")
    reference = {"name": name, **({"clusterScope": True} if kind.lower().startswith("cluster") else {})}
    spec = {"workflowTemplateRef": reference, **{k: v for k, v in (resource.get("spec") or {}).items() if k == "arguments"}}
    made = {"generateName": f"{name}-", "labels": metadata.get("labels") or {}}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": made, "spec": spec}
