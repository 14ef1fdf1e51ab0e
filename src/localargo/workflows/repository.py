"""Which artifact repository a Workflow uses: the one that its `artifactRepositoryRef` names, the namespace's default, or the engine's."""

from __future__ import annotations

from collections.abc import Mapping

from localargo.errors import InvalidInput
from localargo.manifests.yaml import load_documents
from localargo.ports import Doc
from localargo.services import is_own_endpoint
from localargo.workflows.messages import World
from localargo.workflows.work import CallFailed

CONFIGMAP = "artifact-repositories"
DEFAULT_KEY = "workflows.argoproj.io/default-artifact-repository"
KEY_FORMAT = "{{workflow.name}}/{{pod.name}}"  # the default of a repository without a keyFormat


def resolve(reference: Mapping[str, str] | None, world: World) -> Doc:
    """The reference as the status shows it. Raises CallFailed with Argo's message when no repository is found."""
    name = (reference or {}).get("configMap") or CONFIGMAP
    found = world.configmaps.get(name)
    if found is not None:
        annotations = (found.get("metadata") or {}).get("annotations") or {}
        key = (reference or {}).get("key") or annotations.get(DEFAULT_KEY) or ""
        text = (found.get("data") or {}).get(key)
        if text is not None:
            return {"namespace": world.namespace, "configMap": name, "key": key, "artifactRepository": _read(name, key, str(text), world)}
    if reference is not None:
        shown = f"{reference.get('configMap') or ''}#{reference.get('key') or ''}"
        why = f'failed to find any artifact repository for artifact repository ref "{shown}"'
        raise CallFailed(f"failed to resolve artifact repository: {why}")
    return {"default": True}


def of(head: Doc, world: World) -> Doc:
    """The repository of a Workflow with this status."""
    own: Doc | None = (head.get("artifactRepositoryRef") or {}).get("artifactRepository")
    return own if own is not None else world.artifact_repository or {}


def _read(name: str, key: str, text: str, world: World) -> Doc:
    where = f"ConfigMap {name}, key {key}"
    try:
        documents = load_documents(text, where)
    except InvalidInput as error:
        raise CallFailed(f"failed to resolve artifact repository: failed to unmarshall config map key {key!r}: {error}") from error
    repository: Doc = dict(documents[0].doc) if documents else {}
    s3 = repository.get("s3") or {}
    others = sorted(repository.keys() - {"s3", "archiveLogs"})
    if others:
        raise CallFailed(f"{where}: artifacts go to s3 here, not to {', '.join(others)}")
    endpoint = str(s3.get("endpoint") or "")
    if endpoint and not is_own_endpoint(endpoint, world.namespace):
        raise CallFailed(f"{where}: s3.endpoint {endpoint}: artifacts go to s3:8333 here")
    prefix = str(s3.get("keyPrefix") or "").strip("/")
    return {**repository, "s3": {"keyFormat": f"{prefix}/{KEY_FORMAT}".lstrip("/"), **s3}}
