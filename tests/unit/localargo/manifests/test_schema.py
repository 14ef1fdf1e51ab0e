from collections.abc import Callable

import pytest

from localargo.errors import Finding
from localargo.manifests import schema

Lint = Callable[..., list[Finding]]
WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: a-}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: x, %s}
"""
SENSOR = """\
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies: [{name: d, eventSourceName: e, eventName: h}]
  triggers:
  - template:
      name: t
      log: {}
%s
"""


def test_an_unknown_field_of_a_workflow_is_an_error_with_line_and_nearest_name(lint: Lint) -> None:
    found = lint(WORKFLOW % "comand: [a]")
    assert [str(each) for each in found] == [
        'm.yaml:8: error: Workflow/a- spec.templates[0].container.comand: unknown field "comand" (did you mean command?)'
    ]


def test_wrong_types_are_errors_that_say_what_to_write(lint: Lint) -> None:
    (found,) = lint(WORKFLOW % "args: [1]")
    assert (found.severity, found.hint) == ("error", "put it in quotes")
    assert "spec.templates[0].container.args[0]" in found.path


def test_null_is_the_same_as_absent(lint: Lint) -> None:
    assert lint(WORKFLOW % "args: null, env: ~") == []


@pytest.mark.parametrize("value", ["5", "1.5", "true", "text"])
def test_parameters_take_numbers_and_booleans(lint: Lint, value: str) -> None:
    text = (WORKFLOW % "command: [a]") + f"  arguments: {{parameters: [{{name: p, value: {value}, enum: [{value}]}}]}}\n"
    found = lint(text)
    assert {each.severity for each in found} == (set() if value == "text" else {"warning"})
    assert {each.hint for each in found} <= {"put it in quotes"}


@pytest.mark.parametrize(
    ("field", "path", "why"),
    [
        ("memoize: {key: k, cache: {configMap: {name: c}}}", ".memoize", '"maxAge" is a required property'),
        ("memoize: {key: k, maxAge: 1h, cache: {}}", ".memoize.cache", '"configMap" is a required property'),
        (
            "synchronization: {semaphores: [{configMapKeyRef: {name: c}}]}",
            ".synchronization.semaphores[0].configMapKeyRef",
            '"key" is a required property',
        ),
        ("parallelism: 0", ".parallelism", "0 is less than the minimum of 1"),
    ],
)
def test_what_the_definitions_of_a_cluster_ask_for(lint: Lint, field: str, path: str, why: str) -> None:
    text = (WORKFLOW % "command: [a]").replace("container:", f"{field}\n    container:")
    found = [(each.path, each.message) for each in lint(text) if each.severity == "error"]
    assert (f"Workflow/a- spec.templates[0]{path}", why) in found


def test_fields_that_argo_removed_are_named_with_what_to_write_now(lint: Lint) -> None:
    (found,) = lint((WORKFLOW % "command: [a]") + "  synchronization: {mutex: {name: a}}\n")
    assert found.hint.startswith("removed in Argo 4.0; write `mutexes")


@pytest.mark.parametrize(
    ("extra", "path", "hint"),
    [
        ("      atLeastOnce: true", "spec.triggers[0].template.atLeastOnce", "it belongs to the trigger, beside `template`"),
        ("      policy: {status: {allow: [200]}}", "spec.triggers[0].template.policy", "it belongs to the trigger, beside `template`"),
        ("    condition: d", "spec.triggers[0].condition", "did you mean conditions? it belongs in the trigger's `template`"),
    ],
)
def test_argo_events_drops_unknown_fields_so_they_are_warnings(lint: Lint, extra: str, path: str, hint: str) -> None:
    (found,) = lint(SENSOR % extra)
    assert (found.severity, found.path, found.hint) == ("warning", f"Sensor/s {path}", hint)
    assert "silently drops it" in found.message


def test_a_misplaced_logical_operator_names_its_place(lint: Lint) -> None:
    text = (SENSOR % "").replace("eventName: h}", "eventName: h, filters: {filtersLogicalOperator: or}}")
    (found,) = lint(text)
    assert (found.severity, found.hint) == ("warning", "it belongs to the dependency, beside `filters`")


def test_a_factor_in_quotes_is_a_warning_about_the_dead_letter(lint: Lint) -> None:
    (found,) = lint(SENSOR % '    atLeastOnce: true\n    retryStrategy: {factor: "1"}')
    assert found.severity == "warning"
    assert "every event goes to the dead-letter trigger" in found.message
    assert found.hint == "write factor: 1, without quotes"


@pytest.mark.parametrize("memory", ["some", "1 Gi", "", "64mb"])
def test_what_is_no_quantity_stops_every_sensor(lint: Lint, memory: str) -> None:
    template = f"  template: {{container: {{resources: {{requests: {{memory: '{memory}'}}}}}}}}\n"
    (found,) = lint(SENSOR % "" + template)
    assert (found.severity, found.path) == ("error", "Sensor/s spec.template.container.resources.requests.memory")
    assert "cannot read any Sensor of the namespace" in found.message


@pytest.mark.parametrize("size", ["2Gi", "2e9", "2000000000"])
def test_the_size_of_the_bus_is_a_quantity(lint: Lint, size: str) -> None:
    head = "apiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: default}\n"
    assert lint(f"{head}spec: {{jetstream: {{version: 2.10.29, persistence: {{volumeSize: {size}}}}}}}") == []


def test_a_number_in_calendar_metadata_stops_every_eventsource(lint: Lint) -> None:
    head = "apiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: {name: s}\n"
    text = head + "spec: {calendar: {t: {interval: 3s, metadata: {n: 5}}}}\n"
    (found,) = lint(text)
    assert found.severity == "error"
    assert "cannot read any EventSource of the namespace" in found.message


def test_fields_and_places_of_a_kind() -> None:
    assert "dag" in schema.fields("Workflow", ["spec", "templates", 0])
    assert schema.fields("Workflow", ["metadata", "labels"]) == []
    assert schema.allows("Workflow", ["metadata", "labels", "anything"])
    assert schema.allows("Workflow", ["spec", "arguments", "parameters", 3, "value"])
    assert not schema.allows("Workflow", ["spec", "argumnts"])
    assert not schema.allows("Workflow", ["spec", 0])
    assert schema.allows("Workflow", ["spec", "templates", 0, "plugin", "whatever"])


@pytest.mark.parametrize(
    ("field", "place", "message"),
    [
        ("env: [{value: x}]", "container.env[0]", '"name" is a required property'),
        ("volumeMounts: [{name: v, mountPath: /v}, {name: v}]", "container.volumeMounts[1]", '"mountPath" is a required property'),
        ("volumeMounts: [{name: v, mountPath: null}]", "container.volumeMounts[0]", '"mountPath" is a required property'),
        ("resources: {limits: {cpu: some}}", "container.resources.limits.cpu", '"some" does not match'),
    ],
)
def test_what_only_the_api_server_refuses_is_an_error(lint: Lint, field: str, place: str, message: str) -> None:
    found = [each for each in lint(WORKFLOW % field) if each.severity == "error"]
    assert [each.path for each in found] == [f"Workflow/a- spec.templates[0].{place}"]
    assert message in found[0].message
    assert found[0].message.endswith(": the API server refuses this")


def test_limits_are_looked_at_when_argo_finds_nothing(lint: Lint) -> None:
    text = WORKFLOW.replace("entrypoint: main", "entrypoint: mian") % "env: [{value: x}]"
    assert ["undefined" in each.message for each in lint(text) if each.severity == "error"] == [True]
    assert [
        each.path for each in lint((WORKFLOW % "command: null") + "  retryStrategy: {retryPolicy: Never}\n") if each.severity == "error"
    ] == ["Workflow/a- spec.retryStrategy.retryPolicy"]


@pytest.mark.parametrize("value", ["1", "500m", "'1'", "'2.5'"])
def test_quantities_are_whole_numbers_or_texts(lint: Lint, value: str) -> None:
    assert lint(WORKFLOW % f"resources: {{requests: {{cpu: {value}}}}}") == []


def test_a_fraction_as_a_quantity_is_a_warning_about_kubectl(lint: Lint) -> None:
    (found,) = lint(WORKFLOW % "resources: {requests: {cpu: 2.5}}")
    assert (found.severity, found.hint) == ("warning", "put it in quotes")
    assert found.message == "kubectl accepts only a string or a whole number here; `argo submit` and this engine accept this too"


@pytest.mark.parametrize(
    ("field", "place", "message"),
    [
        ("volumes: [{name: v, hostPath: {type: File}}]", "volumes[0].hostPath", '"path" is a required property'),
        (
            "outputs: {artifacts: [{name: o, path: /o, archive: {none: {level: 1}}}]}",
            "outputs.artifacts[0].archive.none",
            "('level' was unexpected)",
        ),
    ],
)
def test_what_only_the_api_server_refuses_beside_the_container(lint: Lint, field: str, place: str, message: str) -> None:
    found = [each for each in lint((WORKFLOW % "command: [x]") + f"    {field}\n") if each.severity == "error"]
    assert [each.path for each in found] == [f"Workflow/a- spec.templates[0].{place}"]
    assert message in found[0].message


def test_an_action_that_is_filled_in_later_is_refused_by_the_api_server(lint: Lint) -> None:
    resource = "resource: {action: '{{workflow.name}}', manifest: 'x: 1'}"
    (found,) = [each for each in lint(WORKFLOW.replace("container: {image: x, %s}", resource)) if each.severity == "error"]
    assert found.path == "Workflow/a- spec.templates[0].resource.action"
