"""Names, ids and the shape of a Workflow's status."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from localargo.workflows import status

Tell = Callable[..., Any]

ONE = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec: {entrypoint: main, templates: [{name: main, container: {image: i, command: [exit, "0"]}}]}
"""


def test_ids_and_pod_names_are_argos() -> None:
    assert status.node_id("w", "w") == "w"
    assert status.fnv1a32("") == 2166136261
    assert status.fnv1a32("a") == 3826002220
    assert status.node_id("w", "w[0].a") == f"w-{status.fnv1a32('w[0].a')}"
    assert status.pod_name("w", "w[0].a", "t") == f"w-t-{status.fnv1a32('w[0].a')}"
    assert status.pod_name("w", "w", "t") == "w"
    assert status.pod_name("w", "w[0]", "") == status.node_id("w", "w[0]")
    assert status.pod_name("w", "x", "t" * 300) == f"w-{'t' * 240}-{status.fnv1a32('x')}"  # 242 characters before the hash


def test_a_new_run_has_begun_nothing(tell: Tell) -> None:
    told = tell(ONE)
    shown = status.compose(told.run)
    assert shown["status"] == {"phase": "", "startedAt": None, "finishedAt": None}
    assert not status.is_finished(told.run)


def test_the_whole_status_of_one_pod(tell: Tell) -> None:
    told = tell(ONE)
    shown = told.play()["status"]
    assert shown["phase"] == "Succeeded"
    assert shown["progress"] == "1/1"
    assert {"type": "Completed", "status": "True"} in shown["conditions"]
    assert status.HIDDEN not in shown
    node = shown["nodes"]["w"]
    assert (node["type"], node["phase"], node["templateScope"], node["outputs"]) == ("Pod", "Succeeded", "local/w", {"exitCode": "0"})
    assert status.is_finished(told.run)
    assert told.outcomes[-1].labels["workflows.argoproj.io/completed"] == "true"


def test_a_template_that_is_not_there_ends_in_error(tell: Tell) -> None:
    told = tell("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w}\nspec: {workflowTemplateRef: {name: none}}\n")
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", 'workflowtemplate.argoproj.io "none" not found')


def test_a_workflow_template_and_the_workflow_are_one_spec(tell: Tell) -> None:
    told = tell(
        """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: t}
spec:
  entrypoint: main
  arguments: {parameters: [{name: a, value: "1"}, {name: b, value: "2"}]}
  templates: [{name: main, container: {image: i, command: [x, "{{workflow.parameters.a}}{{workflow.parameters.b}}"]}}]
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec: {workflowTemplateRef: {name: t}, arguments: {parameters: [{name: b, value: "3"}]}}
"""
    )
    shown = told.play()
    assert told.pods[0].containers[0].command == ["x", "13"]
    assert shown["status"]["storedWorkflowTemplateSpec"]["entrypoint"] == "main"


def test_parameters_where_one_variable_gives_all_of_them() -> None:
    source = {"default": 1, "configMapKeyRef": {"key": "k", "name": "m"}}
    given: list[dict[str, Any]] = [{"value": 1e21, "name": "a", "default": True}, {"enum": ["x", 2], "name": "b", "valueFrom": source}]
    assert json.dumps(status.shown_parameters(given), separators=(",", ":")) == (
        '[{"name":"a","default":"true","value":"1000000000000000000000"},'
        '{"name":"b","valueFrom":{"configMapKeyRef":{"name":"m","key":"k"},"default":"1"},"enum":["x","2"]}]'
    )
    assert status.shown_parameters([]) is None
    assert status.text(12345678901234567890) == "12345678901234567000"


@pytest.mark.parametrize(
    ("code", "strategy", "kept"), [(0, "", False), (1, "", True), (1, "volumeClaimGC: {strategy: OnWorkflowCompletion}", False)]
)
def test_claims_are_shown_until_they_are_removed(tell: Tell, code: int, strategy: str, kept: bool) -> None:
    told = tell(
        f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: w}}
spec:
  entrypoint: main
  {strategy}
  volumeClaimTemplates: [{{metadata: {{name: data}}, spec: {{}}}}]
  templates: [{{name: main, container: {{image: i, command: [exit, "{code}"]}}}}]
"""
    )
    assert "persistentVolumeClaims" not in status.compose(told.run)["status"]
    shown = told.play()["status"]
    claims = [{"name": "data", "persistentVolumeClaim": {"claimName": "w-data"}}]
    assert shown.get("persistentVolumeClaims") == (claims if kept else None)
