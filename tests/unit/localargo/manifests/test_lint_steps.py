from collections.abc import Callable

import pytest

from localargo.errors import Finding

Lint = Callable[..., list[Finding]]
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\nspec:\n  entrypoint: main\n  templates:\n"
TAIL = """\
  - {name: show, inputs: {parameters: [{name: v}]}, container: {image: x}, outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}}
  - {name: noop, container: {image: x}}
"""


def steps(text: str) -> str:
    return f"{HEAD}  - name: main\n    steps:\n{text}{TAIL}"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("    - - {name: a, template: shwo}\n", "templates.main.steps[0].a template name 'shwo' undefined", "did you mean show?"),
        ("    - - {name: a, template: show}\n", "templates.main.steps[0].a templates.show inputs.parameters.v was not supplied", ""),
        (
            "    - - {name: a, template: show, arguments: {parameters: [{name: vv, value: x}]}}\n",
            "templates.main.steps[0].a templates.show inputs.parameters.v was not supplied",
            "there is an argument vv",
        ),
        ("    - - {name: a, template: noop}\n      - {name: a, template: noop}\n", "templates.main.steps[0].name 'a' is not unique", ""),
        ("    - - {template: noop}\n", "templates.main.steps[0].name is required", ""),
        ("    - - {name: a_b, template: noop}\n", "templates.main.steps[0].name 'a_b' is invalid: name must", ""),
        ("    - - {name: a}\n", "templates.main.steps[0].a failed to get a template", "give template"),
        (
            "    - - {name: a, template: noop, templateRef: {name: l, template: t}}\n",
            "template name cannot be specified with templateRef",
            "",
        ),
        ("    - - {name: a, templateRef: {name: l, template: t}}\n", "templates.main.steps[0].a template reference l.t not found", ""),
        ("    - - {name: a, templateRef: {name: l}}\n", "templates.main.steps[0].a template name is required", ""),
        ("    - - {name: a, templateRef: {template: l}}\n", "templates.main.steps[0].a resource name is required", ""),
        (
            "    - - {name: a, template: show, arguments: {parameters: [{name: v, value: '{{inputs.parameters.w}}'}]}}\n",
            "templates.main.steps failed to resolve {{inputs.parameters.w}}",
            "",
        ),
        (
            "    - - {name: a, template: noop}\n"
            "    - - {name: b, template: show, arguments: {parameters: [{name: v, value: '{{steps.a.outputs.parameters.o}}'}]}}\n",
            "templates.main.steps failed to resolve {{steps.a.outputs.parameters.o}}",
            "",
        ),
        (
            "    - - {name: a, template: show, arguments: {parameters: [{name: v, value: '{{item.x}}'}]}, withItems: [{z: 1}]}\n",
            "templates.main.steps failed to resolve {{item.x}}",
            "did you mean item.z?",
        ),
        ("    - - {name: a, template: noop, withItems: [1], withParam: '[]'}\n", "only one of withItems, withParam, withSequence", ""),
        ("    - - {name: a, template: show, arguments: {parameters: [{name: v}]}}\n", "templates.main.steps[0].a.arguments.v.value or", ""),
    ],
)
def test_refused_steps(lint: Lint, text: str, message: str, hint: str) -> None:
    found = [each for each in lint(steps(text)) if each.severity == "error"]
    assert found
    assert message in found[0].message
    assert hint in found[0].hint
    assert found[0].line in (9, 10)


def test_an_unknown_argument_is_ignored_by_argo_so_it_is_a_warning(lint: Lint) -> None:
    found = lint(steps("    - - {name: a, template: show, arguments: {parameters: [{name: v, value: x}, {name: w, value: x}]}}\n"))
    assert [(each.severity, each.message) for each in found] == [
        ("warning", "argument w is ignored: template show has no such input parameter"),
    ]


def test_an_item_key_that_some_items_lack_is_a_warning(lint: Lint) -> None:
    text = "    - - {name: a, template: show, arguments: {parameters: [{name: v, value: '{{item.x}}'}]}, withItems: [{x: 1}, {y: 2}, 3]}\n"
    assert [each.message for each in lint(steps(text))] == [
        "{{item.x}} fails for item 1, which has no key x",
        "{{item.x}} fails for item 2, which is not a map: 3",
    ]


def test_a_literal_list_of_with_param_is_read(lint: Lint) -> None:
    one = "    - - {name: a, template: show, arguments: {parameters: [{name: v, value: '{{item.x}}'}]}, withParam: '[{\"y\": 1}]'}\n"
    assert [each.message for each in lint(steps(one))] == ["{{item.x}} fails for item 0, which has no key x"]
    (found,) = lint(steps("    - - {name: a, template: noop, withParam: 'a, b'}\n"))
    assert found.message.startswith("withParam could not be parsed as a JSON list")
    assert lint(steps("    - - {name: a, template: noop, withParam: '[]'}\n")) == []


def test_an_item_without_a_loop_stays_as_it_is(lint: Lint) -> None:
    (found,) = lint(steps("    - - {name: a, template: show, arguments: {parameters: [{name: v, value: '{{item}}'}]}}\n"))
    assert (found.severity, found.message) == ("warning", "{{item}} is outside of a loop, so it is not replaced")


def test_inline_templates_know_their_inputs(lint: Lint) -> None:
    text = "    - - name: a\n        arguments: {parameters: [{name: p, value: x}]}\n"
    text += "        inline: {inputs: {parameters: [{name: p}]}, container: {image: x, args: ['{{inputs.parameters.p}}']}}\n"
    assert lint(steps(text)) == []


