"""A container's environment: the variables of every pod, those from ConfigMaps and Secrets, and the manifest's own."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from localargo.ports import Doc
from localargo.workflows.status import text
from localargo.workflows.work import CallFailed, Pass

_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_REFERENCE = re.compile(r"\$(\$)?\(([A-Za-z_.][-A-Za-z0-9_.]*)\)")


class NotThere(CallFailed):
    """Something that the pod needs does not exist (yet): a cluster creates the pod nevertheless, and it waits."""


def variables(p: Pass, pod: str, template: Doc, container: Doc) -> dict[str, str]:
    """All variables of the process. Raises CallFailed with Kubernetes' message for missing sources."""
    found = dict(p.world.pod_environment)
    for source in container.get("envFrom") or ():
        prefix = source.get("prefix") or ""
        for field, shelf in (("configMapRef", "configmap"), ("secretRef", "secret")):
            reference = source.get(field)
            if not reference:
                continue
            data = _data(p, shelf, reference)
            found.update({prefix + k: v for k, v in data.items() if _NAME.fullmatch(prefix + k)})
    for variable in container.get("env") or ():
        value = _value(p, pod, template, variable, found)
        if value is not None:
            found[variable["name"]] = value
    return found


def _value(p: Pass, pod: str, template: Doc, variable: Doc, before: Mapping[str, str]) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return _expand(text(variable.get("value") if variable.get("value") is not None else ""), before)
    for field, shelf in (("configMapKeyRef", "configmap"), ("secretKeyRef", "secret")):
        reference = source.get(field)
        if reference:
            return _key(p, shelf, reference)
    if source.get("fieldRef"):
        return _field(p, pod, template, source["fieldRef"].get("fieldPath") or "")
    if source.get("resourceFieldRef"):
        raise CallFailed(f"env {variable['name']}: valueFrom.resourceFieldRef is not supported here")
    return None


def secret_key(p: Pass, reference: Doc) -> str:
    """One value of a Secret. Raises CallFailed."""
    return _key(p, "secret", reference) or ""


def _key(p: Pass, shelf: str, reference: Doc) -> str | None:
    data = _data(p, shelf, reference)
    if reference.get("key") in data:
        return data[reference["key"]]
    if reference.get("optional"):
        return None
    raise NotThere(f"couldn't find key {reference.get('key')} in {_kind(shelf)} {p.namespace}/{reference.get('name')}")


def _expand(value: str, known: Mapping[str, str]) -> str:
    """Expand Kubernetes' `$(NAME)` with variables defined earlier; an unknown name stays unchanged."""

    def replace(match: re.Match[str]) -> str:
        return f"$({match[2]})" if match[1] else known.get(match[2], match[0])

    return _REFERENCE.sub(replace, value) if "$" in value else value


def _field(p: Pass, pod: str, template: Doc, path: str) -> str:
    fixed = {
        "metadata.name": pod,
        "metadata.namespace": p.namespace,
        "spec.serviceAccountName": p.spec.get("serviceAccountName") or "default",
        "spec.nodeName": "localhost",
        "status.podIP": "127.0.0.1",
        "status.hostIP": "127.0.0.1",
        "metadata.uid": "",
    }
    if path in fixed:
        return fixed[path]
    for kind in ("labels", "annotations"):
        start = f"metadata.{kind}['"
        if path.startswith(start) and path.endswith("']"):
            found = pod_labels(p, template) if kind == "labels" else _pod_metadata(p, template, kind)
            return str(found.get(path[len(start) : -2], ""))
    raise CallFailed(f"unsupported fieldPath: {path}")


def pod_labels(p: Pass, template: Doc) -> Doc:
    """The labels of the template's pods."""
    return {**_pod_metadata(p, template, "labels"), "workflows.argoproj.io/workflow": p.name}


def _pod_metadata(p: Pass, template: Doc, kind: str) -> Doc:
    return {**((p.spec.get("podMetadata") or {}).get(kind) or {}), **((template.get("metadata") or {}).get(kind) or {})}


def _data(p: Pass, shelf: str, reference: Doc) -> dict[str, str]:
    name = reference.get("name") or ""
    found = (p.world.configmaps if shelf == "configmap" else p.world.secrets).get(name)
    if found is None:
        if reference.get("optional"):
            return {}
        raise NotThere(f'{shelf} "{name}" not found')
    return document_data(found)


def document_data(document: Doc) -> dict[str, str]:
    """The content of a ConfigMap or a Secret as text."""
    data = {k: text(v) for k, v in (document.get("data") or {}).items()}
    if document.get("kind") == "Secret":
        data = {k: _decoded(v) for k, v in data.items()}
        data.update({k: text(v) for k, v in (document.get("stringData") or {}).items()})
    return data


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return value


def _kind(shelf: str) -> str:
    return "ConfigMap" if shelf == "configmap" else "Secret"
