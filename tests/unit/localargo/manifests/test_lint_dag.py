from collections.abc import Callable

import pytest

from localargo.errors import Finding

Lint = Callable[..., list[Finding]]
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\nspec:\n  entrypoint: main\n  templates:\n"
TAIL = """\
  - {name: show, inputs: {parameters: [{name: v}]}, container: {image: x}, outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}}
  - {name: noop, container: {image: x}}
"""
OF_B = "arguments: {parameters: [{name: v, value: '{{tasks.a.outputs.parameters.o}}'}]}"
X = "arguments: {parameters: [{name: v, value: x}]}"


def dag(*tasks: str, extra: str = "") -> str:
    return f"{HEAD}  - name: main\n    dag:\n{extra}      tasks:\n" + "".join(f"      - {{{task}}}\n" for task in tasks) + TAIL


@pytest.mark.parametrize(
    ("tasks", "message", "hint"),
    [
        (
            ["name: a, template: noop, depends: bb", "name: b, template: noop"],
            "templates.main sorting failed: invalid dependency bb",
            "did you mean b?",
        ),
        (
            ["name: a, template: noop, dependencies: [c]", "name: b, template: noop"],
            "sorting failed: invalid dependency c",
            "the names are: a, b",
        ),
        (["name: a, template: noop, depends: b", "name: b, template: noop, depends: a"], "sorting failed: graph with cycle", "->"),
        (["name: a, template: noop, depends: a.Succeded"], "templates.main sorting failed: graph with cycle", ""),
        (
            ["name: a, template: noop, depends: b", "name: b, template: nop, dependencies: [c]", "name: c, template: noop"],
            "cannot use both",
            "",
        ),
        (["name: 'a-{{workflow.name}}', template: noop"], "templates.main.tasks[0].name: 'a-{{workflow.name}}' is invalid", ""),
        (["name: a, template: '{{workflow.name}}'"], "tasks.a template name '__argo__internal__placeholder-1' undefined", ""),
        (["name: a, template: noop, depends: a"], "templates.main sorting failed: graph with cycle", "a -> a"),
        (
            ["name: a, template: noop", "name: b, template: noop, depends: a.Succeded"],
            "task result 'Succeded' for task 'a' is invalid",
            "Succeeded",
        ),
        (
            ["name: a, template: noop", "name: b, template: noop, depends: a.AnySucceeded"],
            "dependency 'a' uses an items-based condition",
            "",
        ),
        (
            ["name: a, template: noop", "name: b, template: noop, depends: a", "name: c, template: noop, dependencies: [a]"],
            "cannot use both 'depends'",
            "",
        ),
        (
            ["name: a, template: noop, continueOn: {failed: true}", "name: b, template: noop, depends: a"],
            "cannot use 'continueOn' when using",
            "",
        ),
        (["name: 1a, template: noop", "name: b, template: noop, dependencies: [1a]", "name: 2, template: noop"], "2", ""),
        (["name: a, template: noop", "name: a, template: noop"], "templates.main sorting failed: duplicated nodeName a", ""),
        (["name: a, template: nop"], "templates.main.tasks.a template name 'nop' undefined", "did you mean noop?"),
        (["name: a, template: show"], "templates.main.tasks.a templates.show inputs.parameters.v was not supplied", ""),
        (
            [f"name: a, template: show, {X}", f"name: b, template: show, {OF_B}"],
            "templates.main.tasks.b missing dependency 'a' for parameter 'v'",
            "add a",
        ),
        (
            ["name: a, template: noop", f"name: b, template: show, depends: a, {OF_B}"],
            "templates.main.tasks.b failed to resolve {{tasks.a.outputs.parameters.o}}",
            "",
        ),
        (
            ["name: a, template: noop", "name: b, template: noop, when: '{{tasks.a.status}} == 1'"],
            "templates.main.tasks.b failed to resolve {{tasks.a.status}}",
            "",
        ),
        (
            ["name: a, template: noop, withItems: [1], withSequence: {count: 1}"],
            "only one of withItems, withParam, withSequence can be specified",
            "",
        ),
    ],
)
def test_refused_dags(lint: Lint, tasks: list[str], message: str, hint: str) -> None:
    found = [each for each in lint(dag(*tasks)) if each.severity == "error"]
    assert found
    assert message in found[0].message
    assert hint in found[0].hint
    assert 8 <= found[0].line <= 8 + len(tasks) + 1


def test_a_digit_at_the_front_of_a_name_is_refused_only_in_a_graph(lint: Lint) -> None:
    assert lint(dag("name: 1a, template: noop")) == []
    (found,) = lint(dag("name: 1a, template: noop", "name: b, template: noop, depends: b2", "name: b2, template: noop"))
    assert "templates.main.tasks.1a name cannot begin with a digit" in found.message


def test_no_tasks_and_unknown_targets(lint: Lint) -> None:
    (found,) = lint(f"{HEAD}  - {{name: main, dag: {{tasks: []}}}}\n")
    assert found.message == "invalid spec: templates.main must have at least one task"
    (found,) = lint(dag("name: a, template: noop", extra="      target: a b\n"))
    assert found.message == "invalid spec: templates.main.targets: target 'b' is not defined"


def test_a_sound_dag_has_no_findings(lint: Lint) -> None:
    tasks = [
        f"name: a, template: show, {X}, withItems: [1, 2]",
        "name: b, template: noop, depends: a.AnySucceeded && !a.AllFailed",
        "name: c, template: noop, depends: (a || a.Failed) && b, when: \"'{{tasks.b.status}}' == 'Succeeded'\"",
    ]
    assert lint(dag(*tasks)) == []


def test_tags_of_what_is_not_waited_for_are_warned_of_where_argo_hangs(lint: Lint) -> None:
    text = dag(
        f"name: a, template: show, {X}",
        "name: b, template: show, arguments: {parameters: [{name: v, value: 'x{{tasks.a.outputs.parameters.o}}'}]}",
    )
    (found,) = lint(text)
    assert (found.severity, found.hint) == ("warning", "add a to depends")
    assert "b does not wait for a" in found.message


def test_what_argo_finds_out_only_when_a_task_is_due(lint: Lint) -> None:
    (found,) = lint(dag("name: a, template: noop", "name: b, template: noop, depends: 'a &&'"))
    assert (found.severity, found.message[:36]) == ("warning", "this `depends` cannot be evaluated: ")
    assert lint(dag("name: a, template: noop", "name: b, template: noop, depends: a.Succeeded != a.Failed")) == []
    (found,) = lint(dag("name: a, template: noop, hooks: {exit: {template: show}}"))
    assert (found.severity, found.message[-39:]) == ("warning", "show inputs.parameters.v was not supplied"[-39:])


def test_a_task_with_hooks_may_be_asked_for_its_status(lint: Lint) -> None:
    ask = "arguments: {parameters: [{name: v, value: '{{tasks.a.status}}'}]}"
    hooks = f"hooks: {{exit: {{template: show, {ask}}}}}"
    assert lint(dag(f"name: a, template: noop, {hooks}")) == []
    (found,) = [
        each for each in lint(dag("name: a, template: noop, onExit: noop", f"name: b, template: show, {ask}")) if each.severity == "error"
    ][:1]
    assert found.message == "invalid spec: templates.main.tasks.b failed to resolve {{tasks.a.status}}"
