"""What an `ArgoServer` is asked for, as requests to the Kubernetes API."""

from __future__ import annotations

import time
from typing import Any

import pytest

from localargo import AlreadyExists, InvalidInput, NotFound, Unsupported
from retrain.client.cluster.workflows import ArgoOnKubernetes
from retrain.client.workflows import changes, find, phase
from tests.unit.retrain.client.cluster.api_server import PODS, WORKFLOWS, ApiServer, listing, recorded, stream, workflow

ONE = f"{WORKFLOWS}/hello-jzltk"
TEMPLATES = "/apis/argoproj.io/v1alpha1/namespaces/hello/workflowtemplates"
EVENTS = "/api/v1/namespaces/hello/events"


def running(**metadata: Any) -> dict[str, Any]:
    document = workflow(**metadata)
    document["status"] = {"phase": "Running"}
    return document


def aged(*names: str) -> list[dict[str, Any]]:
    """Workflows by name, as the API server lists them, the first the oldest."""
    return [workflow(name, creationTimestamp=f"2026-01-01T00:00:{i:02}Z") for i, name in enumerate(names)]


def test_a_workflow_is_created_strictly(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"POST {WORKFLOWS}", recorded("workflow"), recorded("invalid"), recorded("exists"))
    assert argo.create({"spec": {}})["metadata"]["name"] == "hello-jzltk"
    assert (api.asked[0].query, api.asked[0].body) == ({"fieldValidation": "Strict"}, {"spec": {}})
    with pytest.raises(InvalidInput, match=r'unknown field "spec.entrypoit"'):
        argo.create({"spec": {}})
    with pytest.raises(AlreadyExists, match='"hello-jzltk" already exists'):
        argo.create({"spec": {}})


def test_all_workflows_come_newest_first(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"GET {WORKFLOWS}", listing(*aged("a", "b", "c")))
    found = argo.workflows("of=us")
    assert ([w["metadata"]["name"] for w in found.items], found.more) == (["c", "b", "a"], 0)
    assert api.asked[0].query["labelSelector"] == "of=us"


def test_of_a_few_workflows_only_the_names_of_all_are_read(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"GET {WORKFLOWS}", listing(*aged("a", "b", "c", "d", "e", "gone", "new")))
    api.gives(f"GET {WORKFLOWS}/new", (200, workflow("new")))
    api.gives(f"GET {WORKFLOWS}/gone", recorded("absent"))
    assert [w["metadata"]["name"] for w in argo.workflows(limit=1).items] == ["new"]
    assert "as=PartialObjectMetadataList" in api.asked[0].headers["accept"]
    assert find(argo, "@latest")["metadata"]["name"] == "new"


def test_a_limit_that_most_fit_in_reads_the_list(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"GET {WORKFLOWS}", listing(*aged("a", "b", "c")))
    found = argo.workflows(limit=2)
    assert ([w["metadata"]["name"] for w in found.items], found.more) == (["c", "b"], 1)


