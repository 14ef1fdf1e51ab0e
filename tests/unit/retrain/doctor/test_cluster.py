"""What is said about a cluster, check by check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localargo import S3Bucket
from retrain.client.connect import bucket_environment, bucket_of
from retrain.doctor.cluster import RIGHTS, bucket, clock, controllers, kinds, right
from retrain.doctor.event_pods import begun, running
from tests.unit.retrain.cli.driver import Engine, call
from tests.unit.retrain.client.cluster.api_server import listing, recorded, serving

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
VERSION = (200, {"gitVersion": "v1.34.4"})
FORBIDDEN_POD = (
    'create Pod eventbus-default-js-0 in StatefulSet eventbus-default-js failed error: pods "eventbus-default-js-0" is forbidden:'
    ' violates PodSecurity "restricted:latest"'
)


def deployment(image: str, ready: int, **labels: str) -> dict[str, Any]:
    container = {"image": image}
    metadata = {"namespace": "argo", "name": "c", "labels": labels}
    return {"metadata": metadata, "spec": {"template": {"spec": {"containers": [container]}}}, "status": {"readyReplicas": ready}}


def pod(name: str, ready: bool = False, **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions, **status}}


def since(created: str, started: str) -> dict[str, Any]:
    """A pod that is ready, made and last started at these times of one morning."""
    made = pod("p", ready=True, containerStatuses=[{"state": {"running": {"startedAt": f"2026-11-30T{started}Z"}}}])
    made["metadata"] |= {"namespace": "retrain", "creationTimestamp": f"2026-11-30T{created}Z"}
    return made


def test_who_has_run_since_before_its_bus_lost_its_streams_is_told_to_start_anew() -> None:
    streams = begun({"spec": {"jetstream": {}}}, [since("10:30:00", "10:30:05")])
    early, restarted = since("10:00:00", "10:00:03"), since("10:00:00", "10:30:20")
    assert running("sensor", "bucket", [restarted], [], streams).ok
    told = running("sensor", "bucket", [early], [], streams)
    assert not told.ok
    assert told.message == (
        "bucket: its bus has lost its streams with its pod, and no event passes: start what uses them anew,"
        " `kubectl -n retrain delete pods -l 'controller in (eventsource-controller, sensor-controller)'`"
    )


def test_a_bus_of_several_pods_or_with_a_volume_keeps_its_streams() -> None:
    one, other = since("09:00:00", "09:00:05"), since("10:30:00", "10:30:05")
    early = since("10:00:00", "10:00:03")
    assert running("sensor", "bucket", [early], [], begun({"spec": {"jetstream": {}}}, [other, one])).ok
    assert running("sensor", "bucket", [early], [], begun({"spec": {"jetstream": {"persistence": {"volumeSize": "1Gi"}}}}, [other])).ok


def test_clocks_that_differ_are_told() -> None:
    assert clock(3.0).ok
    assert clock(120.4) == ("clock", False, "the API server is 120 s ahead of this machine: set both by NTP; S3 refuses such signatures")
    assert "is 61 s behind this machine" in clock(-61.0).message


def test_kinds_that_are_missing_are_named() -> None:
    assert kinds("Argo Events", set()).ok
    assert kinds("Argo Events", {"sensors", "eventbus"}).message.startswith("eventbus, sensors not installed: install Argo Events")


def test_controllers_are_found_by_their_image() -> None:
    """Whatever a chart calls them; the pods of EventSources have the image of the controller and are none."""
    found = controllers(
        [
            deployment("quay.io/argoproj/workflow-controller:v4.1.2", 1),
            deployment("registry/argo-events:v1.9.11", 1, **{"owner-name": "bucket"}),
            deployment("docker.io/nginx", 1),
        ]
    )
    assert [(c.name, c.ok, c.message.partition(":")[0]) for c in found] == [
        ("Argo Workflows", True, "workflow-controller"),
        ("Argo Events", False, "no controller runs"),
    ]
    assert not controllers([deployment("argo-events@sha256:12", 0)])[1].ok


def test_a_right_that_is_missing_is_named() -> None:
    assert right("read logs", []) == ("rights", True, "you may read logs")
    assert right("read logs", ["get pods/log"]).message == "you may not read logs: ask for get pods/log in the namespace"


@pytest.mark.parametrize(
    ("pods", "warnings", "ok", "told"),
    [
        ([pod("eventbus-default-js-0", ready=True)], [], True, "default runs (1 of 1 pods ready)"),
        ([], [("eventbus-default-js", FORBIDDEN_POD)], False, "its overlay lacks the component `restricted`"),
        ([], [("eventbus-other-js", FORBIDDEN_POD)], False, "default: no pod: `kubectl describe eventbus default` and its pods say more"),
        (
            [pod("p", containerStatuses=[{"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}])],
            [],
            False,
            "default: no pod is ready, ImagePullBackOff: not found: load or push the image, or correct its registry and tag",
        ),
    ],
)
def test_a_pod_of_events_runs_or_it_is_said_why_not(
    pods: list[dict[str, Any]], warnings: list[tuple[str, str]], ok: bool, told: str
) -> None:
    events = [{"involvedObject": {"name": name}, "reason": "FailedCreate", "message": text, "metadata": {}} for name, text in warnings]
    check = running("eventbus", "default", pods, events)
    assert (check.name, check.ok) == ("eventbus", ok)
    assert told in check.message


def test_a_bucket_that_refuses_to_overwrite_is_good_and_left_as_it_was(bucketed: Engine) -> None:
    real = bucket_of(bucketed.state)
    assert bucket(real) == ("bucket", True, f"{real.name} answers and refuses to overwrite (If-None-Match)")
    assert real.list("doctor/") == []


def test_a_bucket_that_overwrites_is_not(bucketed: Engine) -> None:
    class Overwriting(S3Bucket):
        """A store that does not know conditions."""

        def put_new(self, key: str, data: bytes) -> str:
            return self.put(key, data)

    careless = Overwriting("retrain", bucket_environment(bucketed.state))
    assert not bucket(careless).ok
    assert "ignores If-None-Match" in bucket(careless).message


def test_what_the_user_may_not_see_is_not_a_fault_of_the_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("workflows", "workflowtemplates", "workflowtaskresults", "eventbus", "eventsources", "sensors")
    namespace = "/api/v1/namespaces/hello"
    with serving() as api:
        monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "kubeconfig", namespace="hello")))
        api.gives("GET /version", VERSION)
        api.gives("GET /apis/argoproj.io/v1alpha1", (200, {"resources": [{"name": name} for name in names]}))
        for path in ("/apis/apps/v1/deployments", namespace, f"{namespace}/secrets/s3", f"{namespace}/events"):
            api.gives(f"GET {path}", recorded("forbidden"))
        api.gives(f"GET {namespace}/pods", listing())
        yes, no = ((201, {"status": {"allowed": allowed}}) for allowed in (True, False))
        api.gives(f"POST {REVIEWS}", yes, no, yes)
        ended = call("doctor", "--context", "here", "-o", "json")
        told = json.loads(ended.stdout)
    assert [c["check"] for c in told if not c["ok"]] == ["rights"]
    assert [c["message"] for c in told if not c["ok"]] == ["you may not see workflows: ask for get workflowtemplates in the namespace"]
    assert ended.exit_code == 1
    assert {c["check"] for c in told if c["message"].startswith("not checked: ")} == {"controllers", "namespace", "bucket", "events"}
    asked = [r.body["spec"]["resourceAttributes"] for r in api.asked if r.path == REVIEWS]
    assert len(asked) == sum(map(len, RIGHTS.values()))
    assert {"namespace": "hello", "verb": "get", "resource": "pods", "subresource": "log"} in asked


def test_a_cluster_that_does_not_answer_is_the_only_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as api:
        file = api.kubeconfig(tmp_path / "kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(file))
    ended = call("doctor", "--context", "here", "-o", "json")
    assert ended.exit_code == 1
    assert [(c["check"], "does not answer" in c["message"]) for c in json.loads(ended.stdout)] == [("API server", True)]
