"""Lifecycle hooks and exit handlers, of steps, tasks and the whole Workflow."""

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


def test_a_hook_sees_its_step_run(tell: Tell) -> None:
    told = tell(
        HEAD % ""
        + """    steps:
    - - {name: a, template: ok, hooks: {running: {template: ok, expression: 'steps.a.status == "Running"'}}}
    - [{name: b, template: ok}]
"""
    )
    told.hold = {"a"}
    told.play()
    assert "[0].a.hooks.running" not in told.phases()
    told.wait()
    assert told.phases()["[0].a.hooks.running"] == "Succeeded"
    told.let_go(next(iter(told.held)))
    told.play()
    assert told.run.head["phase"] == "Succeeded"


def test_a_pod_that_ends_at_once_is_never_seen_running(tell: Tell) -> None:
    text = (
        HEAD % ""
        + """    dag:
      tasks:
      - name: a
        template: ok
        hooks:
          running: {template: ok, expression: 'tasks.a.status == "Running"'}
          done: {template: ok, expression: 'tasks.a.status == "Succeeded"'}
"""
    )
    told = tell(text)
    told.play()
    assert sorted(told.phases()) == ["", ".a", ".a.hooks.done"]


@pytest.mark.parametrize(("seconds", "seen"), [(5, False), (6, True)])
def test_a_pod_is_seen_running_when_argo_would_look_before_it_ends(tell: Tell, seconds: int, seen: bool) -> None:
    hook = "hooks: {r: {template: ok, expression: 'steps.a.status == \"Running\"'}}"
    told = tell(HEAD % "" + f"    steps: [[{{name: a, template: ok, {hook}}}]]\n")
    told.hold = {"a"}
    told.play()
    ends = told.now + seconds
    while (told.outcomes[-1].wake_at or ends) < ends:
        told.wait()
    told.now = ends
    told.let_go(next(iter(told.held)))
    told.play()
    assert ("[0].a.hooks.r" in told.phases()) is seen


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


def test_a_running_hook_has_no_outputs_to_speak_of(tell: Tell) -> None:
    told = tell(
        HEAD % ""
        + """    steps:
    - - name: a
        template: inner
        hooks:
          running:
            template: say
            expression: steps.a.status == "Running"
            arguments: {parameters: [{name: v, value: "{{steps.a.status}} {{workflow.name}}"}]}
  - {name: inner, steps: [[{name: x, template: ok}]]}
"""
    )
    told.play()
    assert told.nodes()["[0].a.hooks.running"]["inputs"]["parameters"] == [{"name": "v", "value": "{{steps.a.status}} w"}]


def test_an_exit_handler_knows_parameters_but_neither_result_nor_exit_code(tell: Tell) -> None:
    words = "{{steps.a.outputs.parameters.o}} {{steps.a.outputs.result}} {{steps.a.exitCode}}"
    told = tell(HEAD % "" + f"    steps: [[{{name: a, template: out, hooks: {{exit: {say(words)}}}}}]]\n")
    told.play()
    assert told.pods[-1].containers[0].command == ["say", "val {{steps.a.outputs.result}} {{steps.a.exitCode}}"]


def test_a_hook_may_ask_for_the_steps_before_its_own(tell: Tell) -> None:
    told = tell(
        HEAD % ""
        + """    steps:
    - - {name: a, template: bad, continueOn: {failed: true}}
      - {name: b, template: ok, hooks: {h: {template: ok, expression: 'steps.a.status == "Failed"'}}}
"""
    )
    told.hold = {"a"}
    told.play()
    assert "[0].b.hooks.h" not in told.phases()
    told.let_go(next(iter(told.held)))
    assert told.play()["status"]["phase"] == "Succeeded"
    assert told.phases()["[0].b.hooks.h"] == "Succeeded"


def test_a_condition_of_a_step_that_cannot_be_decided_fails_its_group(tell: Tell) -> None:
    told = tell(HEAD % "" + "    steps: [[{name: a, template: ok, hooks: {h: {template: ok, expression: 'steps.b.status == \"x\"'}}}]]\n")
    shown = told.play()["status"]
    text = 'steps.b.status == "x"'
    words = f"unable to evaluate expression '{text}': cannot fetch status from <nil> (1:9)\n | {text}\n | ........^"
    assert (shown["phase"], shown["message"]) == ("Failed", words)
    assert told.phases() == {"": "Failed", "[0]": "Error", "[0].a": "Succeeded"}


def test_an_exit_handler_that_cannot_be_called_is_an_error_of_the_workflow(tell: Tell) -> None:
    told = tell(HEAD % "" + "    steps: [[{name: a, template: ok, hooks: {exit: {template: say}}}]]\n")
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", "inputs.parameters.v was not supplied")
    nodes = told.nodes()
    assert (nodes[""]["phase"], nodes[""]["message"]) == ("Error", "Workflow operation error")
    assert (nodes["[0]"]["phase"], nodes["[0].a"]["children"]) == ("Error", [nodes["[0].a.onExit"]["id"]])


@pytest.mark.parametrize("field", ["onExit: ok", "hooks: {exit: {template: ok}}"])
def test_with_an_exit_handler_of_its_own_the_workflow_has_failed_then(tell: Tell, field: str) -> None:
    told = tell(HEAD % f"  {field}" + "    steps: [[{name: a, template: ok, hooks: {exit: {template: say}}}]]\n")
    assert told.play()["status"]["phase"] == "Failed"
    assert told.phases()[".onExit"] == "Succeeded"


