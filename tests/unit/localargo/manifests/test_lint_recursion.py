from collections.abc import Callable

import pytest

from localargo.errors import Finding

Lint = Callable[..., list[Finding]]
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\nspec:\n  entrypoint: a\n  templates:\n"


@pytest.mark.parametrize(
    ("templates", "trail"),
    [
        ("  - {name: a, steps: [[{name: s, template: a}]]}\n", "a -> a"),
        ("  - {name: a, steps: [[{name: s, template: b}]]}\n  - {name: b, dag: {tasks: [{name: t, template: a}]}}\n", "a -> b -> a"),
        ("  - {name: a, steps: [[{name: s, template: a, withItems: [1]}]]}\n", "a -> a"),
    ],
)
def test_a_circle_without_a_condition_is_warned_of(lint: Lint, templates: str, trail: str) -> None:
    (found,) = lint(HEAD + templates)
    assert (found.severity, found.message) == ("warning", f"recursion without an exit condition: {trail}")
    assert found.line == 7


@pytest.mark.parametrize(
    "call",
    ["{name: s, template: a, when: \"'{{workflow.name}}' == 'x'\"}", "{name: s, template: a, withParam: '{{workflow.parameters.x}}'}"],
)
def test_a_condition_or_a_list_that_may_be_empty_is_a_way_out(lint: Lint, call: str) -> None:
    text = f"{HEAD}  - {{name: a, steps: [[{call}]]}}\n  arguments: {{parameters: [{{name: x, value: '[]'}}]}}\n"
    assert [each for each in lint(text) if "recursion" in each.message] == []


def test_a_circle_over_two_workflow_templates(lint: Lint) -> None:
    other = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: %s}\nspec:\n  templates:\n"
    other += "  - {name: t, steps: [[{name: s, templateRef: {name: %s, template: t}}]]}\n"
    found = lint(other % ("one", "two") + "---\n" + other % ("two", "one"))
    assert {each.message for each in found} == {
        "recursion without an exit condition: t -> two/t -> t",
        "recursion without an exit condition: t -> one/t -> t",
    }
