"""How a Workflow begins and ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Tell = Callable[..., Any]

HEAD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w, labels: {a: b}}
spec:
  entrypoint: main
%s
  templates:
  - {name: ok, container: {image: i, command: [exit, "0"]}}
  - {name: bad, container: {image: i, command: [exit, "1"]}}
  - name: cm
    inputs: {parameters: [{name: v, valueFrom: {configMapKeyRef: {name: none, key: k}}}]}
    container: {image: i, command: [exit, "0"]}
  - name: main
"""
ONE = '    container: {image: i, command: [say, "{{workflow.labels.x}} {{workflow.labels.yy}} {{workflow.annotations.nn}}"]}'


def test_labels_and_annotations_of_its_spec(tell: Tell) -> None:
    told = tell(
        HEAD
        % """  arguments: {parameters: [{name: p, value: P}]}
  workflowMetadata:
    labels: {x: "{{workflow.parameters.p}}"}
    annotations: {nn: note}
    labelsFrom: {yy: {expression: "workflow.parameters.p + '2'"}}
"""
        + ONE
    )
    told.play()
    assert told.pods[0].containers[0].command[1] == "P P2 note"
    assert told.outcomes[0].labels["x"] == "P"
    assert told.outcomes[0].annotations["nn"] == "note"


@pytest.mark.parametrize(
    ("spec", "phase", "message"),
    [
        (
            "  arguments: {parameters: [{name: p, valueFrom: {configMapKeyRef: {name: none, key: k}}}]}",
            "Failed",
            "failed to set global parameters: failed to set global parameter p from configmap with name none and key k: ",
        ),
        (
            "  arguments: {parameters: [{name: p}]}",
            "Failed",
            "failed to set global parameters: either value or valueFrom must be specified",
        ),
        ("  workflowMetadata: {labelsFrom: {yy: {expression: '1 + 1'}}}", "Error", 'failed to evaluate label "yy"'),
        (
            "  synchronization: {semaphores: [{configMapKeyRef: {name: none, key: k}}]}",
            "Failed",
            "Failed to acquire the synchronization lock. failed to initialize semaphore ns/ConfigMap/none/k with limit",
        ),
    ],
)
def test_what_ends_it_before_anything_runs(tell: Tell, spec: str, phase: str, message: str) -> None:
    told = tell(HEAD % spec + ONE)
    shown = told.play()["status"]
    assert shown["phase"] == phase
    assert shown["message"].startswith(message)
    assert told.pods == []
    assert shown["finishedAt"]


def test_a_suspended_workflow_begins_when_it_is_resumed(tell: Tell) -> None:
    told = tell(HEAD % "  suspend: true" + ONE)
    told.play()
    assert told.pods == []
    assert told.run.head["phase"] == "Running"
    shown = told.operate("resume")
    assert shown["status"]["phase"] == "Succeeded"
    assert "suspend" not in shown["spec"]


def test_an_exit_handler_that_cannot_be_called(tell: Tell) -> None:
    told = tell(HEAD % "  onExit: cm" + ONE)
    shown = told.play()["status"]
    assert shown["phase"] == "Error"
    assert shown["message"].startswith("error in exit template execution : unable to retrieve inputs.parameters.v")


def test_an_error_beside_running_pods_waits_for_them(tell: Tell) -> None:
    told = tell(HEAD % "  onExit: ok" + "    steps: [[{name: a, template: ok}, {name: b, template: cm}]]")
    told.hold = {"a"}
    told.play()
    assert told.run.head["phase"] == "Running"
    told.let_go(next(iter(told.held)))
    shown = told.play()["status"]
    assert shown["phase"] == "Failed"
    assert shown["message"].startswith("step group deemed errored due to child w[0].b error: unable to retrieve")
    assert told.phases()[".onExit"] == "Succeeded"


def test_a_semaphore_that_is_no_number(tell: Tell) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata: {k: many}\n---" + HEAD
    told = tell(text % "" + "    synchronization: {semaphores: [{configMapKeyRef: {name: cm, key: k}}]}\n" + ONE)
    assert told.play()["status"]["phase"] == "Error"
