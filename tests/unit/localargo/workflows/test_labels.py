"""Labels and annotations that a spec gives its Workflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from localargo.manifests.metadata import VALUE_RULE

Tell = Callable[..., Any]

HEAD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w, labels: {team: ml}}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: i, command: [write, "{{workflow.labels.a}} {{workflow.labels.c}} {{workflow.annotations.d}} {{workflow.labels}}"]}
  workflowMetadata:
"""


def test_what_an_expression_gives_may_speak_of_labels(tell: Tell) -> None:
    told = tell(
        HEAD
        + """    labels: {a: "{{workflow.name}}"}
    labelsFrom: {c: {expression: "workflow.labels.a + '-' + workflow.labels.team"}}
    annotations: {d: "{{=1 + 1}}"}
"""
    )
    shown = told.play()
    assert shown["status"]["phase"] == "Succeeded"
    assert told.pods[0].containers[0].command[-1] == 'w w-ml 2 {"team":"ml"}'
    assert {k: v for k, v in told.outcomes[0].labels.items() if "/" not in k} == {"a": "w", "c": "w-ml"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ('labels: {a: "not valid!"}', f'invalid label value "not valid!" for label "a": {VALUE_RULE}'),
        (f"labels: {{a: {'x' * 64}}}", f'invalid label value "{"x" * 64}" for label "a": must be no more than 63 characters'),
        (
            "labelsFrom: {a: {expression: nope}}",
            'failed to compile function for expression "nope": unknown name nope (1:1)\n | nope\n | ^',
        ),
        (
            """labelsFrom: {a: {expression: "asInt('x')"}}""",
            "failed to evaluate label \"a\" expression \"asInt('x')\": invalid operation: int(x) (1:1)\n | asInt('x')\n | ^",
        ),
        (
            "labelsFrom: {a: {expression: 1 + 1}}",
            'failed to evaluate label "a" expression "1 + 1" evaluted to int but must be a string',
        ),
        ("labelsFrom: {a: {expression: \"'!'\"}}", f'invalid label value "!" for label "a" and expression "\'!\'": {VALUE_RULE}'),
    ],
)
def test_what_is_no_label_ends_the_workflow(tell: Tell, given: str, message: str) -> None:
    shown = tell(HEAD + f"    {given}\n").play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", message)


def test_what_an_expression_gave_is_forgotten_by_the_next_reconcile(tell: Tell) -> None:
    told = tell(
        HEAD.replace(
            "    container:",
            "    steps: [[{name: a, template: t}], [{name: b, template: t}]]\n  - name: t\n    container:",
        )
        + "    labelsFrom: {c: {expression: \"'x'\"}}\n"
    )
    told.play()
    assert [pod.containers[0].command[1].split()[1] for pod in told.pods] == ["x", "{{workflow.labels.c}}"]
