"""Whether the pods of EventBus, EventSources and Sensors run: their controllers say Deployed=True also when no pod could be created."""

from __future__ import annotations

from collections.abc import Sequence

from retrain.client.cluster.api import ARGO, KubernetesApi
from retrain.client.cluster.nodes import seen, told, waits_for
from retrain.client.protocol import Doc
from retrain.doctor.check import Check

LABELS = {"eventbus": "eventbus-name", "eventsources": "eventsource-name", "sensors": "sensor-name"}
ANEW = "'controller in (eventsource-controller, sensor-controller)'"
REMEDIES = {  # by a word of the reason
    "violates PodSecurity": "its overlay lacks the component `restricted`",
    "ImagePull": "load or push the image, or correct its registry and tag",
    "ErrImage": "load or push the image, or correct its registry and tag",
    "Unschedulable": "no node has room for it: lower its requests, or add a node",
    "exceeded quota": "raise the namespace's ResourceQuota",
}


def event_pods(api: KubernetesApi) -> list[Check]:
    """A check for each EventBus, EventSource and Sensor of the namespace."""
    core = f"/api/v1/namespaces/{api.namespace}"
    pods, _ = api.items(f"{core}/pods")
    warnings, _ = api.items(f"{core}/events", {"fieldSelector": "type=Warning"})
    found = []
    streams: dict[str, str] = {}
    for kind, label in LABELS.items():
        for document in api.items(f"{ARGO}/namespaces/{api.namespace}/{kind}")[0]:
            if not (kind == "eventbus" and {"jetstreamExotic", "kafka"} & document["spec"].keys()):  # such a bus is somewhere else
                name = document["metadata"]["name"]
                own = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(label) == name]
                if kind == "eventbus":
                    streams[name] = begun(document, own)
                    found.append(running(kind, name, own, warnings))
                else:
                    bus = document["spec"].get("eventBusName") or "default"
                    found.append(running(kind.removesuffix("s"), name, own, warnings, streams.get(bus, "")))
    return found or [Check("events", True, f"no EventBus, EventSource or Sensor in {api.namespace}")]


def begun(bus: Doc, pods: Sequence[Doc]) -> str:
    """When the streams of a bus began: without a volume they end with its last pod. Empty where a volume keeps them."""
    if (bus["spec"].get("jetstream") or {}).get("persistence"):
        return ""
    return min((pod["metadata"]["creationTimestamp"] for pod in pods), default="")


def running(kind: str, name: str, pods: Sequence[Doc], warnings: Sequence[Doc], streams: str = "") -> Check:
    """Whether a pod of this document is ready, and makes or reads the streams that its bus has had since `streams`; else what to do."""
    if ready := [pod for pod in pods if _ready(pod)]:
        if streams and all(_started(pod) < streams for pod in ready):
            lost = "its bus has lost its streams with its pod, and no event passes: start what uses them anew"
            return Check(kind, False, f"{name}: {lost}, `kubectl -n {ready[0]['metadata']['namespace']} delete pods -l {ANEW}`")
        return Check(kind, True, f"{name} runs ({len(ready)} of {len(pods)} pods ready)")
    reason = next(filter(None, (waits_for(pod.get("status") or {}) for pod in pods)), "") or _warned(name, kind, pods, warnings)
    pod = "no pod" if not pods else "no pod is ready"
    remedy = next(
        (remedy for word, remedy in REMEDIES.items() if word in reason), f"`kubectl describe {kind} {name}` and its pods say more"
    )
    return Check(kind, False, f"{name}: {pod}{', ' + reason if reason else ''}: {remedy}")


def _started(pod: Doc) -> str:
    """When the containers of a pod that is ready began to run; RFC 3339 in UTC, as the API server writes it, sorts as text."""
    return max(str(status["state"]["running"]["startedAt"]) for status in pod["status"]["containerStatuses"])


def _ready(pod: Doc) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _warned(name: str, kind: str, pods: Sequence[Doc], warnings: Sequence[Doc]) -> str:
    """The newest warning about its pods, or about what should have created them (`eventbus-NAME-js`, `NAME-eventsource-...`)."""
    names = {pod["metadata"]["name"] for pod in pods}
    begins = f"eventbus-{name}-" if kind == "eventbus" else f"{name}-{kind}-"
    about = [w for w in warnings if w["involvedObject"]["name"] in names or w["involvedObject"]["name"].startswith(begins)]
    return told(max(about, key=seen)) if about else ""
