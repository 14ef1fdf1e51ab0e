"""A Workflow as a whole, its templates and calls: Argo's refusals in Argo's words."""

from collections.abc import Callable

import pytest

from localargo.errors import Finding
from localargo.manifests.validate import argo_message

Lint = Callable[..., list[Finding]]
WORKFLOW = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\nspec:\n"
SHOW = "  - {name: show, inputs: {parameters: [{name: v}]}, container: {image: x}}\n"
LIBRARY = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: library}
spec:
  entrypoint: main
  arguments: {parameters: [{name: model}, {name: kind, value: a, enum: [a, b]}]}
  templates:
  - {name: main, container: {image: x, args: ["{{workflow.parameters.model}}"]}}
  - {name: one, inputs: {parameters: [{name: v}]}, container: {image: x, args: ["{{inputs.parameters.v}}"]}}
"""

REFUSED = [
    ("templates: [{name: main, container: {image: x}}]", "spec.entrypoint is required", ""),
    ("entrypoint: mian\n  templates: [{name: main, container: {image: x}}]", "template name 'mian' undefined", "did you mean main?"),
    (
        "entrypoint: main\n  templates: [{name: main}]",
        "invalid spec: template 'main' type is unknown",
        "",
    ),
    ("entrypoint: main\n  templates: [{name: main, suspend: {}, http: {url: u}}]", "templates.main multiple template types specified.", ""),
    ("entrypoint: a\n  templates: [{name: a, suspend: {}}, {name: a, suspend: {}}]", "spec.templates[1].name 'a' is not unique", ""),
    ("entrypoint: a_b\n  templates: [{name: a_b, suspend: {}}]", "spec.templates[0].name: 'a_b' is invalid: name must consist of", ""),
    ("entrypoint: a\n  onExit: b\n  templates: [{name: a, suspend: {}}]", "template name 'b' undefined", "the names are: a"),
    (
        "entrypoint: a\n  podGC: {strategy: OnPodComplete}\n  templates: [{name: a, suspend: {}}]",
        "podGC.strategy unknown strategy 'OnPodComplete'",
        "did",
    ),
    (
        "entrypoint: a\n  arguments: {parameters: [{name: p, value: c, enum: [a, b]}]}\n  templates: [{name: a, suspend: {}}]",
        "spec.arguments.p.value should be present in spec.arguments.p.enum list",
        "the names are: a, b",
    ),
    (
        "entrypoint: a\n  arguments: {parameters: [{name: p, value: c, enum: []}]}\n  templates: [{name: a, suspend: {}}]",
        "enum should contain at",
        "",
    ),
    (
        "entrypoint: a\n  arguments: {parameters: [{name: p, valueFrom: {path: /x}}]}\n  templates: [{name: a, suspend: {}}]",
        "spec.arguments.p.valueFrom only allows: default, configMapKeyRef and supplied",
        "",
    ),
    (
        "entrypoint: a\n  arguments: {artifacts: [{name: p}]}\n  templates: [{name: a, suspend: {}}]",
        "spec.arguments.p.from, artifact location, or key",
        "",
    ),
    ("entrypoint: '{{workflow.name}}'\n  templates: [{name: a, suspend: {}}]", "template name '{{workflow.name}}' undefined", ""),
    (
        "entrypoint: a\n  onExit: '{{workflow.name}}'\n  templates: [{name: a, suspend: {}}]",
        "template name '{{workflow.name}}' undefined",
        "",
    ),
    ("entrypoint: a\n  templates: [{name: a, suspend: {}}, {name: b}]", "invalid spec: templates.b template 'b' type is unknown", ""),
    (
        "entrypoint: a\n  podResources: {limits: {gpu: 1}}\n  templates: [{name: a, suspend: {}}]",
        'spec.podResources: "gpu" is not a valid pod-level resource',
        "",
    ),
    (
        "entrypoint: a\n  podGC: {labelSelector: {matchExpressions: [{key: k, operator: Inn}]}}\n  templates: [{name: a, suspend: {}}]",
        'podGC.labelSelector invalid: "Inn" is not a valid label selector operator',
        "did you mean In?",
    ),
    ("workflowTemplateRef: {name: '{{workflow.name}}'}", 'workflowtemplates.argoproj.io "{{workflow.name}}" not found', ""),
    (
        "entrypoint: a\n  arguments: {artifacts: [{name: p, s3: {bucket: b}}]}\n  templates: [{name: a, suspend: {}}]",
        "spec.arguments.p.from, artifact location, or key is required",
        "",
    ),
    ("entrypoint: show\n  templates:\n" + SHOW, "templates.show inputs.parameters.v was not supplied", ""),
    ("workflowTemplateRef: {name: libary}", 'workflowtemplates.argoproj.io "libary" not found', "did you mean library?"),
    (
        "workflowTemplateRef: {name: library}\n  templates: [{name: a, suspend: {}}]",
        "Templates is invalid field in spec if workflow referred",
        "",
    ),
    ("workflowTemplateRef: {name: library}", "spec.arguments.model.value or spec.arguments.model.valueFrom is required", ""),
    (
        "workflowTemplateRef: {name: library}\n  entrypoint: on\n  arguments: {parameters: [{name: model, value: m}]}",
        'true is not of type "string"',
        "",
    ),
    (
        "workflowTemplateRef: {name: library}\n  entrypoint: two\n  arguments: {parameters: [{name: model, value: m}]}",
        "template reference library.two not found",
        "",
    ),
]


@pytest.mark.parametrize(("spec", "message", "hint"), REFUSED)
def test_what_argo_refuses_is_refused_in_its_words(lint: Lint, spec: str, message: str, hint: str) -> None:
    found = [each for each in lint(f"{WORKFLOW}  {spec}\n", LIBRARY) if each.severity == "error"]
    assert found
    assert message in found[0].message
    assert hint in found[0].hint
    assert argo_message(found).startswith("invalid spec: ")


@pytest.mark.parametrize(
    "spec",
    [
        "workflowTemplateRef: {name: library}\n  arguments: {parameters: [{name: model, value: m}, {name: kind, value: b}]}",
        "workflowTemplateRef: {name: library}\n  entrypoint: one\n"
        "  arguments: {parameters: [{name: model, value: m}, {name: v, value: m}]}",
        "entrypoint: a\n  onExit: a\n  templates: [{name: a, container: {image: x, args: ['{{workflow.failures}} {{workflow.status}}']}}]",
        "entrypoint: a\n  hooks: {exit: {template: a, expression: 'workflow.status == \"Failed\"'}}\n  templates: [{name: a, suspend: {}}]",
    ],
)
def test_what_argo_takes_is_taken(lint: Lint, spec: str) -> None:
    assert [str(each) for each in lint(f"{WORKFLOW}  {spec}\n", LIBRARY) if "failures" not in each.message] == []


def test_failures_are_known_to_exit_handlers_only(lint: Lint) -> None:
    text = f"{WORKFLOW}  entrypoint: a\n  onExit: b\n  templates:\n"
    text += "".join(f"  - {{name: {name}, container: {{image: x, args: ['{{{{workflow.failures}}}}']}}}}\n" for name in "ab")
    assert [(each.line, each.message) for each in lint(text)] == [(8, "invalid spec: templates.a: failed to resolve {{workflow.failures}}")]


def test_failures_are_not_known_to_templates_because_of_a_hook(lint: Lint) -> None:
    arguments = "{parameters: [{name: v, value: '{{workflow.failures}}'}]}"
    text = f"{WORKFLOW}  entrypoint: a\n  hooks: {{exit: {{template: b, arguments: {arguments}}}}}\n"
    text += (
        "  templates:\n  - {name: a, suspend: {}}\n  - {name: b, inputs: {parameters: [{name: v}]}, container: {image: x, args: [%s]}}\n"
    )
    assert lint(text % "'{{inputs.parameters.v}}'") == []
    (found,) = lint(text % "'{{workflow.failures}}'")
    assert found.message == "invalid spec: templates.b templates.b: failed to resolve {{workflow.failures}}"


def test_hooks_other_than_the_exit_handler_are_refused_by_name(lint: Lint) -> None:
    hooks = "hooks: {h: {template: a, expression: 'true'}, exit: {template: a}}"
    text = f"{WORKFLOW}  entrypoint: b\n  {hooks}\n  templates:\n  - {{name: a, suspend: {{}}}}\n"
    text += f"  - name: b\n    steps:\n    - - {{name: s, template: a, {hooks}}}\n"
    found = lint(text)
    assert [(each.severity, each.path.partition(" ")[2], each.line) for each in found] == [
        ("unsupported", "spec.hooks.h", 6),
        ("unsupported", "spec.templates[1].steps[0][0].hooks.h", 11),
    ]
    assert {each.message for each in found} == {"hooks.h is refused: of hooks only exit runs here"}


def test_a_library_needs_no_entrypoint_and_knows_nothing_of_its_users(lint: Lint) -> None:
    text = LIBRARY.replace("  entrypoint: main\n  arguments: {parameters: [{name: model}, {name: kind, value: a, enum: [a, b]}]}\n", "")
    assert lint(text) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("timeout: 30s, steps: [[{name: s, template: b}]]", "Steps template doesn't support timeout field"),
        ("timeout: 30s, dag: {tasks: [{name: s, template: b}]}", "DAG template doesn't support timeout field"),
        (
            "activeDeadlineSeconds: 5, steps: [[{name: s, template: b}]]",
            "templates.a.activeDeadlineSeconds is only valid for leaf templates",
        ),
        (
            "inputs: {artifacts: [{name: f, path: /f, optional: true}]}, steps: [[{name: s, template: b}]]",
            "templates.a.inputs.artifacts.f.path only valid in container/script templates",
        ),
        (
            "steps: [[{name: s, template: b}]], outputs: {artifacts: [{name: f, path: /f}]}",
            "templates.a.outputs.artifacts.f.path only valid in container/script templates",
        ),
        (
            "steps: [[{name: s, template: b}]], outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}",
            "templates.a.outputs.parameters.o.parameter or expression must be specified for Steps templates",
        ),
        (
            "steps: [[{name: s, template: b}]], outputs: {parameters: [{name: o, valueFrom: {parameter: '{{steps.t.outputs.result}}'}}]}",
            "templates.a.outputs failed to resolve {{steps.t.outputs.result}}",
        ),
        (
            "steps: [[{name: s, template: b, arguments: {artifacts: [{name: f, from: x, fromExpression: z}]}}]]",
            "templates.a.steps[0].s.arguments.f shouldn't have both `from` and `fromExpression` in Artifact",
        ),
    ],
)
def test_templates_that_call_others(lint: Lint, body: str, message: str) -> None:
    text = f"{WORKFLOW}  entrypoint: a\n  templates:\n  - {{name: a, {body}}}\n  - {{name: b, container: {{image: x}}}}\n"
    found = [each for each in lint(text) if each.severity == "error"]
    assert [message in each.message for each in found] == [True]


def test_names_known_at_run_time_only_are_not_looked_up(lint: Lint) -> None:
    body = "steps: [[{name: t, templateRef: {name: '{{workflow.name}}', template: x}}]]"
    assert lint(f"{WORKFLOW}  entrypoint: a\n  templates:\n  - {{name: a, {body}}}\n") == []


def test_a_name_is_needed_and_not_too_long(lint: Lint) -> None:
    body = "spec: {entrypoint: a, templates: [{name: a, suspend: {}}]}\n"
    head = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n"
    (found,) = lint(f"{head}metadata: {{name: {'a' * 64}}}\n{body}")
    assert "must not be more than 63 characters long (currently 64)" in found.message
    (found,) = lint(f"{head}metadata: {{labels: {{a: b}}}}\n{body}")
    assert "metadata.name or metadata.generateName is required" in found.message


def test_lines_of_merged_arguments_are_those_of_the_workflow(lint: Lint) -> None:
    text = f"{WORKFLOW}  workflowTemplateRef: {{name: library}}\n  arguments:\n    parameters:\n"
    text += "    - {name: model, value: m}\n    - {name: kind, value: z}\n"
    (found,) = lint(text, LIBRARY)
    assert (found.line, found.path) == (9, "Workflow/a- spec.arguments.parameters[1].value")


def test_a_mistake_in_a_template_is_said_at_the_template_for_every_workflow_that_reaches_it(lint: Lint) -> None:
    broken = LIBRARY.replace("{{inputs.parameters.v}}", "{{inputs.parameters.w}}")
    text = f"{WORKFLOW}  entrypoint: a\n  templates:\n  - name: a\n    steps:\n"
    text += "    - - {name: s, templateRef: {name: library, template: one}, arguments: {parameters: [{name: v, value: x}]}}\n"
    (found,) = lint(text, broken)
    assert (found.file, found.line) == ("world.yaml", 9)
    assert found.message == "invalid spec: templates.a.steps[0].s templates.one: failed to resolve {{inputs.parameters.w}}"
    assert found.hint == "did you mean inputs.parameters.v?"
