"""Runs with fakes: what they get, what they may return, and that mistakes of a test are told as such."""

from __future__ import annotations

from typing import Any

import pytest

from localargo.errors import InvalidInput, NotFound
from localargo.testing.runs import Workflows

DOCUMENTS = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: t}
spec:
  entrypoint: main
  arguments: {parameters: [{name: v, value: "1"}]}
  templates:
  - name: main
    steps:
    - - {name: one, template: one, arguments: {parameters: [{name: v, value: "{{workflow.parameters.v}}"}]}}
    - - name: two
        template: two
        arguments: {parameters: [{name: v, value: "{{steps.one.outputs.result}} {{steps.one.outputs.parameters.d}}"}]}
  - name: one
    inputs: {parameters: [{name: v}]}
    retryStrategy: {limit: "2"}
    container: {image: i, command: ["true"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}, {name: d, valueFrom: {path: /tmp/d, default: usual}}]}
  - name: two
    inputs: {parameters: [{name: v}]}
    container: {image: i, command: ["true"]}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: files}
spec:
  entrypoint: write
  templates: [{name: write, container: {image: i, command: ["true"]}, outputs: {artifacts: [{name: big, path: /tmp/big}]}}]
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: waits}
spec: {entrypoint: hold, templates: [{name: hold, suspend: {}}]}
"""


@pytest.fixture
def ours(workflows: Workflows) -> Workflows:
    return workflows.given(DOCUMENTS)


def test_outputs_results_and_defaults_go_on_to_the_next_step(ours: Workflows) -> None:
    ended = ours.when("t", {"v": 7}, fakes={"one": lambda inputs: {"o": 1, "result": "said"}, "two": lambda inputs: None})
    assert (ended.phase, ended.message) == ("Succeeded", "")
    assert (ended.of("one"), ended.of("two")) == ([{"v": "7"}], [{"v": "said usual"}])
    assert [call.template for call in ended.calls] == ["one", "two"]


def test_a_failing_fake_is_tried_again_as_its_template_says(ours: Workflows) -> None:
    codes = iter([3, 3])
    ended = ours.when("t", fakes={"one": lambda inputs: next(codes, None) or {"o": 1}, "two": lambda inputs: 0})
    assert (ended.phase, len(ended.of("one"))) == ("Succeeded", 3)
    ended = ours.when("t", fakes={"one": lambda inputs: 3, "two": lambda inputs: 0})
    assert (ended.phase, len(ended.of("one")), ended.of("two")) == ("Failed", 3, [])
    assert ended.phases["one(2)"] == "Failed"


def broken(inputs: Any) -> Any:
    raise ZeroDivisionError("of the test")


@pytest.mark.parametrize(
    ("template", "fakes", "error", "words"),
    [
        ("t", {}, InvalidInput, "no fake for template 'one'; there are fakes for nothing"),
        ("t", {"one": lambda inputs: {"o": 1, "oo": 2}}, InvalidInput, "returned oo; the template's outputs are o, d"),
        ("t", {"one": lambda inputs: {}}, InvalidInput, "did not return o"),
        ("t", {"one": broken}, ZeroDivisionError, "of the test"),
        ("files", {"write": lambda inputs: None}, InvalidInput, r"moves artifacts \(big\)"),
        ("none", {}, NotFound, "no WorkflowTemplate 'none' is given; there are t, files, waits"),
    ],
)
def test_mistakes_of_a_test_are_raised(ours: Workflows, template: str, fakes: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ours.when(template, fakes=fakes)


def test_a_run_that_waits_for_ever_is_given_up_and_says_where_it_waits(ours: Workflows) -> None:
    with pytest.raises(TimeoutError, match=r"has not ended after 0\.1 seconds: waits-.* Running"):
        ours.when("waits", fakes={}, timeout=0.1)