def test_an_operation_patches_the_version_that_was_read(api: ApiServer, argo: ArgoOnKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The controller may be faster: then the Workflow is read again."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    api.gives(f"GET {ONE}", (200, running(resourceVersion="5")), (200, running(resourceVersion="6")))
    api.gives(f"PATCH {ONE}", recorded("conflict"), (200, running()))
    argo.operate("terminate", "hello-jzltk", {})
    patches = [r for r in api.asked if r.method == "PATCH"]
    assert [p.body for p in patches] == [{"spec": {"shutdown": "Terminate"}, "metadata": {"resourceVersion": v}} for v in ("5", "6")]
    assert {p.headers["content-type"] for p in patches} == {"application/merge-patch+json"}


def test_a_conflict_that_stays_is_told(api: ApiServer, argo: ArgoOnKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    api.gives(f"GET {ONE}", (200, running()))
    api.gives(f"PATCH {ONE}", recorded("conflict"))
    with pytest.raises(AlreadyExists, match="the object has been modified"):
        argo.operate("suspend", "hello-jzltk", {})


def test_what_changes_nothing_sends_nothing(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"GET {ONE}", (200, running()))
    assert phase(argo.operate("resume", "hello-jzltk", {})) == "Running"
    assert [r.method for r in api.asked] == ["GET"]


def test_resubmit_creates_another(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"GET {ONE}", recorded("workflow"))
    api.gives(f"POST {WORKFLOWS}", (200, workflow("again")))
    assert argo.operate("resubmit", "hello-jzltk", {"parameters": ["a=b=c"]})["metadata"]["name"] == "again"
    assert api.asked[-1].body["spec"]["arguments"] == {"parameters": [{"name": "a", "value": "b=c"}]}


def test_what_needs_the_controllers_own_code_is_refused_with_the_command_that_has_it(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    with pytest.raises(Unsupported, match="use `argo retry hello-jzltk --context here -n hello`"):
        argo.operate("retry", "hello-jzltk", {})
    with pytest.raises(Unsupported, match="use `argo resubmit hello-jzltk --memoized --context here -n hello`"):
        argo.operate("resubmit", "hello-jzltk", {"memoized": True})
    assert api.asked == []


def test_a_watch_of_one_workflow_follows_it_to_its_end(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"GET {ONE}", (200, running(resourceVersion="1")))
    api.gives(f"GET {WORKFLOWS}", listing(running(resourceVersion="1")), stream(("MODIFIED", workflow())))
    assert [phase(w) for w in changes(argo, "hello-jzltk")] == ["Running", "Running", "Succeeded"]
    assert api.asked[-1].query["fieldSelector"] == "metadata.name=hello-jzltk"


def test_a_workflow_that_is_deleted_before_its_watch_begins_does_not_hang(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives(f"GET {ONE}", (200, running()))
    api.gives(f"GET {WORKFLOWS}", listing())
    with pytest.raises(NotFound, match="workflow hello-jzltk was deleted while it was watched"):
        list(changes(argo, "hello-jzltk"))


def test_a_pending_node_is_explained_as_far_as_the_user_may_look(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    document = workflow()
    document["status"]["nodes"]["hello-jzltk"] |= {"phase": "Pending", "message": "ContainerCreating"}
    api.gives(f"GET {ONE}", (200, document))
    pod = recorded("pod")[1]
    pod["status"] = {}
    event = {"type": "Warning", "reason": "FailedMount", "message": "no", "metadata": {}, "involvedObject": {"name": "hello-jzltk"}}
    api.gives(f"GET {PODS}", listing(pod), recorded("forbidden"))
    api.gives(f"GET {EVENTS}", listing(event))
    assert argo.workflow("hello-jzltk")["status"]["nodes"]["hello-jzltk"]["message"] == "FailedMount: no"
    assert argo.workflow("hello-jzltk")["status"]["nodes"]["hello-jzltk"]["message"] == "ContainerCreating"


def test_a_template_is_created_or_replaced(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    template = {"metadata": {"name": "t"}, "spec": {}}
    api.gives(f"GET {TEMPLATES}/t", recorded("absent"), (200, {"metadata": {"name": "t", "resourceVersion": "8"}}))
    api.gives(f"POST {TEMPLATES}", (201, template))
    api.gives(f"PUT {TEMPLATES}/t", (200, template))
    argo.store_template(template)
    argo.store_template(template)
    assert [(r.method, (r.body or {}).get("metadata")) for r in api.asked if r.body] == [
        ("POST", {"name": "t"}),
        ("PUT", {"name": "t", "resourceVersion": "8"}),
    ]


def test_cluster_templates_that_may_not_be_seen_are_none(api: ApiServer, argo: ArgoOnKubernetes) -> None:
    api.gives("GET /apis/argoproj.io/v1alpha1/clusterworkflowtemplates", recorded("forbidden"))
    assert argo.cluster_templates() == []
