"""The bucket of a namespace, reached from this machine: the process's AWS variables, else the Secrets `s3` and `s3-upload`."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from localargo import InvalidInput, NotFound, Unavailable
from retrain.client.cluster.api import Forbidden, KubernetesApi
from retrain.client.place import Cluster
from retrain.client.state import answers

NAME = "s3"  # of the Secret that steps use, as in the manifests
UPLOAD = "s3-upload"  # of those who upload; a person that may read it has its keys
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
ADDRESS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
OTHERS = ("RETRAIN_BUCKET", "AWS_DEFAULT_REGION", "AWS_REGION")


def bucket_environment(cluster: Cluster) -> dict[str, str]:
    """The AWS variables and RETRAIN_BUCKET of the namespace's bucket. Raises Unavailable where it cannot be reached from here."""
    found = merged(_secret(cluster) if not _complete(os.environ) else {}, os.environ)
    endpoint = next((found[name] for name in ADDRESS if found.get(name)), "")
    if endpoint and not answers(endpoint):
        raise Unavailable(_unreachable(cluster, endpoint))
    return found


def merged(secret: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The process's variables before the Secret's; keys that belong together come from one of the two."""
    keys = own if own.get(KEYS[0]) else secret
    address = own if any(own.get(name) for name in ADDRESS) else secret
    found = {name: keys.get(name, "") for name in KEYS} | {name: address.get(name, "") for name in ADDRESS}
    found |= {name: value for name in OTHERS if (value := own.get(name) or secret.get(name))}
    if not found.get("RETRAIN_BUCKET"):
        raise InvalidInput(f"neither the Secret {NAME} nor the environment says which bucket: set RETRAIN_BUCKET")
    return found


def _complete(own: Mapping[str, str]) -> bool:
    """Whether the process's variables are enough, as for a store on the internet; then the Secret need not be readable."""
    return bool(own.get(KEYS[0]) and own.get("RETRAIN_BUCKET") and any(own.get(name) for name in ADDRESS))


def _secret(cluster: Cluster) -> dict[str, str]:
    api = KubernetesApi(cluster)
    instead = "or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL_S3 and RETRAIN_BUCKET"
    try:
        data = api.call("GET", f"/api/v1/namespaces/{api.namespace}/secrets/{NAME}").get("data") or {}
    except NotFound as error:
        raise NotFound(f"namespace {api.namespace} has no Secret {NAME} with the bucket's keys: give another -n, {instead}") from error
    except Forbidden as error:
        raise Forbidden(f"{error}: ask for the right to read it, {instead}") from error
    with suppress(NotFound, Forbidden):
        data |= api.call("GET", f"/api/v1/namespaces/{api.namespace}/secrets/{UPLOAD}").get("data") or {}
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def _unreachable(cluster: Cluster, endpoint: str) -> str:
    address = urlsplit(endpoint)
    host = str(address.hostname)
    if "." in host and not host.endswith((".svc", ".cluster.local")):
        return f"the bucket at {endpoint} does not answer: set AWS_ENDPOINT_URL_S3 to an address that this machine reaches"
    service, _, rest = host.partition(".")
    namespace = rest.partition(".")[0] or cluster.namespace
    port = address.port or (443 if address.scheme == "https" else 80)
    where = f"--context {cluster.context}" + (f" -n {namespace}" if namespace else "")
    return (
        f"the bucket's address {endpoint} is inside the cluster: run `kubectl {where} port-forward service/{service} {port}`"
        f" and set AWS_ENDPOINT_URL_S3={address.scheme}://127.0.0.1:{port}"
    )
