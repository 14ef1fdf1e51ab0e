"""The logs of a Workflow's pods, read from the kubelets through the API server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import quote

from localargo import InvalidInput, NotFound, Unavailable
from retrain.client.cluster.api import ATTEMPTS, KubernetesApi
from retrain.client.cluster.nodes import NODE_ID
from retrain.client.protocol import Doc

OF_WORKFLOW = "workflows.argoproj.io/workflow"
STARTED = frozenset(("running", "terminated"))


def pods_of(api: KubernetesApi, workflow: str) -> list[Doc]:
    """The pods of a Workflow that are still there."""
    found, _ = api.items(f"/api/v1/namespaces/{api.namespace}/pods", {"labelSelector": f"{OF_WORKFLOW}={workflow}"})
    return found


def warnings_of(api: KubernetesApi) -> list[Doc]:
    """The warnings about pods of the namespace."""
    query = {"fieldSelector": "involvedObject.kind=Pod,type=Warning"}
    return api.items(f"/api/v1/namespaces/{api.namespace}/events", query)[0]


def log(api: KubernetesApi, workflow: str, pod: str, container: str, follow: bool) -> Iterator[str]:
    """The lines that a container has written; with `follow` from its start to its end, whatever becomes of the connection meanwhile."""
    found = _pod(api, workflow, pod)
    name = found["metadata"]["name"]
    if follow:
        yield from _followed(api, _started(api, found, container), container)
    elif _state(found, container).keys() & STARTED:
        yield from (text for _, text in _lines(api, name, container, {}))


def _followed(api: KubernetesApi, name: str, container: str) -> Iterator[str]:
    """Lines until the container had ended before they were asked for, so that none is left behind by a stream that was cut."""
    last, failures, over = "", 0, False
    while not over:
        try:
            over = "running" not in _state(_read(api, name), container)
        except NotFound:
            return
        since = last
        try:
            for stamp, text in _lines(api, name, container, {"follow": "true", **({"sinceTime": since} if since else {})}):
                if stamp > since:  # `sinceTime` counts whole seconds
                    last, failures = stamp, 0
                    yield text
        except Unavailable:
            over, failures = False, failures + 1
            if failures == ATTEMPTS:
                raise
        if last == since and not over:
            time.sleep(1)


def _pod(api: KubernetesApi, workflow: str, pod: str) -> Doc:
    """The pod by its name, or by its node's id, for a controller with POD_NAMES=v1 names it by that."""
    node_ids = (pod, f"{workflow}-{pod.rpartition('-')[2]}")
    for found in pods_of(api, workflow):
        metadata = found["metadata"]
        if metadata["name"] == pod or (metadata.get("annotations") or {}).get(NODE_ID) in node_ids:
            return found
    raise NotFound(f"pod {pod} of workflow {workflow} is not there: podGC removed it, or it is still to come")


def _read(api: KubernetesApi, name: str) -> Doc:
    found: Doc = api.call("GET", f"/api/v1/namespaces/{api.namespace}/pods/{quote(name, safe='')}")
    return found


def _started(api: KubernetesApi, pod: Doc, container: str) -> str:
    """Wait until the container runs or has ended; the pod's name."""
    name: str = pod["metadata"]["name"]
    path, query = f"/api/v1/namespaces/{api.namespace}/pods", {"fieldSelector": f"metadata.name={name}"}
    for change in api.changes(path, query):
        state = _state(change.workflow, container)
        if state.keys() & STARTED:
            return name
        if change.type == "DELETED" or (change.workflow.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
            raise NotFound(f"pod {name} ended before its container {container} had started")
    raise Unavailable(f"the watch of pod {name} ended: {api.restart_hint}")


def _state(pod: Doc, container: str) -> Doc:
    """What the container does; empty before the kubelet knows it."""
    names = [c["name"] for field in ("initContainers", "containers") for c in pod["spec"].get(field) or []]
    if container not in names:
        raise InvalidInput(f"pod {pod['metadata']['name']} has no container {container!r}; there are: {', '.join(names)}")
    status = pod.get("status") or {}
    for each in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if each["name"] == container:
            return dict(each.get("state") or {})
    return {}


def _lines(api: KubernetesApi, name: str, container: str, query: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each line with the time at which it was written."""
    path = f"/api/v1/namespaces/{api.namespace}/pods/{quote(name, safe='')}/log"
    for line in api.lines(path, {"container": container, "timestamps": "true", **query}, {}, None):
        stamp, _, text = line.decode("utf-8", "replace").rstrip("\r").partition(" ")
        yield stamp, text
