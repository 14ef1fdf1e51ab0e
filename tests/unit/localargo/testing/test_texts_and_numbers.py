"""Texts with quotes and numbers with many digits reach a step as they were written, on every way that people take."""

from __future__ import annotations

import json

import pytest

from localargo.testing.delivery import Sensors
from localargo.testing.runs import Workflows

WHY = 'a "quoted" reason \\ with\ntwo lines'
NUMBERS = ["1472953", "20200219", "1580661436132757506", "0.1", "1e21", "0.00001", '{"id":1580661436132757506}']
SHOW = "  - {name: show, inputs: {parameters: [{name: v}]}, container: {image: i, command: ['true'], args: ['{{inputs.parameters.v}}']}}\n"


def template(name: str, body: str, arguments: str = "{parameters: []}") -> str:
    head = f"apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {{name: {name}}}\nspec:\n"
    return f"{head}  entrypoint: main\n  arguments: {arguments}\n  templates:\n{body}{SHOW}"


def shown(workflows: Workflows, name: str, **given: str) -> list[str]:
    ended = workflows.when(name, given, fakes={"show": lambda inputs: None})
    assert ended.phase == "Succeeded", ended.message
    return [inputs["v"] for inputs in ended.of("show")]


def test_all_parameters_as_json_are_json_whatever_is_in_them(workflows: Workflows) -> None:
    given = "arguments: {parameters: [{name: v, value: '{{workflow.parameters.json}}'}]}"
    steps = f"  - name: main\n    steps: [[{{name: a, template: show, {given}}}]]\n"
    workflows.given(template("all", steps, "{parameters: [{name: why}, {name: count, value: '3'}]}"))
    (text,) = shown(workflows, "all", why=WHY)
    assert {each["name"]: each["value"] for each in json.loads(text)} == {"why": WHY, "count": "3"}


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ('jsonpath(workflow.parameters.cfg, "$.lr.low")', "0.1"),
        ("toJson(jsonpath(workflow.parameters.cfg, '$.tags'))", '["a","b"]'),
        ('toJson({"k": "v\\"w"})', '{"k":"v\\"w"}'),
        ("workflow.parameters.why", WHY),
    ],
)
def test_an_expression_with_quotes_in_text_and_result(workflows: Workflows, expression: str, told: str) -> None:
    value = json.dumps("{{=" + expression + "}}")
    steps = f"  - name: main\n    steps: [[{{name: a, template: show, arguments: {{parameters: [{{name: v, value: {value}}}]}}}}]]\n"
    workflows.given(template("quotes", steps, "{parameters: [{name: cfg}, {name: why}]}"))
    (text,) = shown(workflows, "quotes", cfg='{"lr": {"low": 0.1}, "tags": ["a", "b"]}', why=WHY)
    assert (json.loads(text) == json.loads(told)) if told.startswith(("[", "{")) else text == told


def test_numbers_of_a_loop_keep_their_digits(workflows: Workflows) -> None:
    loop = f"withParam: '[{', '.join(NUMBERS)}]', arguments: {{parameters: [{{name: v, value: '{{{{item}}}}'}}]}}"
    workflows.given(template("loop", f"  - name: main\n    steps: [[{{name: a, template: show, {loop}}}]]\n"))
    assert sorted(shown(workflows, "loop")) == sorted(NUMBERS)


def test_who_is_answered_by_a_memo_has_the_outputs(workflows: Workflows) -> None:
    body = """  - name: main
    steps:
    - - {name: one, template: inner}
    - - {name: two, template: inner}
    - - name: show
        template: show
        arguments: {parameters: [{name: v, value: "{{steps.one.outputs.parameters.out}} {{steps.two.outputs.parameters.out}}"}]}
  - name: inner
    memoize: {key: k1, maxAge: 1h, cache: {configMap: {name: inner-cache}}}
    steps: [[{name: roll, template: roll}]]
    outputs: {parameters: [{name: out, valueFrom: {parameter: "{{steps.roll.outputs.result}}"}}]}
  - {name: roll, container: {image: i, command: ["true"]}}
"""
    rolls = iter(("first", "second"))
    workflows.given(template("memo", body))
    ended = workflows.when("memo", {}, fakes={"show": lambda inputs: None, "roll": lambda inputs: {"result": next(rolls)}})
    assert (ended.phase, ended.of("show"), len(ended.of("roll"))) == ("Succeeded", [{"v": "first first"}], 1)


HOOK = """apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: hooks}
spec: {webhook: {push: {port: "12100", endpoint: /push, method: POST}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: hooks}
spec:
  dependencies:
  - name: push
    eventSourceName: hooks
    eventName: push
    filters:
      data:
      - {path: header.X-Github-Event.0, type: string, value: ["^push$"]}
      - {path: 'body.labels.#(name=="Approved").id', type: string, value: ["5678"]}
  triggers:
  - template:
      name: go
      k8s:
        operation: create
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: go-}
            spec: {workflowTemplateRef: {name: t}, arguments: {parameters: [{name: v, value: ""}]}}
        parameters: [{src: {dependencyName: push, SOURCE}, dest: 'spec.arguments.parameters.#(name=="v").value'}]
"""
BODY = """{"header": {"X-Github-Event": ["push"]}, "body": {"id": 1580661436132757506, "rate": 0.00001,
"labels": [{"id": "1", "name": "Other"}, {"id": "5678", "name": "Approved"}], "app.kubernetes.io/name": "x \\"y\\" <z>"}}"""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("dataKey: body.id", "1580661436132757506"),
        ("dataKey: body.rate", "0.00001"),
        ("dataKey: 'body.app\\.kubernetes\\.io/name'", 'x "y" <z>'),
        ("dataTemplate: '{{ .Input.body.id }}'", "1.5806614361327575e+18"),  # as Argo's Go does: `retrain lint` warns of it
    ],
)
def test_what_an_event_says_reaches_an_argument(sensors: Sensors, source: str, told: str) -> None:
    made = (
        sensors.given(template("t", "  - {name: main, suspend: {}}\n"), HOOK.replace("SOURCE", source)).when(BODY, source="hooks").workflow
    )
    assert made.parameters["v"] == told


def test_a_header_with_dashes_is_filtered_by(sensors: Sensors) -> None:
    sensors.given(template("t", "  - {name: main, suspend: {}}\n"), HOOK.replace("SOURCE", "dataKey: body.id"))
    assert sensors.when(BODY.replace('["push"]', '["ping"]'), source="hooks").workflows == []
