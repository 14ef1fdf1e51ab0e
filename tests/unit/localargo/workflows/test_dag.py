"""Dag templates: conditions, loops, targets, how they end."""

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
  templates:
  - name: code
    inputs: {parameters: [{name: c, value: "0"}]}
    container: {image: i, command: [exit, "{{inputs.parameters.c}}"]}
  - name: bad
    container: {image: i, command: [exit, "1"]}
  - name: main
    dag:
"""


def test_an_omitted_leaf_takes_over_what_came_before(tell: Tell) -> None:
    told = tell(HEAD + "      tasks: [{name: a, template: bad}, {name: b, depends: a, template: code}]")
    assert told.play()["status"]["phase"] == "Failed"
    assert told.phases()[".b"] == "Omitted"
    told = tell(
        HEAD
        + "      tasks: [{name: a, template: bad}, {name: b, depends: a, template: code}, {name: c, depends: b.Omitted, template: code}]"
    )
    assert told.play()["status"]["phase"] == "Succeeded"


def test_a_failure_that_a_task_waited_for_is_no_failure(tell: Tell) -> None:
    told = tell(HEAD + "      tasks: [{name: a, template: bad}, {name: b, depends: a.Failed, template: code}]")
    assert told.play()["status"]["phase"] == "Succeeded"


def test_continue_on_counts_in_dependencies_and_for_targets(tell: Tell) -> None:
    told = tell(
        HEAD
        + """      tasks:
      - {name: a, template: bad, continueOn: {failed: true}}
      - {name: b, dependencies: [a], template: bad, continueOn: {failed: true}}
"""
    )
    assert told.play()["status"]["phase"] == "Succeeded"
    assert told.phases()[".b"] == "Failed"


def test_only_targets_and_what_they_need_are_executed(tell: Tell) -> None:
    told = tell(
        HEAD + "      target: b\n      tasks: [{name: a, template: code}, {name: b, depends: a, template: code}, {name: c, template: code}]"
    )
    told.play()
    assert set(told.phases()) == {"", ".a", ".b"}


@pytest.mark.parametrize(
    ("codes", "some", "all_failed"),
    [(["0", "1"], "Succeeded", "Omitted"), (["1", "1"], "Omitted", "Succeeded"), (["0"], "Succeeded", "Omitted")],
)
def test_any_succeeded_and_all_failed(tell: Tell, codes: list[str], some: str, all_failed: str) -> None:
    told = tell(
        HEAD
        + f"""      failFast: false
      tasks:
      - {{name: f, template: code, withItems: {codes}, arguments: {{parameters: [{{name: c, value: "{{{{item}}}}"}}]}}}}
      - {{name: s, depends: f.AnySucceeded, template: code}}
      - {{name: none, depends: f.AllFailed, template: code}}
"""
    )
    told.play()
    assert (told.phases()[".s"], told.phases()[".none"]) == (some, all_failed)


def test_an_empty_loop_is_skipped(tell: Tell) -> None:
    told = tell(HEAD + "      tasks: [{name: f, template: code, withParam: '[]'}, {name: a, depends: f, template: code}]")
    assert told.play()["status"]["phase"] == "Succeeded"
    assert (told.nodes()[".f"]["type"], told.nodes()[".f"]["message"]) == ("Skipped", "Skipped, empty params")
    assert told.phases()[".a"] == "Succeeded"


def test_a_reference_that_never_gets_a_value_is_an_error_at_once(tell: Tell) -> None:
    told = tell(
        HEAD
        + """      failFast: false
      tasks:
      - {name: a, template: bad}
      - {name: b, depends: a.Failed, template: code, arguments: {parameters: [{name: c, value: "{{tasks.a.outputs.parameters.zz}}"}]}}
"""
    )
    assert told.play()["status"]["phase"] == "Error"
    assert told.nodes()[".b"]["message"].startswith("failed to resolve {{tasks.a.outputs.parameters.zz}}")


def test_what_cannot_be_called_says_why(tell: Tell) -> None:
    text = (
        HEAD
        + "      tasks: [{name: a, template: cm}, {name: b, template: code}]"
        + """
  - name: cm
    inputs: {parameters: [{name: v, valueFrom: {configMapKeyRef: {name: none, key: k}}}]}
    container: {image: i, command: [exit, "0"]}
