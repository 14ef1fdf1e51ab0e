"""What a cluster lacks for retraining, as far as the user's rights let one see."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from localargo import AlreadyExists, LocalArgoError, NotFound, S3Bucket, Unavailable
from retrain.client.cluster.api import ARGO, Forbidden, KubernetesApi
from retrain.client.cluster.bucket import bucket_environment
from retrain.client.place import Cluster
from retrain.doctor.check import Check
from retrain.doctor.event_pods import event_pods
from retrain.doctor.notifications import notifications

PAGE = "docs/howto/kubernetes.md"
KINDS = {
    "Argo Workflows": {"workflows", "workflowtemplates", "workflowtaskresults"},
    "Argo Events": {"eventbus", "eventsources", "sensors"},
}
CONTROLLERS = {"workflow-controller": "Argo Workflows", "argo-events": "Argo Events"}  # by the image's name, whoever installed it
SKEW_SECONDS = 60
RIGHTS = {  # what for: verb, group, resource
    "see workflows": [(v, "argoproj.io", r) for v in ("get", "list", "watch") for r in ("workflows", "workflowtemplates")],
    "change workflows": [(v, "argoproj.io", "workflows") for v in ("create", "patch", "delete")],
    "store templates": [(v, "argoproj.io", "workflowtemplates") for v in ("create", "update", "delete")],
    "read logs": [("get", "", "pods"), ("list", "", "pods"), ("watch", "", "pods"), ("get", "", "pods/log")],
    "see why pods wait": [("list", "", "events")],
    "find the bucket": [("get", "", "secrets"), ("get", "", "configmaps")],
}


def checks(cluster: Cluster) -> Iterator[Check]:
    """API server, Argo's kinds and controllers, the namespace, the user's rights, the bucket, and the pods of events."""
    try:
        api = KubernetesApi(cluster)
        version = api.call("GET", "/version")
    except LocalArgoError as error:
        yield Check("API server", False, str(error))
        return
    yield Check("API server", True, f"{version['gitVersion']} at {api.address}")
    yield clock((api.clock() - datetime.now(UTC)).total_seconds())
    known = _kinds(api)
    yield from known
    yield from seen("controllers", lambda: controllers(api.items("/apis/apps/v1/deployments")[0]))
    yield from seen("namespace", lambda: [_namespace(api)])
    for purpose, needed in RIGHTS.items():
        yield right(purpose, [f"{v} {r}" for v, group, r in needed if not _allowed(api, v, group, r)])
    yield from seen("bucket", lambda: [_bucket(cluster)])
    yield from _notifications(cluster)
    if all(check.ok for check in known):
        yield from seen("events", lambda: event_pods(api))


def seen(name: str, look: Callable[[], list[Check]]) -> list[Check]:
    """What was found, or that the user may not look, which is not a fault of the cluster."""
    try:
        return look()
    except Forbidden as error:
        return [Check(name, True, f"not checked: {error}")]


def clock(ahead: float) -> Check:
    """Whether the cluster's clock and ours agree: S3 refuses a signature of another time."""
    if abs(ahead) < SKEW_SECONDS:
        return Check("clock", True, "agrees with this machine's")
    way = "ahead of" if ahead > 0 else "behind"
    return Check("clock", False, f"the API server is {abs(ahead):.0f} s {way} this machine: set both by NTP; S3 refuses such signatures")


def _kinds(api: KubernetesApi) -> list[Check]:
    try:
        there = {resource["name"] for resource in api.call("GET", ARGO)["resources"]}
    except NotFound:
        there = set()
    return [kinds(product, needed - there) for product, needed in KINDS.items()]


def kinds(product: str, missing: set[str]) -> Check:
    """Whether the kinds of a product are installed."""
    if not missing:
        return Check(product, True, "its kinds are installed")
    return Check(product, False, f"{', '.join(sorted(missing))} not installed: install {product} ({PAGE})")


def controllers(deployments: list[dict[str, Any]]) -> list[Check]:
    """The controllers of both products: where, which version, and whether a pod is ready."""
    found: dict[str, list[Check]] = {product: [] for product in CONTROLLERS.values()}
    for deployment in deployments:
        metadata = deployment["metadata"]
        if "owner-name" in (metadata.get("labels") or {}):  # the pod of an EventSource or a Sensor has the image of the controller
            continue
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            image = container["image"].rpartition("/")[2].partition("@")[0]
            product = CONTROLLERS.get(image.partition(":")[0])
            if product:
                found[product].append(_controller(product, metadata, image, (deployment.get("status") or {}).get("readyReplicas") or 0))
    nothing = "no controller runs: install it ({})"
    return [check for product, some in found.items() for check in some or [Check(product, False, nothing.format(PAGE))]]


def _controller(product: str, metadata: dict[str, Any], image: str, ready: int) -> Check:
    where = f"{metadata['namespace']}/{metadata['name']}"
    if ready:
        return Check(product, True, f"{image} runs as {where}")
    return Check(product, False, f"{where} has no ready pod: kubectl -n {metadata['namespace']} describe deployment {metadata['name']}")


def _namespace(api: KubernetesApi) -> Check:
    try:
        labels = api.call("GET", f"/api/v1/namespaces/{api.namespace}")["metadata"].get("labels") or {}
    except NotFound:
        return Check("namespace", False, f"there is no namespace {api.namespace}: give another with -n, or apply an overlay ({PAGE})")
    level = labels.get("pod-security.kubernetes.io/enforce")
    if level == "restricted":
        return Check("namespace", True, f"{api.namespace} enforces restricted: overlays need the component `restricted`")
    return Check("namespace", True, f"{api.namespace} " + (f"enforces {level}" if level else "has no pod security label"))


def _allowed(api: KubernetesApi, verb: str, group: str, resource: str) -> bool:
    name, _, below = resource.partition("/")
    asked = {"namespace": api.namespace, "verb": verb, "group": group, "resource": name, "subresource": below}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {field: value for field, value in asked.items() if value}},
    }
    answer = api.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def right(purpose: str, missing: list[str]) -> Check:
    """Whether the user may do something."""
    if not missing:
        return Check("rights", True, f"you may {purpose}")
    return Check("rights", False, f"you may not {purpose}: ask for {', '.join(missing)} in the namespace")


def _bucket(cluster: Cluster) -> Check:
    """The bucket, and whether it keeps the promise that everything rests on: a conditional PUT."""
    try:
        environment = bucket_environment(cluster)
    except Unavailable as error:
        return Check("bucket", True, f"not checked: {error}")
    except Forbidden:
        raise
    except LocalArgoError as error:
        return Check("bucket", False, str(error))
    return bucket(S3Bucket(environment["RETRAIN_BUCKET"], environment))


def _notifications(cluster: Cluster) -> list[Check]:
    """Nothing is said where the bucket cannot be asked: the check above says why."""
    try:
        return [notifications(bucket_environment(cluster))]
    except LocalArgoError:
        return []


def bucket(found: S3Bucket) -> Check:
    """Write an object that must be new twice; the store has to refuse the second."""
    key = f"doctor/{secrets.token_hex(8)}"
    try:
        found.put_new(key, b"written by retrain doctor")
        try:
            found.put_new(key, b"and must not be overwritten")
        except AlreadyExists:
            return Check("bucket", True, f"{found.name} answers and refuses to overwrite (If-None-Match)")
        finally:
            found.delete(key)
    except LocalArgoError as error:
        return Check("bucket", False, str(error))
    return Check(
        "bucket", False, f"{found.name} ignores If-None-Match, so two runs could overwrite each other: use a store with conditional PUT"
    )
