from collections.abc import Callable

import pytest

from localargo.errors import Finding
from localargo.manifests.lint_when import unquoted, unreadable

Lint = Callable[..., list[Finding]]
TAG = "{{inputs.parameters.x}}"


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        (f"{TAG} == train", [TAG]),
        (f"train == {TAG}", [TAG]),
        (f"'{TAG}' == 'train'", []),
        (f'"{TAG}" != "train"', []),
        (f"{TAG} == true", []),
        (f"{TAG} != 5", []),
        (f"{TAG} > 9", []),
        (f"!({TAG} == true)", []),
        (f"({TAG} == a) && '{TAG}' == 'b'", [TAG]),
        (f"'{TAG}' == 'a || b' || {TAG} =~ '^x'", [TAG]),
        ("{{= inputs.parameters.x == 'a' }}", []),
        ("1 == 2", []),
        (f"{TAG}-{TAG} == 'a'", [f"{TAG}-{TAG}"]),
    ],
)
def test_bare_tags_compared_with_texts_are_found(text: str, sides: list[str]) -> None:
    assert unquoted(text) == sides


@pytest.mark.parametrize(
    "text", [f"{TAG} > 9", f"{TAG} == a", f"'{TAG}' in ('a', 'b')", f"!({TAG} == true)", "{{= x }}", "1 == 2", f"{TAG} =~ '^a'"]
)
def test_conditions_that_can_be_evaluated_are_fine(text: str) -> None:
    assert unreadable(text) == ""


@pytest.mark.parametrize("text", [f"{TAG} ==", f"'{TAG}' == 'a", f"({TAG} == 'a'", f"{TAG} === 'a'", "5"])
def test_conditions_that_cannot_be_evaluated_are_told_why(text: str) -> None:
    assert unreadable(text) != ""


def test_findings_of_a_when_say_what_to_write(lint: Lint) -> None:
    text = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\nspec:\n  entrypoint: main\n  templates:\n"
    text += "  - name: main\n    inputs: {parameters: [{name: x, value: a}]}\n    steps:\n"
    text += f"    - - name: s\n        template: noop\n        when: '{TAG} == train'\n    - - {{name: t, template: noop, when: '1 =='}}\n"
    text += "  - {name: noop, container: {image: x}}\n"
    quotes, broken = lint(text)
    assert (quotes.severity, quotes.line, quotes.hint) == ("warning", 12, f"quote both sides: '{TAG}'")
    assert (broken.severity, broken.line) == ("warning", 13)
    assert "cannot be evaluated" in broken.message
