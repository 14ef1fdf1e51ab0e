from collections.abc import Callable

import pytest

from localargo.errors import Finding
from localargo.manifests import schema, support
from localargo.manifests.document import Document
from localargo.manifests.support_table import NOT_BUILT

Lint = Callable[..., list[Finding]]
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\nspec:\n  entrypoint: main\n"


@pytest.mark.parametrize("table", support.TABLES)
def test_the_tables_name_exactly_the_fields_of_the_schemas(table: str) -> None:
    known = schema.definitions(table)
    for definition, entry in support.TABLES[table].items():
        assert set(entry.statuses()) == set(known[definition].get("properties", {})), definition


@pytest.mark.parametrize("kind", [kind for kind in schema.KINDS if kind not in support.REFUSED_KINDS])
def test_every_field_that_can_be_reached_has_an_entry(kind: str) -> None:
    """Deny by default: a field without an entry is refused with the note that no entry gives."""
    assert [name for name, _, note in support.rows(kind) if note == NOT_BUILT] == []


def test_a_field_without_an_entry_is_refused() -> None:
    assert support.status(schema.WORKFLOWS, "Template", "somethingNew") == ("refused", NOT_BUILT)
    assert support.status(schema.WORKFLOWS, "NoSuchDefinition", "x") == ("refused", NOT_BUILT)


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ("container: {image: x, livenessProbe: {}}", "livenessProbe"),
        ("sidecars: [{name: s, image: x}]\n    container: {image: x}", "sidecars"),
        ("initContainers: [{name: s, image: x}]\n    container: {image: x}", "initContainers"),
        ("daemon: true\n    container: {image: x}", "daemon"),
        ("resource: {action: create, manifest: 'kind: ConfigMap', successCondition: a == b}", "successCondition"),
        ("failFast: true\n    container: {image: x}", "failFast"),
        ("containerSet: {containers: [{name: main, image: x}]}", "containerSet"),
        ("plugin: {hello: {}}", "plugin"),
        ("data: {source: {artifactPaths: {name: a, s3: {key: k}}}, transformation: [{expression: e}]}", "data"),
        ("volumes: [{name: v, hostPath: {path: /}}]\n    container: {image: x}", "hostPath"),
        ("container: {image: x, env: [{name: A, valueFrom: {resourceFieldRef: {resource: a}}}]}", "resourceFieldRef"),
        ("inputs: {artifacts: [{name: a, path: /a, git: {repo: r}}]}\n    container: {image: x}", "git"),
    ],
)
def test_what_only_a_cluster_has_is_refused_by_name(lint: Lint, template: str, field: str) -> None:
    (found,) = [each for each in lint(f"{HEAD}  templates:\n  - name: main\n    {template}\n") if each.severity == "unsupported"]
    assert found.message.startswith(f"{field} is refused: ")
    assert "spec.templates[0]" in found.path
    assert found.line >= 8


def test_an_empty_field_is_not_used(lint: Lint) -> None:
    assert lint(f"{HEAD}  templates:\n  - {{name: main, daemon: false, sidecars: [], container: {{image: x}}}}\n") == []


def test_kept_fields_are_listed_once_with_their_number(lint: Lint) -> None:
    text = HEAD + "  dnsPolicy: Default\n  templates:\n"
    text += "  - {name: main, nodeSelector: {a: b}, tolerations: [], container: {image: x}}\n"
    two = f"{text}  - {{name: other, nodeSelector: {{a: c}}, container: {{image: x}}}}\n"
    found = lint(two, kept=True)
    assert [(each.severity, each.message, each.hint) for each in found] == [
        ("kept", "dnsPolicy: not enforced here", ""),
        ("kept", "nodeSelector: not enforced here", "and 1 more"),
    ]
    assert found[1].line == 8


@pytest.mark.parametrize("source", ["sqs", "kafka", "nats", "github", "slack", "generic", "sns", "file"])
def test_sources_that_need_a_service_are_refused_by_name(source: str) -> None:
    (use,) = support.refused(Document({"kind": "EventSource", "spec": {source: {"e": {"url": "x"}}}}))
    assert (use.field, use.path) == (source, f"spec.{source}")
    assert support.kept(Document({"kind": "EventSource", "spec": {"replicas": 2}}))[0].field == "replicas"


@pytest.mark.parametrize(
    ("kind", "severity"),
    [("CronWorkflow", "unsupported"), ("Deployment", "unsupported"), ("WorkflowEventBinding", "unsupported"), ("", "unsupported")],
)
def test_other_kinds_are_refused(lint: Lint, kind: str, severity: str) -> None:
    (found,) = lint(f"apiVersion: v1\nkind: '{kind}'\nmetadata: {{name: x}}\n")
    assert found.severity == severity


@pytest.mark.parametrize("kind", ["ServiceAccount", "Role", "RoleBinding", "Namespace", "NetworkPolicy", "ConfigMap", "Secret"])
def test_kinds_that_come_along_are_taken(lint: Lint, kind: str) -> None:
    assert lint(f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\n") == []


def test_rows_of_a_kind_stop_below_what_is_not_supported() -> None:
    rows = {name: status for name, status, _ in support.rows("Workflow")}
    assert rows["WorkflowSpec.entrypoint"] == "supported"
    assert rows["WorkflowSpec.affinity"] == "kept"
    assert rows["TTLStrategy.secondsAfterFailure"] == "supported"
    assert rows["Template.sidecars"] == "refused"
    assert not any(name.startswith(("k8s.Affinity.", "UserContainer.")) for name in rows)
    assert support.rows("CronWorkflow") == [("CronWorkflow", "refused", support.REFUSED_KINDS["CronWorkflow"])]
