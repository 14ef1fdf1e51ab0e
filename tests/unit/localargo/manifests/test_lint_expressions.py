from collections.abc import Callable

import pytest

from localargo.errors import Finding

Lint = Callable[..., list[Finding]]
HEAD = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: a-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: p, value: "1"}]}
  templates:
"""


def main(body: str) -> str:
    return f"{HEAD}  - name: main\n    inputs: {{parameters: [{{name: count, value: '1'}}, {{name: my-name, value: '1'}}]}}\n    {body}\n"


def tag(expression: str) -> str:
    return main(f'container: {{image: x, args: ["{{{{={expression}}}}}"]}}')


def test_a_function_of_sprig_that_is_left_out_is_refused(lint: Lint) -> None:
    (found,) = lint(tag("sprig.randAlpha(5)"))
    assert (found.severity, 'function "randAlpha" is not supported' in found.message) == ("unsupported", True)


@pytest.mark.parametrize(
    "expression",
    [
        "asInt(inputs.parameters.count) + 1",
        "inputs.parameters['my-name'] == '1' ? 'a' : 'b'",
        "workflow.parameters.p",
        "toJson(filter(fromJSON(workflow.parameters.p).a, {.v > 1}))",
        "inputs?.parameters?.whatever ?? 'none'",
        "asInt(workflow.parameters.p) > 3",
    ],
)
def test_sound_expressions_pass(lint: Lint, expression: str) -> None:
    assert lint(tag(expression)) == []


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        (
            "inputs.parameters.cuont",
            "inputs.parameters.cuont does not exist: the expression gets nil",
            "did you mean inputs.parameters.count?",
        ),
        ("workflow.parameters.q", "workflow.parameters.q does not exist", ""),
        ("inputs.parameters.count + ", "this expression cannot be evaluated", "ends this node with an error"),
        (
            "inputs.parameters.count > 3",
            "inputs.parameters.count is a string: it cannot be compared",
            "write asInt(inputs.parameters.count)",
        ),
        ("3 + workflow.parameters.p", "workflow.parameters.p is a string", "write asInt(workflow.parameters.p)"),
    ],
)
def test_mistakes_in_tags_are_warnings_since_argo_starts_the_workflow(lint: Lint, expression: str, message: str, hint: str) -> None:
    (found,) = lint(tag(expression))
    assert (found.severity, found.line) == ("warning", 10)
    assert message in found.message
    assert hint in found.hint


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("retryStrategy: {expression: 'lastRetry.exitCode == 75'}\n    container: {image: x}", "retryStrategy.expression"),
        ("http: {url: u, successCondition: 'response.statusCode =='}", "http.successCondition"),
    ],
)
def test_fields_that_are_expressions_are_read_too(lint: Lint, body: str, path: str) -> None:
    (found,) = lint(main(body))
    assert (found.severity, found.path) == ("warning", f"Workflow/a- spec.templates[0].{path}")


def test_outputs_and_exit_handlers(lint: Lint) -> None:
    body = "steps: [[{name: s, template: noop, hooks: {exit: {template: noop, expression: 'steps.s.status =='}}}]]\n"
    body += "    outputs: {parameters: [{name: o, valueFrom: {expression: 'steps.s.('}}]}\n  - {name: noop, container: {image: x}}"
    assert [each.path.rpartition(".")[0].partition(" ")[2] for each in lint(main(body))] == [
        "spec.templates[0].steps[0][0].hooks.exit",
        "spec.templates[0].outputs.parameters[0].valueFrom",
    ]