def test_hooks_and_exit_handlers_of_a_step_name_templates(lint: Lint) -> None:
    (found,) = lint(steps("    - - {name: a, template: noop, onExit: nop}\n"))
    assert (found.severity, found.hint) == ("warning", "did you mean noop?")
    assert found.message == "Argo reports this only when it gets there: template name 'nop' undefined"
    text = "    - - {name: a, template: show, arguments: {parameters: [{name: v, value: x}]}, hooks: {exit: {template: show, arguments: "
    text += "{parameters: [{name: v, value: '{{steps.a.outputs.parameters.o}}'}]}}}}\n"
    assert lint(steps(text)) == []


def test_only_an_exit_handler_may_speak_of_its_own_outputs(lint: Lint) -> None:
    hook = "{template: show, expression: 'true', arguments: {parameters: [{name: v, value: '{{steps.a.outputs.parameters.o}}'}]}}"
    text = "    - - {name: a, template: show, arguments: {parameters: [{name: v, value: %s}]}, hooks: {exit: %s}}\n"
    assert lint(steps(text % ("x", hook))) == []
    bare = text.replace("hooks: {exit: %s}", "when: '{{steps.a.outputs.parameters.o}}'")
    (found,) = [each for each in lint(steps(bare % "x")) if each.severity == "error"]
    assert found.message == "invalid spec: templates.main.steps failed to resolve {{steps.a.outputs.parameters.o}}"


DYNAMIC = HEAD.replace("  templates:", "  arguments: {parameters: [{name: gone, value: none}, {name: is, value: noop}]}\n  templates:")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{name: a, template: '{{workflow.parameters.gone}}'}", "templates.main.steps[0].a template name 'none' undefined"),
        ("{name: a, template: '{{workflow.parameters.is}}'}", ""),
        ("{name: 'a-{{workflow.parameters.is}}', template: noop}", '"a-{{workflow.parameters.is}}" does not match'),
        ("{name: a, template: own, arguments: {parameters: [{name: v, value: '{{workflow.parameters.{{workflow.parameters.is}}}}'}]}}", ""),
        (
            "{name: a, template: own, arguments: {parameters: [{name: v, value: '{{workflow.parameters.{{workflow.parameters.no}}}}'}]}}",
            "failed to resolve {{workflow.parameters.no}}",
        ),
        ("{name: a, template: own, arguments: {parameters: [{name: 'v{{item}}', value: x}]}}", "'v{{item}}' is invalid"),
        (
            "{name: a, template: '{{workflow.parameters.who}}'}",
            "templates.main.steps[0].a template name '{{workflow.parameters.who}}' undefined",
        ),
        ("{name: a, template: show}", "templates.main.steps[0].a templates.show inputs.parameters.v was not supplied"),
        ("{name: a, template: show, when: '{{steps.z.status}} == x'}", "templates.main.steps failed to resolve {{steps.z.status}}"),
        ("{name: a, template: noop, when: '{{ steps.z.status }} == x'}", "templates.main.steps failed to resolve {{steps.z.status}}"),
        ("{name: a, template: noop, when: '{{steps.z<1}} == x'}", "templates.main.steps failed to resolve {{steps.z<1}}"),
        (
            "{name: a, template: noop, when: '{{steps.a.id} == x'}",
            "templates.main.steps failed to resolve {{steps.a.id} == x: it is not closed",
        ),
        (
            "{name: a, template: noop, templateRef: {name: nope, template: t}, inline: {suspend: {}}}",
            "template name cannot be specified with",
        ),
        (
            "{name: a, templateRef: {name: nope, template: t}, inline: {suspend: {}}}",
            'steps[0].a workflowtemplates.argoproj.io "nope" not found',
        ),
        ("{name: a, template: '{{item}}', withItems: [noop]}", "templates.main.steps[0].a template name '{{item}}' undefined"),
        (
            "{name: a, templateRef: {name: '{{workflow.parameters.gone}}', template: t}}",
            "templates.main.steps[0].a template reference none.t not found",
        ),
        ("{name: a, template: '{{inputs.parameters.t}}'}", "template name '__argo__internal__placeholder-1' undefined"),
        (
            "{name: a, templateRef: {name: '{{inputs.parameters.t}}', template: t}}",
            "template reference __argo__internal__placeholder-1.t not found",
        ),
        (
            "{name: a, template: noop, arguments: {artifacts: [{name: x, fromExpression: z}]}}",
            "templates.main.steps[0].a.arguments.x.from, artifact location, or key is required",
        ),
        (
            "{name: a, template: own, arguments: {parameters: [{name: v, valueFrom: {supplied: {}}}]}}",
            "templates.main.steps[0].a templates.own inputs.parameters.v was not supplied",
        ),
    ],
)
def test_names_and_values_that_are_known_when_the_workflow_is_created(lint: Lint, step: str, message: str) -> None:
    own = "  - {name: own, inputs: {parameters: [{name: v, default: d}]}, container: {image: x}}\n"
    text = f"{DYNAMIC}  - name: main\n    inputs: {{parameters: [{{name: t, value: x}}]}}\n    steps: [[{step}]]\n{TAIL}{own}"
    found = [each.message for each in lint(text) if each.severity == "error"]
    assert (found and message in found[0]) if message else not found