"""
    )
    told = tell(text)
    told.play()
    assert told.nodes()[".a"]["message"].startswith("unable to retrieve inputs.parameters.v from ConfigMap")


LEAF = """
  - name: leaf
    inputs: {parameters: [{name: v, value: val}]}
    container: {image: i, command: [write, "{{inputs.parameters.v}}"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
"""


def test_outputs_of_a_dag_come_from_its_tasks(tell: Tell) -> None:
    told = tell(
        HEAD
        + """      tasks: [{name: a, template: leaf}, {name: b, depends: a, when: "1 == 2", template: leaf}]
    outputs:
      parameters:
      - {name: x, valueFrom: {parameter: "{{tasks.a.outputs.parameters.o}}"}}
      - {name: yy, valueFrom: {expression: "tasks.b.status == 'Skipped' ? 'no' : 'yes'"}}
      - {name: z, valueFrom: {parameter: "{{tasks.b.outputs.parameters.o}}", default: dflt}}
"""
        + LEAF
    )
    told.play()
    assert [(o["name"], o["value"]) for o in told.nodes()[""]["outputs"]["parameters"]] == [("x", "val"), ("yy", "no"), ("z", "dflt")]


def test_global_outputs_of_a_dag_are_taken_over_by_the_dag_above_it_alone(tell: Tell) -> None:
    inner = """
  - name: inner
    dag: {tasks: [{name: a, template: leaf}]}
    outputs: {parameters: [{name: x, globalName: gx, valueFrom: {parameter: "{{tasks.a.outputs.parameters.o}}"}}]}
"""
    told = tell(HEAD + "      tasks: [{name: i, template: inner}]" + inner + LEAF)
    assert told.play()["status"]["outputs"] == {"parameters": [{"name": "gx", "value": "val"}]}
    told = tell((HEAD + inner + LEAF).replace("    dag:\n\n", "    steps: [[{name: i, template: inner}]]\n"))
    assert "outputs" not in told.play()["status"]
    assert told.nodes()["[0].i"]["outputs"]["parameters"][0]["globalName"] == "gx"


def test_items_that_lack_what_is_asked_of_them_make_no_loop_at_all(tell: Tell) -> None:
    told = tell(
        HEAD
        + """      tasks:
      - {name: a, template: code, arguments: {parameters: [{name: c, value: "{{item.k}}"}]}, withParam: '[{"k": 0}, {"j": 0}]'}
"""
    )
    assert told.play()["status"]["phase"] == "Error"
    assert told.phases() == {"": "Error", ".a": "Error"}
    assert (told.nodes()[".a"]["type"], told.nodes()[".a"]["message"]) == ("Skipped", "failed to resolve {{item.k}}")


def test_tags_in_the_list_of_a_task_are_replaced_too(tell: Tell) -> None:
    told = tell(
        HEAD
        + """      tasks:
      - {name: a, template: leaf, arguments: {parameters: [{name: v, value: '["{{x}}"]'}]}}
      - {name: b, depends: a, template: leaf, withParam: "{{tasks.a.outputs.parameters.o}}"}
"""
        + LEAF
    )
    told.play()
    assert (told.nodes()[".b"]["type"], told.nodes()[".b"]["message"]) == ("Skipped", "failed to resolve {{x}}")


def test_results_of_a_loop_that_are_no_json_break_the_whole_dag(tell: Tell) -> None:
    told = tell(
        HEAD
        + """      tasks:
      - {name: f, template: leaf, withItems: [one]}
      - {name: u, depends: f, template: leaf, arguments: {parameters: [{name: v, value: "{{tasks.f.outputs.result}}"}]}}
"""
        + LEAF
    )
    shown = told.play()["status"]
    assert shown["phase"] == "Error"
    assert shown["message"].startswith("error in entry template execution: invalid character")
    assert told.nodes()[".u"]["message"].startswith("invalid character")
    assert told.nodes()[""]["message"].startswith("invalid character")


def test_a_leaf_takes_over_what_its_parents_came_to_not_its_dependencies(tell: Tell) -> None:
    body = """      tasks:
      - {name: a, template: %s}
      - {name: b, depends: a, template: code, when: "1 == 2"}
  - {name: on, steps: [[{name: x, template: bad, continueOn: {failed: true}}]]}
  - {name: twice, retryStrategy: {limit: 1}, container: {image: i, command: [exit, "0"]}}
"""
    told = tell(HEAD + body % "on")
    assert told.play()["status"]["phase"] == "Failed"  # b hangs on x
    assert (told.phases()[".a"], told.phases()[".b"]) == ("Succeeded", "Skipped")
    told = tell(HEAD + body % "twice")
    assert told.play()["status"]["phase"] == "Succeeded"
    told = tell(HEAD + body % "twice, onExit: bad")
    assert told.play()["status"]["phase"] == "Failed"  # b hangs on the exit handler, as the last child of a Retry node
    assert (told.phases()[".a"], told.phases()[".b"]) == ("Succeeded", "Skipped")


def test_a_dag_does_not_fail_while_a_task_waits_for_its_place(tell: Tell) -> None:
    told = tell(
        HEAD.replace("  entrypoint: main", "  entrypoint: main\n  parallelism: 2")
        + """      tasks: [{name: d0, template: code}, {name: d1, template: one}]
  - {name: one, dag: {tasks: [{name: a, template: code, when: wrong}, {name: b, template: code}, {name: c, template: code}]}}
"""
    )
    told.hold = {"d0", "b"}
    told.play()
    assert told.phases() == {"": "Running", ".d0": "Running", ".d1": "Running", ".d1.a": "Error", ".d1.b": "Running"}
    told.hold = set()
    for node in list(told.held):
        told.let_go(node)
    told.play()
    assert told.phases() == {"": "Error", ".d0": "Succeeded", ".d1": "Error", ".d1.a": "Error", ".d1.b": "Succeeded", ".d1.c": "Succeeded"}


def test_what_hangs_on_a_template_that_came_to_nothing_ends(tell: Tell) -> None:
    body = """      tasks:
      - {name: a, template: broken}
      - {name: b, template: code, depends: %s}
  - {name: broken, steps: [[{name: k, template: code, when: x y}]]}
"""
    for depends, phase, whole in (
        ("a.Failed", "Succeeded", "Succeeded"),
        ("a", "Omitted", "Failed"),
    ):  # Argo waits for ever: b has no parent
        told = tell(HEAD + body % depends)
        assert told.play()["status"]["phase"] == whole
        assert told.phases()[".b"] == phase
        assert told.nodes()[".a"]["message"].startswith("failed to resolve references: Invalid 'when' expression 'x y'")
