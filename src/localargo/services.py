"""What manifests expect of a cluster by name: a namespace, Secrets, the Service `s3`, the artifact repository. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from localargo.ports import Doc, Json

REFERENCES = frozenset({"secretRef", "secretKeyRef", "accessKey", "secretKey", "accessKeySecret", "secretKeySecret"})
SERVICE_PORT = "8333"
S3_NAME = "s3"  # the keys of steps
UPLOAD_NAME = "s3-upload"  # the keys of those who upload and who listen for uploads; here they are the same
WEBHOOK_NAME = "webhook-token"
KEY_FORMAT = "argo/{{workflow.name}}/{{pod.name}}"
DEFAULT_NAMESPACE = "argo"  # where Argo's own quick start puts everything


def namespace_of(documents: Iterable[Doc], fallback: str = DEFAULT_NAMESPACE) -> str:
    """The engine's only namespace: the first one that a document names."""
    for doc in documents:
        named = (doc.get("metadata") or {}).get("namespace")
        if isinstance(named, str) and named:
            return named
    return fallback


def is_own_endpoint(endpoint: str, namespace: str) -> bool:
    """Whether an S3 endpoint is the Service `s3` of this namespace, with or without scheme."""
    host, _, port = endpoint.removeprefix("http://").rstrip("/").partition(":")
    names = {"s3", f"s3.{namespace}", f"s3.{namespace}.svc", f"s3.{namespace}.svc.cluster.local"}
    return host in names and port in ("", SERVICE_PORT)


def needs_bucket(doc: Doc) -> bool:
    """Whether the document needs the bucket from the start: it names the Secret `s3` or `s3-upload`, or listens to a bucket.

    Artifacts alone do not count: the bucket is started when the first one is moved.
    """
    if doc.get("kind") == "Secret":
        return False
    if doc.get("kind") == "EventSource" and (doc.get("spec") or {}).get("minio"):
        return True
    return any(reference.get("name") in (S3_NAME, UPLOAD_NAME) for reference in _secret_references(doc))


def _secret_references(tree: Json) -> Iterator[Mapping[str, Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key in REFERENCES and isinstance(value, dict):
                yield value
            elif key == "secret" and isinstance(value, dict):
                yield {"name": value.get("secretName")}
            else:
                yield from _secret_references(value)
    elif isinstance(tree, list):
        for each in tree:
            yield from _secret_references(each)


def secret(name: str, values: Mapping[str, str]) -> Doc:
    """A Secret document with these values."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque", "data": data}


def secret_value(doc: Doc | None, key: str) -> str | None:
    """One decoded value of a Secret, None when there is none."""
    encoded = ((doc or {}).get("data") or {}).get(key)
    return None if encoded is None else base64.b64decode(encoded).decode("utf-8", "replace")


def default_repository(bucket: str) -> Doc:
    """The artifact repository when no document configures one."""
    return {"s3": {"bucket": bucket, "keyFormat": KEY_FORMAT}}
