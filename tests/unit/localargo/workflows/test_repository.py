"""The artifact repository of a Workflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Tell = Callable[..., Any]

TEXT = """
apiVersion: v1
kind: ConfigMap
metadata: {name: artifact-repositories, annotations: {workflows.argoproj.io/default-artifact-repository: usual}}
data:
  usual: "s3: {bucket: b, endpoint: 's3:8333', keyFormat: 'usual/{{workflow.name}}/{{inputs.parameters.p}}'}"
  plain: "archiveLogs: true\\ns3: {bucket: b}"
  prefixed: "s3: {bucket: b, keyPrefix: before/}"
  wrong: "s3: {bucket: b, keyFormat: '{{nosuch}}/x'}"
  elsewhere: "s3: {bucket: b, endpoint: minio.elsewhere:9000}"
  foreign: "gcs: {bucket: b}"
  broken: "s3: ["
---
apiVersion: v1
kind: ConfigMap
metadata: {name: others}
data: {one: "s3: {bucket: b, keyFormat: one}"}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  REFERENCE
  templates:
  - name: main
    inputs: {parameters: [{name: p, value: P}]}
    container: {image: i, command: [exit, "0"]}
    outputs: {artifacts: [{name: a, path: /tmp/a}]}
"""


def told(tell: Tell, reference: str, text: str = TEXT) -> Any:
    return tell(text.replace("REFERENCE", f"artifactRepositoryRef: {reference}" if reference else ""))


@pytest.mark.parametrize(
    ("reference", "key", "log", "shown"),
    [
        ("", "usual/w/P/a.tgz", "", ("artifact-repositories", "usual")),
        ("{key: plain}", "w/w/a.tgz", "w/w/main.log", ("artifact-repositories", "plain")),
        ("{key: prefixed}", "before/w/w/a.tgz", "", ("artifact-repositories", "prefixed")),
        ("{configMap: others, key: one}", "one/a.tgz", "", ("others", "one")),
    ],
)
def test_where_artifacts_go(tell: Tell, reference: str, key: str, log: str, shown: tuple[str, str]) -> None:
    run = told(tell, reference)
    status = run.play()["status"]
    (pod,) = run.pods
    assert (pod.output_artifacts[0].location.key, pod.archive_logs_key) == (key, log)
    assert (status["artifactRepositoryRef"]["configMap"], status["artifactRepositoryRef"]["key"]) == shown


def test_without_a_configmap_it_is_the_engines(tell: Tell) -> None:
    run = told(tell, "", "apiVersion" + TEXT.rpartition("apiVersion")[2])
    assert run.play()["status"]["artifactRepositoryRef"] == {"default": True}
    assert run.pods[0].output_artifacts[0].location.key == "argo/w/w/a.tgz"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("{configMap: none}", 'failed to find any artifact repository for artifact repository ref "none#"'),
        ("{key: none}", 'failed to find any artifact repository for artifact repository ref "#none"'),
        ("{configMap: others}", 'failed to find any artifact repository for artifact repository ref "others#"'),
        ("{key: elsewhere}", "s3.endpoint minio.elsewhere:9000: artifacts go to s3:8333 here"),
        ("{key: foreign}", "artifacts go to s3 here, not to gcs"),
        ("{key: broken}", "failed to unmarshall config map key 'broken'"),
    ],
)
def test_a_repository_that_cannot_be_had_ends_the_workflow(tell: Tell, reference: str, message: str) -> None:
    run = told(tell, reference)
    status = run.play()["status"]
    assert status["phase"] == "Error"
    assert message in status["message"]
    assert (run.pods, status.get("nodes")) == ([], None)


def test_a_key_format_with_an_unknown_tag_is_an_error_of_the_node(tell: Tell) -> None:
    status = told(tell, "{key: wrong}").play()["status"]
    assert (status["phase"], status["message"]) == ("Error", "error in entry template execution: failed to resolve {{nosuch}}")


@pytest.mark.parametrize(
    ("key", "workflow", "template", "archived"),
    [
        ("plain", "false", "false", True),
        ("prefixed", "true", "false", False),
        ("prefixed", "true", "true", True),
        ("prefixed", "true", "", True),
    ],
)
def test_a_repository_that_archives_logs_has_the_last_word(tell: Tell, key: str, workflow: str, template: str, archived: bool) -> None:
    text = TEXT.replace("REFERENCE", f"REFERENCE\n  archiveLogs: {workflow}")
    if template:
        text = text.replace("  - name: main\n", f"  - name: main\n    archiveLocation: {{archiveLogs: {template}}}\n")
    run = told(tell, f"{{key: {key}}}", text)
    run.play()
    assert bool(run.pods[0].archive_logs_key) is archived
