"""Outputs that may never be written: which ends of a task lead on to a node that reads them."""

from collections.abc import Callable

import pytest

from localargo.errors import Finding
from localargo.manifests.lint_outputs import Graph

Lint = Callable[..., list[Finding]]
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\nspec:\n  entrypoint: main\n  templates:\n"
TAIL = """\
  - {name: need, inputs: {parameters: [{name: v}]}, container: {image: x}}
  - name: show
    inputs: {parameters: [{name: v, value: d}]}
    container: {image: x}
    outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}
  - name: safe
    container: {image: x}
    outputs: {parameters: [{name: o, valueFrom: {path: /o, default: d}}], artifacts: [{name: f, path: /f}]}
  - {name: file, inputs: {artifacts: [{name: f, path: /f, optional: true}]}, container: {image: x}}
"""
READ = "arguments: {parameters: [{name: v, value: '{{tasks.a.outputs.parameters.o}}'}]}"


def graph(**tasks: str | dict[str, object]) -> Graph:
    return Graph(
        {name: {"name": name, "depends": task} if isinstance(task, str) else {"name": name, **task} for name, task in tasks.items()}
    )


@pytest.mark.parametrize(
    ("tasks", "ends"),
    [
        ({"a": "", "b": "a"}, set()),
        ({"a": "", "b": "a.Succeeded"}, set()),
        ({"a": "", "b": "a || a.Failed"}, {"Failed"}),
        ({"a": "", "b": "a.Succeeded || a.Failed || a.Errored"}, {"Failed", "Errored"}),
        ({"a": {"when": "x"}, "b": "a"}, {"Skipped"}),
        ({"z": "", "a": "z", "b": "a || a.Omitted"}, {"Omitted"}),
        ({"a": "", "b": "!a.Succeeded"}, {"Failed", "Errored"}),
        ({"a": "", "m": "a", "b": "m"}, set()),
        ({"a": "", "m": "a", "b": "m || m.Omitted"}, {"Failed", "Errored"}),
        ({"a": "", "m": "a", "b": "m || m.Failed"}, set()),
        ({"a": "", "m": "a || a.Failed", "b": "m"}, {"Failed"}),
        ({"a": "", "m": "a || a.Failed", "b": "m && a"}, set()),
        ({"a": {"withParam": "x"}, "b": "a.AnySucceeded"}, set()),
        ({"a": {"withParam": "x"}, "b": "a"}, {"Skipped"}),
        ({"a": {"withParam": "x"}, "b": "a || a.Failed"}, {"Skipped", "Failed"}),
        ({"a": {"withItems": [1]}, "b": "a"}, set()),
        ({"a": {"continueOn": {"failed": True}}, "b": {"dependencies": ["a"]}}, {"Failed"}),
        ({"a": {"continueOn": {"error": True}}, "b": {"dependencies": ["a"]}}, {"Errored"}),
    ],
)
def test_the_ends_with_which_a_later_task_still_runs(tasks: dict[str, str], ends: set[str]) -> None:
    assert graph(**tasks).bad_ends("b", "a") == ends


def test_a_long_chain_is_no_trouble() -> None:
    tasks = {"t0": ""} | {f"t{i}": f"t{i - 1}" for i in range(1, 1500)}
    assert graph(**tasks).bad_ends("t1499", "t0") == set()
    assert len(graph(**tasks).ancestors("t1499")) == 1499


def dag(*tasks: str) -> str:
    return f"{HEAD}  - name: main\n    dag:\n      tasks:\n" + "".join(f"      - {{{task}}}\n" for task in tasks) + TAIL


def test_a_plain_tag_of_a_task_that_may_have_failed_hangs(lint: Lint) -> None:
    (found,) = lint(dag("name: a, template: show", f"name: b, template: need, depends: a || a.Failed, {READ}"))
    assert found.severity == "warning"
    assert "may never be written: this can run when a is Failed, and the workflow then hangs forever" in found.message
    assert found.hint == "write {{=tasks.a?.outputs?.parameters?.o ?? 'none'}}"
    assert (found.line, found.path.partition(" ")[2]) == (11, "spec.templates[0].dag.tasks[1].arguments.parameters[0].value")


