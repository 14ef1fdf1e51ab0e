"""What each operation changes in a Workflow."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from localargo import InvalidInput, Unsupported
from retrain.client.cluster.operations import patch, resubmitted
from tests.unit.retrain.client.cluster.api_server import workflow

NOW = "2026-01-02T03:04:05Z"
APPROVE = "displayName=approve"


def running(*parameters: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A Workflow with a suspended node and one that runs."""
    document = workflow()
    node = {"id": "s", "name": "w.approve", "displayName": "approve", "type": "Suspend", "phase": "Running", **fields}
    if parameters:
        node["outputs"] = {"parameters": list(parameters)}
    other = {"id": "p", "name": "w.beside", "displayName": "beside", "type": "Pod", "phase": "Running"}
    document["status"] = {"phase": "Running", "nodes": {"s": node, "p": other}}
    return document


def supplied(name: str = "word", **more: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"supplied": {}, "default": "none"}, **more}


def test_stop_and_terminate_are_a_field_of_the_spec() -> None:
    assert patch("stop", running(), {}, NOW) == {"spec": {"shutdown": "Stop"}}
    assert patch("terminate", running(), {}, NOW) == {"spec": {"shutdown": "Terminate"}}


def test_an_ended_workflow_is_neither_stopped_nor_suspended() -> None:
    for operation in ("stop", "terminate"):
        with pytest.raises(InvalidInput, match='cannot shutdown a completed workflow: workflow: "hello-jzltk", namespace: "hello"'):
            patch(operation, workflow(), {}, NOW)
    with pytest.raises(InvalidInput, match="cannot suspend completed workflows"):
        patch("suspend", workflow(), {}, NOW)


def test_stop_with_a_selector_fails_the_suspended_node() -> None:
    change = patch("stop", running(), {"nodeFieldSelector": APPROVE, "message": "no"}, NOW)
    assert change == {"status": {"nodes": {"s": {"phase": "Failed", "message": "no", "finishedAt": NOW}}}}


def test_suspend_is_set_once_and_resume_removes_it() -> None:
    document = workflow()
    document["status"] = {"phase": "Running"}
    assert patch("suspend", document, {}, NOW) == {"spec": {"suspend": True}}
    assert patch("resume", document, {}, NOW) == {}
    document["spec"]["suspend"] = True
    assert patch("suspend", document, {}, NOW) == {}
    assert patch("resume", document, {}, NOW) == {"spec": {"suspend": None}}


def test_resume_ends_suspended_nodes_with_their_defaults() -> None:
    change = patch("resume", running(supplied(), {"name": "other", "value": "set"}, message="waits"), {}, NOW)
    outputs = {"parameters": [{"name": "word", "value": "none"}, {"name": "other", "value": "set"}]}
    assert change == {"status": {"nodes": {"s": {"phase": "Succeeded", "finishedAt": NOW, "message": "waits", "outputs": outputs}}}}


def test_resume_needs_a_value_for_each_output() -> None:
    with pytest.raises(InvalidInput, match="raw output parameter 'word' has not been set and does not have a default value"):
        patch("resume", running({"name": "word", "valueFrom": {"supplied": {}}}), {}, NOW)


def test_resume_with_a_selector_ends_the_node_as_it_is() -> None:
    assert patch("resume", running(), {"nodeFieldSelector": APPROVE}, NOW)["status"] == {
        "nodes": {"s": {"phase": "Succeeded", "finishedAt": NOW}}
    }
    with pytest.raises(InvalidInput, match="no suspend nodes matching nodeFieldSelector: displayName=beside"):
        patch("resume", running(), {"nodeFieldSelector": "displayName=beside"}, NOW)


def test_set_supplies_outputs_and_a_global_one_becomes_the_workflows() -> None:
    document = running(supplied(globalName="told"), supplied("other"))
    document["status"]["outputs"] = {"parameters": [{"name": "first", "value": "1"}, {"name": "told", "value": "old"}]}
    change = patch("set", document, {"nodeFieldSelector": APPROVE, "outputParameters": '{"word": "yes"}'}, NOW)
    parameters = [{"name": "word", "value": "yes", "globalName": "told"}, supplied("other")]
    assert change["status"]["nodes"] == {"s": {"outputs": {"parameters": parameters}}}
    assert change["status"]["outputs"]["parameters"] == [{"name": "first", "value": "1"}, {"name": "told", "value": "yes"}]


@pytest.mark.parametrize(
    ("parameters", "given", "why"),
    [
        ([], {"word": "x"}, "node is not expecting any raw parameters"),
        ([supplied()], {"nothing": "x"}, "node is not expecting output parameter 'nothing'"),
        ([{"name": "word", "value": "old"}], {"word": "x"}, "'word' because it does not use valueFrom.raw or it was already set"),
    ],
)
def test_set_refuses_what_the_node_does_not_wait_for(parameters: list[dict[str, Any]], given: dict[str, str], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        patch("set", running(*parameters), {"nodeFieldSelector": APPROVE, "outputParameters": json.dumps(given)}, NOW)


@pytest.mark.parametrize("field", ["compressedNodes", "offloadNodeStatusVersion"])
def test_nodes_that_are_not_stored_plainly_are_not_written(field: str) -> None:
    document = running()
    packed = base64.b64encode(gzip.compress(json.dumps(document["status"]["nodes"]).encode())).decode()
    document["status"][field] = packed if field == "compressedNodes" else "fnv:1"
    with pytest.raises(Unsupported, match=rf"status.{field}\): change them with the `argo` command"):
        patch("resume", document, {}, NOW)
    assert patch("stop", document, {}, NOW) == {"spec": {"shutdown": "Stop"}}


def test_a_resubmitted_workflow_has_the_spec_and_none_of_the_past() -> None:
    labels = {"of": "us", "workflows.argoproj.io/phase": "Failed", "workflows.argoproj.io/creator": "me"}
    old = workflow(labels=labels, annotations={"a": "b"})
    old["spec"] |= {"shutdown": "Stop", "activeDeadlineSeconds": 0, "arguments": {"parameters": [{"name": "p", "value": "1"}]}}
    new = resubmitted(old, {"p": "2"})
    assert new["metadata"] == {
        "generateName": "hello-",
        "labels": {"of": "us", "workflows.argoproj.io/resubmitted-from-workflow": "hello-jzltk"},
        "annotations": {"a": "b"},
    }
    assert set(new) == {"apiVersion", "kind", "metadata", "spec"}
    assert not {"shutdown", "activeDeadlineSeconds"} & set(new["spec"])
    assert new["spec"]["arguments"]["parameters"] == [{"name": "p", "value": "2"}]
    assert resubmitted({**old, "metadata": {"name": "named"}}, {})["metadata"]["generateName"] == "named-"
