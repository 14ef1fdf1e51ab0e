"""When a finished Workflow and the pods of a run are due for removal: the rules alone."""

from __future__ import annotations

from typing import Any

import pytest

from localargo.clock import seconds
from localargo.workflows.expiry import expires_at, removable, selects
from localargo.workflows.messages import Run
from localargo.workflows.status import pod_name

ENDED = "2026-01-31T12:00:00Z"
AT = seconds(ENDED)


def run(phase: str, spec: dict[str, Any], head: dict[str, Any] | None = None, **nodes: dict[str, Any]) -> Run:
    docs = {name: {"name": f"w.{name}", "type": "Pod", "templateName": "t", "finishedAt": ENDED, **doc} for name, doc in nodes.items()}
    private = {name: {"collected": True, **doc.pop("private", {})} for name, doc in docs.items()}
    finished = ENDED if phase != "Running" else None
    return Run({"metadata": {"name": "w"}, "spec": spec}, {"phase": phase, "finishedAt": finished, **(head or {})}, docs, {}, private)


@pytest.mark.parametrize(
    ("phase", "strategy", "after"),
    [
        ("Succeeded", {"secondsAfterSuccess": 5, "secondsAfterCompletion": 9}, 5),
        ("Succeeded", {"secondsAfterSuccess": 0}, 0),
        ("Succeeded", {"secondsAfterFailure": 5}, None),
        ("Succeeded", {"secondsAfterCompletion": 9}, 9),
        ("Failed", {"secondsAfterFailure": 7, "secondsAfterCompletion": 9}, 7),
        ("Failed", {"secondsAfterSuccess": 7}, None),
        ("Error", {"secondsAfterFailure": 7}, None),
        ("Error", {"secondsAfterFailure": 7, "secondsAfterCompletion": 9}, 9),
        ("Running", {"secondsAfterCompletion": 0}, None),
        ("Succeeded", {}, None),
        ("Succeeded", None, None),
    ],
)
def test_a_workflow_lives_as_long_after_its_end_as_its_strategy_says(phase: str, strategy: Any, after: int | None) -> None:
    expected = None if after is None else AT + after
    assert expires_at(run(phase, {"ttlStrategy": strategy})) == expected


def test_a_strategy_of_the_workflow_replaces_that_of_its_template_as_a_whole() -> None:
    stored = {"storedWorkflowTemplateSpec": {"ttlStrategy": {"secondsAfterSuccess": 1, "secondsAfterCompletion": 2}}}
    assert expires_at(run("Succeeded", {}, stored)) == AT + 1
    assert expires_at(run("Succeeded", {"ttlStrategy": {"secondsAfterCompletion": 60}}, stored)) == AT + 60
    assert expires_at(run("Succeeded", {"ttlStrategy": {}}, stored)) is None


def test_a_time_that_no_clock_reaches_is_far_away() -> None:
    found = expires_at(run("Succeeded", {"ttlStrategy": {"secondsAfterCompletion": 10**400}}))
    assert found is not None
    assert found > AT + 10**9


PODS: dict[str, dict[str, Any]] = {
    "good": {"phase": "Succeeded"},
    "bad": {"phase": "Failed"},
    "open": {"phase": "Running", "private": {"pod": "{}"}},
    "ending": {"phase": "Failed", "private": {"pod": "{}"}},
    "spared": {"phase": "Succeeded", "private": {"collected": False}},
    "group": {"phase": "Succeeded", "type": "Steps", "private": {"collected": False}},
}


def removed(phase: str, pod_gc: dict[str, Any] | None) -> list[str]:
    found = run(phase, {"podGC": pod_gc}, **{name: dict(doc) for name, doc in PODS.items()})
    nodes = {pod_name("w", doc["name"], "t"): node for node, doc in found.nodes.items()}
    return sorted(nodes[pod] for pod, _ in removable(found, [*found.nodes, "unknown"]))


@pytest.mark.parametrize(
    ("phase", "strategy", "pods"),
    [
        ("Running", "OnPodCompletion", ["bad", "good"]),
        ("Running", "OnPodSuccess", ["good"]),
        ("Running", "OnWorkflowCompletion", []),
        ("Failed", "OnWorkflowCompletion", ["bad", "good"]),
        ("Failed", "OnWorkflowSuccess", []),
        ("Succeeded", "OnWorkflowSuccess", ["bad", "good"]),
        ("Succeeded", "", []),
    ],
)
def test_pods_that_have_ended_go_as_the_strategy_says(phase: str, strategy: str, pods: list[str]) -> None:
    assert removed(phase, {"strategy": strategy}) == pods


def test_without_a_strategy_no_pod_goes() -> None:
    assert removed("Succeeded", None) == []
    assert removed("Succeeded", {"deleteDelayDuration": "1s"}) == []


@pytest.mark.parametrize(("delay", "after"), [(None, 5.0), ("", 5.0), ("90s", 90.0), ("0s", 0.0), ("soon", 5.0), ("-3s", 5.0), ("7", 7.0)])
def test_a_pod_goes_when_its_delay_is_over(delay: str | None, after: float) -> None:
    found = run("Running", {"podGC": {"strategy": "OnPodCompletion", "deleteDelayDuration": delay}}, good={"phase": "Succeeded"})
    assert [at for _, at in removable(found, ["good"])] == [AT + after]


def test_with_a_strategy_of_the_workflow_the_delay_begins_at_its_end() -> None:
    early = {"phase": "Succeeded", "finishedAt": "2026-01-31T11:00:00Z"}
    found = run("Succeeded", {"podGC": {"strategy": "OnWorkflowCompletion"}}, good=early)
    assert [at for _, at in removable(found, ["good"])] == [AT + 5.0]


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "1", "b": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["0", "1"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "In", "values": ["0", "1"]}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_a_label_selector_selects_as_kubernetes_does(selector: dict[str, Any], fits: bool) -> None:
    assert selects(selector, {"a": "1"}) is fits
