"""Exit handlers of steps, tasks and the whole Workflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Tell = Callable[..., Any]

HEAD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
%s
  templates:
  - {name: ok, container: {image: i, command: [exit, "0"]}}
  - {name: bad, container: {image: i, command: [exit, "3"]}}
  - {name: out, container: {image: i, command: [write, val]}, outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}}
  - {name: say, inputs: {parameters: [{name: v}]}, container: {image: i, command: [say, "{{inputs.parameters.v}}"]}}
  - name: main
"""


def say(text: str) -> str:
    return f'{{template: say, arguments: {{parameters: [{{name: v, value: "{text}"}}]}}}}'


def test_a_step_waits_for_its_exit_handler_which_knows_its_outputs(tell: Tell) -> None:
    told = tell(
        HEAD % ""
        + f"""    steps:
    - - name: a
        template: out
        hooks: {{exit: {say("{{steps.a.outputs.parameters.o}} {{steps.a.status}}")}}}
    - [{{name: b, template: ok}}]
"""
    )
    assert told.play()["status"]["phase"] == "Succeeded"
    assert [p.containers[0].command for p in told.pods] == [["write", "val"], ["say", "val Succeeded"], ["exit", "0"]]
    node = told.nodes()["[0].a.onExit"]
    assert (node["displayName"], node["nodeFlag"]) == ("a.onExit", {"hooked": True})
    assert node["id"] in told.nodes()["[0].a"]["children"]


def test_an_exit_handler_with_a_condition(tell: Tell) -> None:
    text = (
        HEAD % ""
        + """    dag:
      tasks:
      - {name: a, template: %s, hooks: {exit: {template: ok, expression: 'tasks.a.status == "Failed"'}}}
      - {name: b, depends: a.Failed || a, template: ok}
"""
    )
    told = tell(text % "bad")
    told.play()
    assert ".a.onExit" in told.phases()
    told = tell(text % "ok")
    told.play()
    assert ".a.onExit" not in told.phases()


def test_the_workflow_waits_for_its_exit_handler(tell: Tell) -> None:
    hooks = f"""  hooks:
    exit: {say("{{workflow.status}} {{workflow.failures}}")}
"""
    told = tell(HEAD % hooks + "    steps: [[{name: a, template: bad}]]")
    assert told.play()["status"]["phase"] == "Failed"
    assert told.phases()[".onExit"] == "Succeeded"
    said = told.pods[-1].containers[0].command[1]
    assert said.startswith('Failed "[{')
    assert "main: Error (exit code 3)" in said


def test_failures_of_a_good_workflow_are_null(tell: Tell) -> None:
    told = tell(HEAD % ("  hooks: {exit: " + say("{{workflow.failures}}") + "}") + "    steps: [[{name: a, template: ok}]]")
    told.play()
    assert told.pods[-1].containers[0].command[1] == '"null"'


def test_an_exit_handler_that_fails_fails_a_good_workflow(tell: Tell) -> None:
    told = tell(HEAD % "  onExit: bad" + "    steps: [[{name: a, template: ok}]]")
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Failed", "main: Error (exit code 3)")
    told = tell(HEAD % "  onExit: bad" + "    steps: [[{name: a, template: bad}]]")
    assert told.play()["status"]["message"].startswith("child ")


def test_an_error_of_the_entry_template_runs_no_exit_handler(tell: Tell) -> None:
    told = tell("""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  onExit: main
  templates:
  - name: main
    inputs: {parameters: [{name: v, valueFrom: {configMapKeyRef: {name: none, key: k}}}]}
    container: {image: i, command: [x]}
""")
    shown = told.play()["status"]
    assert shown["phase"] == "Error"
    assert shown["message"].startswith("error in entry template execution: unable to retrieve inputs.parameters.v")
    assert set(told.phases()) == {""}


def test_an_exit_handler_knows_parameters_but_neither_result_nor_exit_code(tell: Tell) -> None:
    words = "{{steps.a.outputs.parameters.o}} {{steps.a.outputs.result}} {{steps.a.exitCode}}"
    told = tell(HEAD % "" + f"    steps: [[{{name: a, template: out, hooks: {{exit: {say(words)}}}}}]]\n")
    told.play()
    assert told.pods[-1].containers[0].command == ["say", "val {{steps.a.outputs.result}} {{steps.a.exitCode}}"]


def test_an_exit_handler_that_cannot_be_called_is_an_error_of_its_group(tell: Tell) -> None:
    told = tell(HEAD % "" + "    steps: [[{name: a, template: ok, hooks: {exit: {template: say}}}]]\n")
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Failed", "inputs.parameters.v was not supplied")
    nodes = told.nodes()
    assert (nodes["[0]"]["phase"], nodes["[0].a"]["children"]) == ("Error", [nodes["[0].a.onExit"]["id"]])


@pytest.mark.parametrize("field", ["onExit: ok", "hooks: {exit: {template: ok}}"])
def test_with_an_exit_handler_of_its_own_the_workflow_has_failed_then(tell: Tell, field: str) -> None:
    told = tell(HEAD % f"  {field}" + "    steps: [[{name: a, template: ok, hooks: {exit: {template: say}}}]]\n")
    assert told.play()["status"]["phase"] == "Failed"
    assert told.phases()[".onExit"] == "Succeeded"


@pytest.mark.parametrize("reload", [False, True])
def test_an_exit_handler_of_a_step_waits_for_its_place(tell: Tell, reload: bool) -> None:
    told = tell(HEAD % "  parallelism: 1" + "    steps: [[{name: a, template: ok, onExit: ok}, {name: b, template: ok}]]\n")
    told.reload = reload
    assert told.play()["status"]["phase"] == "Succeeded"
    assert told.phases()["[0].a.onExit"] == "Succeeded"


def test_the_exit_handler_of_the_workflow_and_what_it_calls_know_its_status_and_failures(tell: Tell) -> None:
    told = tell(
        HEAD % "  onExit: tell"
        + f"""    steps: [[{{name: a, template: bad, hooks: {{exit: {say("{{workflow.status}} {{workflow.failures}}")}}}}}]]
  - {{name: tell, steps: [[{{name: b, {say("{{workflow.status}} {{workflow.failures}}")[1:-1]}}}]]}}
"""
    )
    told.play()
    given = {name: node["inputs"]["parameters"][0]["value"] for name, node in told.nodes().items() if node.get("inputs")}
    assert given["[0].a.onExit"] == "Running {{workflow.failures}}"
    assert given[".onExit[0].b"].startswith('Failed "[{\\"displayName\\":')


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ("{}", "failed to get a template"),
        ("{template: nope}", "template nope not found"),
        ("{templateRef: {name: lib}}", "template  not found in workflow template lib"),
        ("{templateRef: {template: t}}", "workflow template  not found"),
        ("{template: ok, templateRef: {name: lib, template: x}}", "template x not found in workflow template lib"),
    ],
)
def test_what_a_hook_names_is_looked_for_when_it_is_due(tell: Tell, hook: str, words: str) -> None:
    library = "apiVersion: v1\nkind: WorkflowTemplate\nmetadata: {name: lib}\nspec: {templates: [{name: t, suspend: {}}]}\n---"
    told = tell(library + HEAD % "" + f"    steps: [[{{name: a, template: ok, hooks: {{exit: {hook}}}}}]]\n")
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Failed", words)
    assert told.nodes()["[0].a.onExit"]["message"] == words
