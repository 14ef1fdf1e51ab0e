"""Logs of pods."""

from __future__ import annotations

import time
from typing import Any

import pytest

from localargo import InvalidInput, NotFound
from retrain.client.cluster.nodes import NODE_ID
from retrain.client.cluster.workflows import ArgoOnKubernetes
from tests.unit.retrain.client.cluster.api_server import PODS, ApiServer, listing, recorded, stream

ONE = f"{PODS}/hello-jzltk"
LOG = f"{ONE}/log"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def pod(**main: Any) -> dict[str, Any]:
    """The recorded pod with another state of its container `main`."""
    found: dict[str, Any] = recorded("pod")[1]
    found["status"] = {"phase": "Running", "containerStatuses": [{"name": "main", "state": main}]}
    return found


def log(argo: ArgoOnKubernetes, container: str = "main", follow: bool = False, name: str = "hello-jzltk") -> list[str]:
    return list(argo.log("hello-jzltk", name, container, follow))


def test_the_lines_of_a_container_come_without_their_times(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"GET {PODS}", listing(recorded("pod")[1]))
    api.gives(f"GET {LOG}", recorded("log"))
    assert log(argo)[1] == "hello"
    assert api.asked[0].query["labelSelector"] == "workflows.argoproj.io/workflow=hello-jzltk"
    assert api.asked[1].query == {"container": "main", "timestamps": "true"}


def test_a_pod_that_is_named_by_its_nodes_id_is_found(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    found = recorded("pod")[1]
    found["metadata"] |= {"name": "hello-77", "annotations": {NODE_ID: "hello-jzltk-77"}}
    api.gives(f"GET {PODS}", listing(found))
    api.gives(f"GET {PODS}/hello-77/log", (200, "2026-01-01T00:00:00.000000000Z found\n"))
    assert log(argo, name="hello-jzltk-main-77") == ["found"]


def test_a_pod_that_is_gone_is_said_to_be(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"GET {PODS}", listing())
    with pytest.raises(NotFound, match="pod hello-jzltk of workflow hello-jzltk is not there: podGC removed it"):
        log(argo)


def test_a_container_that_is_not_there_is_refused_with_those_there_are(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"GET {PODS}", listing(recorded("pod")[1]))
    with pytest.raises(InvalidInput, match="pod hello-jzltk has no container 'nothing'; there are: init, wait, main"):
        log(argo, "nothing")


def test_of_a_container_that_has_not_started_there_is_nothing_yet(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"GET {PODS}", listing(pod(waiting={"reason": "PodInitializing"})))
    assert log(argo) == []


def test_following_waits_for_the_start_and_outlives_a_stream_that_is_cut(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    """The second stream begins in the same second, so it repeats a line; the third comes after the end and leaves nothing behind."""
    waiting, running, ended = pod(waiting={}), pod(running={}), pod(terminated={})
    for version, each in enumerate((waiting, running, ended)):
        each["metadata"]["resourceVersion"] = str(version)
    stamps = [f"2026-01-01T00:00:00.00000000{i}Z" for i in range(4)]
    api.gives(f"GET {PODS}", listing(waiting), listing(waiting), stream(("MODIFIED", running)))
    api.gives(f"GET {ONE}", (200, running), (200, running), (200, ended))
    api.gives(
        f"GET {LOG}",
        (200, f"{stamps[0]} one\n{stamps[1]} two\n"),
        (200, f"{stamps[1]} two\n{stamps[2]} three\n"),
        (200, f"{stamps[2]} three\n{stamps[3]} four\n"),
    )
    assert log(argo, follow=True) == ["one", "two", "three", "four"]
    assert [r.query.get("sinceTime") for r in api.asked if r.path == LOG] == [None, stamps[1], stamps[2]]


def test_following_ends_with_a_pod_that_never_started_the_container(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    failed = pod(waiting={})
    failed["status"]["phase"] = "Failed"
    api.gives(f"GET {PODS}", listing(failed))
    with pytest.raises(NotFound, match="pod hello-jzltk ended before its container main had started"):
        log(argo, follow=True)