def test_of_a_skipped_task_it_is_an_error_of_the_node_and_of_an_empty_loop_it_hangs(lint: Lint) -> None:
    (skipped,) = lint(dag("name: a, template: show, when: '1 == 2'", f"name: b, template: need, depends: a, {READ}"))
    assert "when a is Skipped, and the node then ends with an error" in skipped.message
    aggregate = READ.replace(".o}}", "}}")
    (empty,) = lint(dag("name: a, template: show, withParam: '[]'", f"name: b, template: need, depends: a, {aggregate}"))
    assert "when a is Skipped, and the workflow then hangs forever" in empty.message
    assert empty.hint.endswith("?? '[]'}}")


def test_a_default_helps_unless_the_pod_never_ran(lint: Lint) -> None:
    assert lint(dag("name: a, template: safe, when: '1 == 2'", f"name: b, template: need, depends: a || a.Failed, {READ}")) == []
    (found,) = lint(dag("name: a, template: safe", f"name: b, template: need, depends: a || a.Errored, {READ}"))
    assert "when a is Errored" in found.message


def test_the_readers_own_default_takes_the_place_of_what_was_skipped_when_the_argument_is_the_tag_alone(lint: Lint) -> None:
    skipped = "name: a, template: show, when: '1 == 2'"
    assert lint(dag(skipped, f"name: b, template: show, depends: a, {READ}")) == []
    (found,) = lint(dag(skipped, f"name: b, template: show, depends: a, {READ.replace('{{', 'x{{')}"))
    assert "when a is Skipped" in found.message
    (found,) = lint(dag("name: a, template: show", f"name: b, template: show, depends: a || a.Failed, {READ}"))
    assert "when a is Failed" in found.message


def test_status_and_expressions_are_always_there_and_exit_codes_of_the_failed_too(lint: Lint) -> None:
    b = "name: b, template: need, depends: a || a.Failed, arguments: {parameters: [{name: v, value: '%s'}]}"
    for tag in ("{{tasks.a.status}}", "{{tasks.a.exitCode}}", "{{=tasks.a?.outputs?.parameters?.o ?? 1}}"):
        assert lint(dag("name: a, template: show", b % tag)) == []


def test_artifacts_are_meant_too(lint: Lint) -> None:
    b = "name: b, template: file, depends: a || a.Failed, arguments: {artifacts: [{name: f, from: '{{tasks.a.outputs.artifacts.f}}'}]}"
    (found,) = lint(dag("name: a, template: safe", b))
    assert found.hint == "write `optional: true` at this argument, and at the input of its template"


def test_an_optional_argument_takes_an_artifact_that_was_never_written(lint: Lint) -> None:
    call = "template: file, arguments: {artifacts: [{name: f, optional: true, from: '{{%s.a.outputs.artifacts.f}}'}]}"
    assert lint(dag("name: a, template: safe, when: \"'x' == 'y'\"", f"name: b, depends: a || a.Failed, {call % 'tasks'}")) == []
    steps = f"{HEAD}  - name: main\n    steps:\n    - [{{name: a, template: safe, when: \"'x' == 'y'\"}}]\n"
    assert lint(f"{steps}    - [{{name: b, {call % 'steps'}}}]\n{TAIL}") == []


def test_steps_that_may_be_skipped_or_run_beside(lint: Lint) -> None:
    read = READ.replace("tasks", "steps")
    head = f"{HEAD}  - name: main\n    steps:\n"
    (found,) = lint(f"{head}    - - {{name: a, template: show, when: '1 == 2'}}\n    - - {{name: b, template: need, {read}}}\n{TAIL}")
    assert "when a is Skipped" in found.message
    (found,) = lint(
        f"{head}    - - {{name: a, template: show, continueOn: {{failed: true}}}}\n    - - {{name: b, template: need, {read}}}\n{TAIL}"
    )
    assert "when a is Failed" in found.message
    (found,) = lint(f"{head}    - - {{name: a, template: show}}\n      - {{name: b, template: need, {read}}}\n{TAIL}")
    assert (found.message, found.hint) == (
        "a runs at the same time: {{steps.a.outputs.parameters.o}} does not exist yet",
        "move this step into a later group",
    )


def test_what_looks_like_arguments_inside_an_item_is_an_item(lint: Lint) -> None:
    items = "[{arguments: {parameters: [{value: '{{steps.a.outputs.result}}'}]}}]"
    first = "- {name: a, template: safe, when: 'false'}"
    text = f"{HEAD}  - name: main\n    steps:\n    - [{first[2:]}]\n    - [{{name: b, template: safe, withItems: {items}}}]\n{TAIL}"
    assert [each.path.partition(" ")[2] for each in lint(text) if "may never be written" in each.message] == [
        "spec.templates[0].steps[1][0].withItems[0].arguments.parameters[0].value"
    ]
