"""`retrain doctor --context` on a real cluster."""

from __future__ import annotations

import json
from collections.abc import Callable

from click.testing import Result

from retrain.client.cluster.api import ARGO, KubernetesApi
from retrain.client.place import Cluster
from tests.waiting import wait_until

BUS = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "EventBus",
    "metadata": {"name": "default"},
    "spec": {"jetstream": {"version": "latest", "replicas": 1}},
}
ENFORCE = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}


def test_a_bus_without_pods_is_found_though_its_controller_says_deployed(cluster: Cluster, retrain: Callable[..., Result]) -> None:
    api = KubernetesApi(cluster)
    namespace = f"/api/v1/namespaces/{cluster.namespace}"
    buses = f"{ARGO}/namespaces/{cluster.namespace}/eventbus"
    merge = {"Content-Type": "application/merge-patch+json"}
    api.call("PATCH", namespace, ENFORCE, headers=merge)
    api.call("POST", buses, BUS)

    def said() -> str:
        told = json.loads(retrain("doctor", "-o", "json", exit_code=1).stdout)
        assert {c["check"]: c["ok"] for c in told}["API server"]
        assert "enforces restricted" in next(c["message"] for c in told if c["check"] == "namespace")
        return next(str(c["message"]) for c in told if c["check"] == "eventbus")

    try:
        wait_until(lambda: "its overlay lacks the component `restricted`" in said(), said)
    finally:
        api.call("DELETE", f"{buses}/default")
        api.call("PATCH", namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None}}}, headers=merge)
