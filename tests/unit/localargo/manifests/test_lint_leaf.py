from collections.abc import Callable

import pytest

from localargo.errors import Finding
from localargo.manifests.lint_leaf import find_cycle

Lint = Callable[..., list[Finding]]
HEAD = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: a-}
spec:
  entrypoint: main
  templates:
  - name: main
"""


def leaf(*lines: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in lines)


BOX = "container: {image: x}"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["container: {command: [a]}"], "templates.main.container.image may not be empty"),
        (
            ["container: {image: x, args: ['{{=1}', b], env: [{name: e, value: x}]}"],
            "templates.main: failed to resolve {{=1}: it is not closed",
        ),
        (
            ["container: {image: x, env: [{name: e, value: 'a {{= 1 + 1'}]}"],
            "templates.main: failed to resolve {{= 1 + 1: it is not closed",
        ),
        (["suspend: {}", "timeout: 5s"], "Suspend template doesn't support timeout field"),
        (["suspend: {}", "pendingTimeout: 5s"], "Suspend template doesn't support pendingTimeout field"),
        (
            ["suspend: {}", "inputs: {artifacts: [{name: a, path: /a, optional: true}]}"],
            "templates.main.inputs.artifacts.a.path only valid in container/script templates",
        ),
        (
            [BOX, "inputs: {artifacts: [{name: a, raw: {data: x}}]}"],
            "error in templates.main.inputs.artifacts.a: Artifact 'a' did not specify a path",
        ),
        (["resource: {action: create, manifestFrom: {artifact: {name: z}}}"], "artifact z in `manifestFrom` refer to a non-exist artifact"),
        (["resource: {action: create, manifest: 'name: {{z.y}}'}"], "templates.main.resource.manifest must be a valid yaml"),
        ([BOX, "inputs: {parameters: [{name: p, value: '{{inputs.parameters.z}}'}]}"], "failed to resolve {{inputs.parameters.z}}"),
        (["script: {source: a}"], "templates.main.script.image may not be empty"),
        ([BOX, "parallelism: 2"], "templates.main.parallelism is only valid for steps and dag templates"),
        ([BOX, "timeout: '30'"], "main has invalid duration format in timeout"),
        ([BOX, "activeDeadlineSeconds: '-1'"], "templates.main.activeDeadlineSeconds must be a positive integer > 0 or an argo variable"),
        ([BOX, "retryStrategy: {retryPolicy: Allways}"], "Allways is not a valid RetryPolicy"),
        (["container: {image: x, args: ['{{inputs.parameters.a}}']}"], "templates.main: failed to resolve {{inputs.parameters.a}}"),
        (["container: {image: x, args: ['{{workflow.parameters.a}}']}"], "templates.main: failed to resolve {{workflow.parameters.a}}"),
        (
            [BOX, "inputs: {parameters: [{name: a.b, value: x}]}"],
            "templates.main.inputs.parameters[0].name: 'a.b' is invalid: Parameter/Artifact name",
        ),
        ([BOX, "inputs: {artifacts: [{name: a, optional: true}]}"], "error in templates.main.inputs.artifacts.a"),
        ([BOX, "inputs: {artifacts: [{name: a, path: /a, from: x}]}"], "templates.main.inputs.artifacts.a.from not valid in inputs"),
        (
            [BOX, "inputs: {artifacts: [{name: a, path: /a, raw: {data: x}}, {name: b, path: /a, raw: {data: x}}]}"],
            "path '/a' already mounted in",
        ),
        ([BOX, "outputs: {artifacts: [{name: a}]}"], "error in templates.main.outputs.artifacts.a"),
        ([BOX, "outputs: {parameters: [{name: a}]}"], "templates.main.outputs.parameters.a does not have valueFrom or value specified"),
        (
            [BOX, "outputs: {parameters: [{name: a, value: x, valueFrom: {path: /a}}]}"],
            "has both valueFrom and value specified, choose one",
        ),
        ([BOX, "outputs: {parameters: [{name: a, valueFrom: {default: x}}]}"], "valueFrom type unspecified. choose one of"),
        ([BOX, "outputs: {parameters: [{name: a, valueFrom: {path: /a, parameter: b}}]}"], "multiple valueFrom types specified"),
        (
            [BOX, "outputs: {parameters: [{name: a, valueFrom: {parameter: b}}]}"],
            "templates.main.outputs.parameters.a.path must be specified for Container",
        ),
        (
            [BOX, "outputs: {artifacts: [{name: a, path: /a, globalName: a b}]}"],
            "templates.main.outputs.artifacts.a.globalName: Parameter/Artifact name must consist",
        ),
        (
            [BOX, "outputs: {parameters: [{name: a, valueFrom: {path: /a}, globalName: a.b}]}"],
            "templates.main.outputs.parameters.a.globalName: Parameter/Artifact name must consist",
        ),
        (["resource: {action: make, manifest: 'kind: ConfigMap'}"], "templates.main.resource.action must be one of: get, create"),
        (
            ["resource: {action: create}"],
            "either templates.main.resource.manifest or templates.main.resource.manifestFrom must be specified",
        ),
        (["resource: {action: create, manifest: 'a: [1'}"], "templates.main.resource.manifest must be a valid yaml"),
        (
            ["resource: {action: get, manifest: 'kind: ConfigMap'}", "outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}"],
            "jqFilter or jsonPath",
        ),
    ],
)
def test_refused_leaves(lint: Lint, lines: list[str], message: str) -> None:
    found = [each for each in lint(leaf(*lines)) if each.severity == "error"]
    assert found
    assert message in found[0].message
    assert found[0].line >= 7


@pytest.mark.parametrize(
    "lines",
    [
        [BOX, "activeDeadlineSeconds: '{{workflow.name}}'"],
        ["retryStrategy: {limit: 2}", "container: {image: x, args: ['{{retries}} {{lastRetry.exitCode}} {{ column }} {{pod.name}}']}"],
        [
            BOX,
            "outputs: {artifacts: [{name: a, path: /a}], parameters: [{name: b, value: x}]}",
            "metadata: {labels: {a: '{{outputs.parameters.b}}'}}",
        ],
        ["resource: {action: create, manifest: '{{workflow.name}}'}"],
    ],
)
def test_sound_leaves(lint: Lint, lines: list[str]) -> None:
    assert lint(leaf(*lines)) == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["resource: {action: create, manifest: 'kind: Deployment'}"], "a resource template on Deployment is refused"),
        (
            [BOX, "outputs: {artifacts: [{name: a, path: /a, s3: {key: k, endpoint: s3.amazonaws.com, bucket: b}}]}"],
            "artifact store at s3.amazonaws.com",
        ),
    ],
)
def test_leaves_that_this_engine_refuses(lint: Lint, lines: list[str], message: str) -> None:
    (found,) = [each for each in lint(leaf(*lines)) if each.severity == "unsupported"]
    assert message in found.message


@pytest.mark.parametrize("endpoint", ["s3:8333", "s3", "s3.retrain.svc:8333", "s3.retrain.svc.cluster.local:8333"])
def test_the_engines_own_bucket_may_be_named(lint: Lint, endpoint: str) -> None:
    assert lint(leaf(BOX, f"outputs: {{artifacts: [{{name: a, path: /a, s3: {{key: k, endpoint: '{endpoint}', bucket: b}}}}]}}")) == []


def test_volumes_and_configmaps_that_are_not_there_are_warnings(lint: Lint) -> None:
    (found,) = lint(leaf("volumes: [{name: data, emptyDir: {}}]", "container: {image: x, volumeMounts: [{name: dta, mountPath: /d}]}"))
    assert (found.severity, found.hint) == ("warning", "did you mean data?")
    source = "inputs: {parameters: [{name: a, valueFrom: {configMapKeyRef: {name: models, key: b}}}]}"
    world = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: models%s}\ndata: {c: x}\n"
    label, key = lint(leaf(source, BOX), world % "")
    assert "has no label workflows.argoproj.io/configmap-type: Parameter" in label.message
    assert (key.message, key.hint) == ("ConfigMap models has no key b", "the names are: c")
    labelled = world % ", labels: {workflows.argoproj.io/configmap-type: Parameter}"
    assert lint(leaf(source.replace("key: b", "key: c"), BOX), labelled) == []
    assert lint(leaf(source, BOX)) == []


def test_a_resource_that_names_an_unknown_template_is_warned_of(lint: Lint) -> None:
    manifest = '"kind: Workflow\\nspec: {workflowTemplateRef: {name: nxt}}"'
    (found,) = lint(
        leaf(f"resource: {{action: create, manifest: {manifest}}}"), "kind: WorkflowTemplate\nmetadata: {name: next}\nspec: {}\n"
    )
    assert (found.severity, found.hint) == ("warning", "did you mean next?")


def test_mount_paths_must_differ(lint: Lint) -> None:
    mounts = "volumeMounts: [{name: v, mountPath: /d}, {name: v, mountPath: /d}]"
    (found,) = lint(leaf("volumes: [{name: v, emptyDir: {}}]", f"container: {{image: x, {mounts}}}"))
    assert "mountPath '/d' already mounted in container.volumeMounts.v" in found.message


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ({}, []),
        ({"a": ["b"], "b": ["c"], "c": []}, []),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ["b", "c", "b"]),
        ({"a": ["a"]}, ["a", "a"]),
        ({"a": ["gone"]}, []),
    ],
)
def test_cycles_are_found(edges: dict[str, list[str]], cycle: list[str]) -> None:
    assert find_cycle(edges) == cycle


def test_a_long_chain_needs_no_deep_stack() -> None:
    chain = {str(i): [str(i + 1)] for i in range(5000)} | {"5000": []}
    assert find_cycle(chain) == []
    assert len(find_cycle(chain | {"5000": ["0"]})) == 5002


def test_a_manifest_that_is_read_only_when_it_is_sent_is_a_warning(lint: Lint) -> None:
    (found,) = lint(leaf("resource: {action: delete, manifest: 'name: {{z.y}}'}"))
    assert (found.severity, found.message.partition(": ")[0]) == ("warning", "Argo reports this only when it gets there")


def test_a_manifest_of_no_kind_is_not_supported(lint: Lint) -> None:
    (found,) = lint(leaf("resource: {action: create, manifest: text}"))
    assert (found.severity, found.message.partition(" is")[0]) == ("unsupported", "a resource template without a kind")


def test_the_values_of_inputs_that_are_always_given_are_not_looked_at(lint: Lint) -> None:
    called = "  - {name: b, inputs: {parameters: [{name: p, %s: '{{inputs.parameters.z}}'}]}, container: {image: x}}\n"
    steps = leaf("steps: [[{name: s, template: b, arguments: {parameters: [{name: p, value: x}]}}]]")
    assert lint(steps + called % "value") == []
    assert [each.severity for each in lint(steps + called % "default")] == ["error"]


def test_a_path_that_selects_several_values_is_refused(lint: Lint) -> None:
    output = "outputs: {parameters: [{name: o, valueFrom: {jsonPath: '{.items[*].name}'}}]}"
    (found,) = [
        each for each in lint(leaf("resource: {action: get, manifest: 'kind: ConfigMap'}", output)) if each.severity == "unsupported"
    ]
    assert found.path.endswith("outputs.parameters[0].valueFrom.jsonPath")
    assert found.message == "JSONPath '.items[*].name': '[*].name' is not supported: names and indexes are; a jqFilter does more"
