"""Delivered events: conditions over several of them, what is dropped, what is no Workflow, what fails."""

from __future__ import annotations

from typing import Any

import pytest

from localargo.errors import InvalidInput
from localargo.testing.delivery import Sensors

SPEC = "{entrypoint: m, templates: [{name: m, suspend: {}}]}"
WORKFLOW = f"{{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: METADATA, spec: {SPEC}}}"
HTTP = "http: {url: 'http://127.0.0.1:1/', method: POST, payload: [{src: {dependencyName: a, dataKey: body.n}, dest: n}]}"


def manifests(triggers: str) -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {{name: hooks}}
spec:
  webhook:
    a: {{port: "12000", endpoint: /a, method: POST, filter: {{expression: "body.n != 13"}}}}
    b: {{port: "12000", endpoint: /b, method: POST}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {{name: s}}
spec:
  dependencies:
  - {{name: a, eventSourceName: hooks, eventName: a}}
  - {{name: b, eventSourceName: hooks, eventName: b}}
  triggers:
{triggers}
"""


def creates(conditions: str, metadata: str, more: str = "") -> str:
    resource = WORKFLOW.replace("METADATA", metadata)
    k8s = f"{{operation: create, source: {{resource: {resource}}}{more}}}"
    return f"  - {{template: {{name: t, conditions: {conditions}, k8s: {k8s}}}}}"


def test_a_trigger_waits_for_both_its_events_and_then_for_both_again(sensors: Sensors) -> None:
    sensors.given(manifests(creates("a && b", "{generateName: both-}")))
    made = [len(sensors.when({"n": n}, source=f"hooks/{event}").workflows) for n, event in enumerate("aabba")]
    assert made == [0, 0, 1, 0, 1]
    assert [w.name for w in sensors.workflows] == ["both-00001", "both-00002"]


def test_what_its_source_filters_out_reaches_no_sensor(sensors: Sensors) -> None:
    sensors.given(manifests(creates("a", "{name: w}")))
    delivery = sensors.when({"n": 13}, source="hooks/a")
    assert (delivery.workflows, delivery.rejected) == ([], {})
    assert "body.n != 13" in delivery.dropped
    with pytest.raises(AssertionError, match="dropped: "):
        _ = delivery.workflow


def test_a_trigger_without_the_value_that_it_asks_for_fails_with_the_reason(sensors: Sensors) -> None:
    missing = ", parameters: [{src: {dependencyName: a, dataKey: body.none}, dest: metadata.name}]"
    delivery = sensors.given(manifests(creates("a", "{name: w}", missing))).when({"n": 1}, source="hooks/a")
    assert list(delivery.failed) == ["s/t"]
    assert "body.none" in delivery.failed["s/t"]


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("log: {}", ("log", "")),
        ("http: {url: 'http://127.0.0.1:1/', method: POST, payload: [{src: {dependencyName: a, dataKey: body.n}, dest: n}]}", ("http", "")),
    ],
)
def test_what_is_no_workflow_is_told_and_not_done(sensors: Sensors, action: str, told: Any) -> None:
    delivery = sensors.given(manifests(f"  - {{template: {{name: t, conditions: a, {action}}}}}")).when({"n": 1}, source="hooks/a")
    assert [(each.kind, each.operation) for each in delivery.actions] == [told]
    assert delivery.workflows == []


def test_what_argo_submits_is_a_workflow_too(sensors: Sensors) -> None:
    resource = WORKFLOW.replace("METADATA", "{generateName: s-}")
    action = f"argoWorkflow: {{operation: submit, source: {{resource: {resource}}}, args: ['--name', given]}}"
    delivery = sensors.given(manifests(f"  - {{template: {{name: t, conditions: a, {action}}}}}")).when({"n": 1}, source="hooks/a")
    assert (delivery.failed, delivery.workflow.name, delivery.workflow.template) == ({}, "given", "")


def test_events_are_taken_as_text_and_bytes_as_well(sensors: Sensors) -> None:
    sensors.given(manifests(creates("a", "{generateName: w-}")))
    for event in ({"n": 1}, '{"n": 1}', b'{"n": 1}'):
        assert len(sensors.when(event, source="hooks/a").workflows) == 1


def test_an_event_of_an_unknown_source_is_refused_by_name(sensors: Sensors) -> None:
    sensors.given(manifests(creates("a", "{name: w}")))
    with pytest.raises(InvalidInput, match="hooks/a"):
        sensors.when({}, source="other")


def test_documents_that_lint_refuses_are_not_given(sensors: Sensors) -> None:
    with pytest.raises(InvalidInput, match="a dependency needs `eventName`"):
        sensors.given(manifests(creates("a", "{name: w}")).replace("eventName: b", "eventNaem: b"))