def test_a_hook_without_a_place_is_an_error(tell: Tell) -> None:
    told = tell(
        HEAD % "  parallelism: 1"
        + """    steps:
    - - {name: a, template: ok, hooks: {done: {template: ok, expression: 'steps.a.status == "Succeeded"'}}}
      - {name: b, template: ok}
"""
    )
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Failed", "Max parallelism reached")
    assert told.phases() == {"": "Failed", "[0]": "Error", "[0].a": "Succeeded", "[0].b": "Succeeded"}


TWO = """
  - {name: two, steps: [[{name: p, template: ok}, {name: q, template: ok}]]}
"""


def test_templates_take_their_places_before_what_comes_after_them(tell: Tell) -> None:
    hook = "hooks: {h: {template: ok, expression: 'steps.b.status == \"Running\"'}}"
    told = tell(HEAD % "  parallelism: 2" + f"    steps: [[{{name: a, template: two}}, {{name: b, template: two, {hook}}}]]" + TWO)
    told.step()
    assert sorted(told.phases()) == ["", "[0]", "[0].a", "[0].a[0]", "[0].a[0].p", "[0].a[0].q"]
    shown = told.play()["status"]  # once b has its two pods there is no place for its hook
    assert (shown["phase"], shown["message"]) == ("Failed", "Max parallelism reached")
    told = tell(HEAD % "  parallelism: 2" + "    dag: {tasks: [{name: a, template: two}, {name: b, template: two}]}" + TWO)
    told.step()
    assert sorted(told.phases()) == ["", ".a", ".a[0]", ".a[0].p", ".a[0].q"]


def test_an_exit_handler_of_a_step_without_a_place_is_an_error_of_the_workflow(tell: Tell) -> None:
    steps = "    steps: [[{name: a, template: ok, onExit: ok}, {name: b, template: ok}]]\n"
    told = tell(HEAD % "  parallelism: 1" + steps)
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", "Max parallelism reached")
    assert told.phases() == {"": "Error", "[0]": "Error", "[0].a": "Succeeded", "[0].b": "Pending"}


def test_a_hook_of_the_workflow_without_a_place_is_an_error_of_its_entry(tell: Tell) -> None:
    hooks = """  parallelism: 1
  hooks: {running: {template: ok, expression: 'workflow.status == "Running"'}}"""
    told = tell(HEAD % hooks + "    steps: [[{name: a, template: ok}], [{name: b, template: ok}]]\n")
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", "Max parallelism reached")
    assert told.phases() == {"": "Error", "[0]": "Running", "[0].a": "Succeeded"}


def test_the_workflow_has_hooks_by_its_status(tell: Tell) -> None:
    hooks = """  hooks:
    running: {template: ok, expression: 'workflow.status == "Running"'}
    failed: {template: bad, expression: 'workflow.status == "Failed"'}
    good: {template: ok, expression: 'workflow.status == "Succeeded"'}"""
    told = tell(HEAD % hooks + "    steps: [[{name: a, template: bad}]]\n")
    assert told.play()["status"]["phase"] == "Failed"
    assert told.phases() == {"": "Failed", "[0]": "Failed", "[0].a": "Failed", ".hooks.running": "Succeeded", ".hooks.failed": "Failed"}
    nodes = told.nodes()
    assert {nodes[f".hooks.{name}"]["id"] for name in ("running", "failed")} < set(nodes[""]["children"])


def test_hooks_of_the_workflow_see_its_pod_run_after_a_while(tell: Tell) -> None:
    hooks = """  hooks: {running: {template: ok, expression: 'workflow.status == "Running"'}}"""
    told = tell(HEAD % hooks + '    container: {image: i, command: [exit, "0"]}\n')
    told.play()
    assert sorted(told.phases()) == [""]
    told = tell(HEAD % hooks + '    container: {image: i, command: [exit, "0"]}\n')
    told.hold = {"w"}
    told.play()
    assert sorted(told.phases()) == [""]
    told.wait()
    assert sorted(told.phases()) == ["", ".hooks.running"]


def test_a_broken_hook_ends_a_workflow_that_only_waits(tell: Tell) -> None:
    told = tell(HEAD % "  hooks: {h: {template: say, expression: 'true'}}" + "    suspend: {}\n")
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", "inputs.parameters.v was not supplied")


def test_hooks_of_the_workflow_and_what_they_call_know_its_status_and_failures(tell: Tell) -> None:
    hooks = f"""  onExit: ok
  hooks:
    running: {{expression: 'workflow.status == "Running"', {say("{{workflow.status}}")[1:-1]}}}
    failed: {{expression: 'workflow.status == "Failed"', template: tell}}"""
    told = tell(
        HEAD % hooks
        + f"""    steps: [[{{name: a, template: bad, hooks: {{exit: {say("{{workflow.status}} {{workflow.failures}}")}}}}}]]
  - {{name: tell, steps: [[{{name: b, {say("{{workflow.status}} {{workflow.failures}}")[1:-1]}}}]]}}
"""
    )
    told.play()
    given = {name: node["inputs"]["parameters"][0]["value"] for name, node in told.nodes().items() if node.get("inputs")}
    assert given[".hooks.running"] == "Running"
    assert given["[0].a.onExit"] == "Running {{workflow.failures}}"
    assert given[".hooks.failed[0].b"].startswith('Failed "[{\\"displayName\\":')


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
    assert (shown["phase"], shown["message"]) == ("Error", words)
    assert told.nodes()["[0].a.onExit"]["message"] == words
