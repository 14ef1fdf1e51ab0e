from collections.abc import Callable

import pytest

from localargo.errors import Finding

Lint = Callable[..., list[Finding]]
LIBRARY = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: retrain}
spec:
  entrypoint: main
  arguments: {parameters: [{name: model}]}
  templates: [{name: main, container: {image: x, args: ["{{workflow.parameters.model}}"]}}]
"""
RESOURCE = """\
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: r-}
            spec:
              workflowTemplateRef: {name: retrain}
              arguments: {parameters: [{name: model, value: ""}]}
"""
MODEL = "        parameters: [{src: {dependencyName: d, dataKey: m}, dest: 'spec.arguments.parameters.#(name==\"model\").value'}]\n"


def sensor(trigger: str) -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {{name: s}}
spec:
  dependencies: [{{name: d, eventSourceName: e, eventName: h}}]
  triggers:
{trigger}"""


def k8s(resource: str = RESOURCE, operation: str = "create", parameters: str = MODEL, beside: str = "") -> str:
    head = f"  - template:\n      name: t\n      k8s:\n        operation: {operation}\n        source:\n          resource:\n"
    return sensor(f"{head}{resource}{parameters}{beside}")


def test_a_sound_trigger(lint: Lint) -> None:
    assert lint(k8s(beside="    atLeastOnce: true\n"), LIBRARY) == []


@pytest.mark.parametrize(
    ("text", "severity", "message"),
    [
        (k8s(operation="creat"), "error", "operation is one of create, update, patch, delete, not creat"),
        (k8s(resource=RESOURCE.replace("kind: Workflow\n", "kind: Job\n")), "unsupported", "k8s triggers on the kind Job are refused"),
        (k8s(resource=RESOURCE.replace("name: retrain", "name: retrian")), "warning", 'workflowtemplates.argoproj.io "retrian" not found'),
        (k8s(resource=RESOURCE.replace("arguments:", "argumnts:"), parameters=""), "warning", 'unknown field "argumnts"'),
        (
            k8s(resource=RESOURCE.replace('{name: model, value: ""}', "{name: model}"), parameters=""),
            "warning",
            "spec.arguments.model.value or",
        ),
        (k8s(beside="    retryStrategy: {steps: 3}\n"), "warning", "retryStrategy has no effect without atLeastOnce"),
        (k8s(beside="    rateLimit: {unit: Day, requestsPerUnit: 1}\n"), "error", "unit is one of Second, Minute, Hour, not Day"),
        (
            k8s(beside="    atLeastOnce: true\n    dlqTrigger: {template: {name: l, log: {}}}\n"),
            "error",
            "atLeastOnce must be set to true within",
        ),
        (k8s(beside="    policy: {k8s: {labels: {a: b}}}\n"), "unsupported", "policy is refused"),
        (sensor("  - template: {name: t}\n"), "error", "a trigger's template needs one of argoWorkflow, http, k8s, log"),
        (sensor("  - atLeastOnce: true\n"), "error", "a trigger needs `template`"),
        (sensor("  - template: {log: {}}\n"), "error", "a trigger's template needs `name`"),
        (sensor("  - template: {name: t, slack: {channel: c}}\n"), "unsupported", "slack is refused"),
        (sensor(f"  - template: {{name: {'t' * 64}, log: {{}}}}\n"), "error", "at most 63 characters, not 64"),
        (sensor("  - template: {name: t, k8s: {operation: create}}\n"), "error", "k8s needs `source`"),
        (sensor("  - template: {name: t, argoWorkflow: {source: {resource: {}}}}\n"), "error", "operation is one of submit"),
        (sensor("  - template: {name: t, http: {method: GET}}\n"), "error", "an http trigger needs `url`"),
        (sensor("  - template: {name: t, http: {url: 'http://localhost', method: POST}}\n"), "error", "an http trigger needs `payload`"),
        (sensor("  - template: {name: t, k8s: {source: {inline: 'a: [1'}}}\n"), "error", "the resource cannot be read"),
        (
            sensor('  - template: {name: t, k8s: {source: {inline: "a: 1\\n---\\nb: 2\\n"}}}\n'),
            "error",
            "exactly one resource is needed here, not 2",
        ),
        (sensor("  - template: {name: t, k8s: {source: {git: {url: u}}}}\n"), "unsupported", "git is refused"),
        (
            sensor("  - template: {name: t, log: {}}\n    parameters: [{src: {dependencyName: d, dataKey: x}, dest: lg.a}]\n"),
            "warning",
            "lg.a does not exist: the trigger has no field lg in the resource",
        ),
    ],
)
def test_triggers_that_do_not_do_what_is_meant(lint: Lint, text: str, severity: str, message: str) -> None:
    found = lint(text, LIBRARY)
    assert any(each.severity == severity and message in each.message for each in found), found
    assert all(each.line >= 7 for each in found)


def test_the_place_in_the_sensor_leads_to_the_field_of_the_resource(lint: Lint) -> None:
    (found,) = lint(k8s(resource=RESOURCE.replace("name: retrain", "name: retrian")), LIBRARY)
    assert found.path == "Sensor/s spec.triggers[0].template.k8s.source.resource.spec.workflowTemplateRef.name"
    assert found.severity == "warning"
    assert found.message.startswith("Argo refuses the object that this creates: invalid spec: ")
    assert (found.line, found.hint) == (17, "did you mean retrain?")


def test_an_argument_that_a_parameter_fills_may_be_empty(lint: Lint) -> None:
    assert lint(k8s(resource=RESOURCE.replace('{name: model, value: ""}', "{name: model}")), LIBRARY) == []


def test_arguments_may_be_made_by_parameters(lint: Lint) -> None:
    resource = RESOURCE.replace("workflowTemplateRef: {name: retrain}", "entrypoint: a")
    resource += "              templates: [{name: a, inputs: {parameters: [{name: v}]}, container: {image: x}}]\n"
    parameters = MODEL.replace("m}, dest: 'spec.arguments.parameters.#(name==\"model\").value'", "m}, dest: spec.arguments.parameters.-1")
    assert parameters != MODEL
    assert lint(k8s(resource=resource, parameters=parameters)) == []


def test_a_patch_need_not_be_a_whole_workflow(lint: Lint) -> None:
    resource = RESOURCE.replace("              workflowTemplateRef: {name: retrain}\n", "")
    assert lint(k8s(resource=resource, operation="patch"), LIBRARY) == []


def test_an_inline_resource_is_checked_like_a_written_one(lint: Lint) -> None:
    inline = "kind: Workflow\\nmetadata: {generateName: a-}\\nspec: {entrypoint: a, templates: [{name: b, suspend: {}}]}"
    (found,) = lint(sensor(f'  - template: {{name: t, k8s: {{source: {{inline: "{inline}"}}}}}}\n'))
    assert "template name 'a' undefined" in found.message
    assert found.path.startswith("Sensor/s spec.triggers[0].template.k8s.source.inline.")


def test_submit_from_is_warned_of(lint: Lint) -> None:
    resource = "{kind: WorkflowTemplate, metadata: {name: r}}"
    text = sensor(f"  - template: {{name: t, argoWorkflow: {{operation: submit-from, source: {{resource: {resource}}}}}}}\n")
    assert any("reports a failure" in each.message for each in lint(text, LIBRARY))
