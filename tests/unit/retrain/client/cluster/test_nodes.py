"""Nodes as a cluster stores them."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from localargo import InvalidInput, Unsupported
from retrain.client.cluster.nodes import NODE_ID, explained, matches, readable, waiting
from tests.unit.retrain.client.cluster.api_server import workflow

NODE = {
    "id": "w-1",
    "name": "w.approve",
    "displayName": "approve",
    "type": "Suspend",
    "phase": "Running",
    "templateRef": {"name": "gates", "template": "gate"},
    "inputs": {"parameters": [{"name": "who", "value": "us"}]},
}


def test_the_api_servers_bookkeeping_is_left_out() -> None:
    stored = workflow()
    assert "managedFields" in stored["metadata"]
    assert readable(stored)["metadata"] == {k: v for k, v in stored["metadata"].items() if k != "managedFields"}
    assert readable(stored)["status"] == stored["status"]


def test_compressed_nodes_are_unpacked() -> None:
    stored = workflow()
    nodes = stored["status"].pop("nodes")
    stored["status"]["compressedNodes"] = base64.b64encode(gzip.compress(json.dumps(nodes).encode())).decode()
    read = readable(stored)["status"]
    assert read["nodes"] == nodes
    assert "compressedNodes" not in read


def test_another_compression_is_refused() -> None:
    stored = workflow()
    stored["status"]["compressedNodes"] = base64.b64encode(b"\x28\xb5\x2f\xfd zstd").decode()
    with pytest.raises(Unsupported, match="not compressed with gzip, the default of Argo: read them with `argo get hello-jzltk`"):
        readable(stored)


def test_nodes_in_the_controllers_database_are_said_to_be_there() -> None:
    stored = workflow()
    stored["status"] = {"phase": "Running", "offloadNodeStatusVersion": "fnv:1"}
    assert "its nodes are in the controller's database" in readable(stored)["status"]["message"]


def pending(message: str = "") -> dict[str, Any]:
    document = workflow()
    document["status"]["nodes"]["hello-jzltk"] |= {"phase": "Pending", "message": message}
    return document


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "hello-jzltk", "annotations": {NODE_ID: "hello-jzltk"}}, "status": status}


def warning(reason: str, at: str, about: str = "hello-jzltk", kind: str = "Warning") -> dict[str, Any]:
    event = {"type": kind, "reason": reason, "message": "why", "lastTimestamp": at, "metadata": {}}
    return {**event, "involvedObject": {"name": about}}


IMAGE = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
EVENTS = [warning("Old", "1"), warning("FailedMount", "3"), warning("Other", "4", "beside"), warning("Pulled", "5", kind="Normal")]
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}


@pytest.mark.parametrize(
    ("status", "events", "told"),
    [
        ({"conditions": [UNSCHEDULABLE]}, [], "Unschedulable: 0/1 nodes are available"),
        (
            {
                "initContainerStatuses": [{"name": "init", "state": IMAGE}],
                "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}],
            },
            [],
            "ImagePullBackOff: no such image",
        ),
        ({}, EVENTS, "FailedMount: why"),
        ({}, [], "PodInitializing"),
    ],
)
def test_a_pending_node_says_why_its_pod_does_not_start(status: dict[str, Any], events: list[dict[str, Any]], told: str) -> None:
    document = pending("PodInitializing")
    assert waiting(document)
    assert explained(document, [pod(**status)], events)["status"]["nodes"]["hello-jzltk"]["message"] == told


def test_what_the_controller_says_stays() -> None:
    document = pending("Unschedulable: 0/3 nodes are available")
    assert not waiting(document)
    assert explained(document, [pod(conditions=[UNSCHEDULABLE])], []) == document


@pytest.mark.parametrize(
    ("selector", "holds"),
    [
        ("displayName=approve", True),
        ("displayName==approve", True),
        ("displayName!=approve", False),
        ("displayName=approve,phase=Running", True),
        ("displayName=approve,phase=Failed", False),
        ("templateName=gate", True),
        ("templateRef.name=gates", True),
        ("inputs.parameters.who.value=us", True),
        ("inputs.parameters.who.value!=us", False),
        ("nothing=", True),
    ],
)
def test_a_node_is_selected_by_argos_fields(selector: str, holds: bool) -> None:
    assert matches(selector, NODE) is holds


def test_a_selector_without_a_value_is_refused() -> None:
    with pytest.raises(InvalidInput, match="--node-field-selector 'approve' is not FIELD=VALUE"):
        matches("approve", NODE)
