"""Lifecycle hooks and exit handlers, of steps, tasks and the whole Workflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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


def test_a_hook_sees_its_step_run(tell: Tell) -> None:
    told = tell(
        HEAD % ""
        + """    steps:
    - - {name: a, template: ok, hooks: {running: {template: ok, expression: 'steps.a.status == "Running"'}}}
    - [{name: b, template: ok}]
"""
    )
    told.play()
    assert told.phases()["[0].a.hooks.running"] == "Succeeded"
    assert told.run.head["phase"] == "Succeeded"


def test_the_workflow_waits_for_its_hooks_and_its_exit_handler(tell: Tell) -> None:
    hooks = f"""  hooks:
    running: {{template: ok, expression: 'workflow.status == "Running"'}}
    exit: {say("{{workflow.status}} {{workflow.failures}}")}
"""
    told = tell(HEAD % hooks + "    steps: [[{name: a, template: bad}]]")
    assert told.play()["status"]["phase"] == "Failed"
    assert told.phases()[".hooks.running"] == told.phases()[".onExit"] == "Succeeded"
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
