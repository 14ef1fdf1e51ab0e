"""Template -> PodSpec."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from localargo.ports import ArtifactLocation, Mount, OutputParameter, Volume

Tell = Callable[..., Any]


def workflow(template: str, spec: str = "", documents: str = "") -> str:
    return f"""{documents}
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: w}}
spec:
  entrypoint: main
  arguments: {{parameters: [{{name: p, value: P}}]}}
{spec}
  templates:
  - name: main
{template}
"""


DOCUMENTS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data: {LEVEL: debug, "not a name": x, a.txt: A}
---
apiVersion: v1
kind: Secret
metadata: {name: sec}
data: {token: czNjcjN0}
stringData: {plain: text}
---
"""


def test_environment(tell: Tell) -> None:
    told = tell(
        workflow(
            """
    container:
      image: i
      command: [x]
      envFrom: [{prefix: C_, configMapRef: {name: cm}}, {secretRef: {name: none, optional: true}}]
      env:
      - {name: A, value: "{{workflow.parameters.p}}"}
      - {name: B, value: "$(A) $$(A) $(NONE)"}
      - {name: T, valueFrom: {secretKeyRef: {name: sec, key: token}}}
      - {name: S, valueFrom: {secretKeyRef: {name: sec, key: plain}}}
      - {name: O, valueFrom: {configMapKeyRef: {name: cm, key: none, optional: true}}}
      - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
""",
            documents=DOCUMENTS,
        )
    )
    told.play()
    assert told.pods[0].containers[0].env == {
        "PATH": "/bin",
        "C_LEVEL": "debug",
        "C_a.txt": "A",
        "A": "P",
        "B": "P $(A) $(NONE)",
        "T": "s3cr3t",
        "S": "text",
        "POD": "w",
    }


def test_volumes_are_those_that_are_mounted(tell: Tell) -> None:
    told = tell(
        workflow(
            """
    volumes: [{name: own, emptyDir: {}}]
    container:
      image: i
      command: [x]
      volumeMounts:
      - {name: own, mountPath: /own}
      - {name: files, mountPath: /f, subPath: s, readOnly: true}
      - {name: data, mountPath: /d}
      - {name: both, mountPath: /b}
""",
            """
  volumes:
  - {name: files, configMap: {name: cm, items: [{key: a.txt, path: sub/b.txt}]}}
  - {name: unused, secret: {secretName: none}}
  - {name: both, projected: {sources: [{configMap: {name: cm, items: [{key: a.txt, path: c}]}}, {secret: {name: sec}}]}}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {}}]
""",
            DOCUMENTS,
        )
    )
    told.play()
    pod = told.pods[0]
    assert {v.name: v for v in pod.volumes} == {
        "own": Volume("own"),
        "files": Volume("files", files={"sub/b.txt": "A"}, read_only=True),
        "both": Volume("both", files={"c": "A", "token": "s3cr3t", "plain": "text"}, read_only=True),
        "data": Volume("data", claim="w-data", owner="u-1"),
    }
    assert pod.containers[0].mounts == [Mount("own", "/own"), Mount("files", "/f", "s", True), Mount("data", "/d"), Mount("both", "/b")]


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ("volumeMounts: [{name: none, mountPath: /n}]", "volume 'none' not found in workflow spec"),
        ("envFrom: [{configMapRef: {name: none}}]", 'configmap "none" not found'),
        ("env: [{name: A, valueFrom: {secretKeyRef: {name: sec, key: k}}}]", 'secret "sec" not found'),
    ],
)
def test_what_is_not_there_is_an_error_of_the_node(tell: Tell, container: str, message: str) -> None:
    told = tell(workflow(f"    container: {{image: i, command: [x], {container}}}"))
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", f"error in entry template execution: {message}")
    assert told.pods == []


MISSING = "container: {image: i, command: [x], env: [{name: A, valueFrom: {configMapKeyRef: {name: none, key: k}}}]}"


def test_what_is_not_there_is_waited_for_until_the_templates_own_limit(tell: Tell) -> None:
    told = tell(workflow(f"    activeDeadlineSeconds: 30\n    {MISSING}"))
    told.play()
    waits = told.nodes()[""]
    assert (waits["phase"], waits["message"]) == ("Pending", 'CreateContainerConfigError: configmap "none" not found')
    shown = told.wait()["status"]
    message = "Pod was active on the node longer than the specified deadline"
    assert (shown["phase"], shown["message"], told.pods) == ("Failed", message, [])


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("timeout: 30s", "timeout"),
        ("pendingTimeout: 30s", "timeout"),
        ('timeout: 30s\n    retryStrategy: {limit: "0"}', "No more retries left"),
        ('activeDeadlineSeconds: 30\n    retryStrategy: {limit: "0"}', "No more retries left"),
    ],
)
def test_other_limits_end_the_waiting_too(tell: Tell, limits: str, message: str) -> None:
    told = tell(workflow(f"    {limits}\n    {MISSING}"))
    told.play()
    shown = told.wait()["status"]
    assert shown["phase"] in ("Failed", "Error")
    assert shown["message"].endswith(message)
    assert told.pods == []


def test_patches_are_merged_in_order(tell: Tell) -> None:
    told = tell(
        workflow(
            """
    inputs: {parameters: [{name: i, value: I}]}
    podSpecPatch: |
      terminationGracePeriodSeconds: 7
      containers:
      - name: main
        resources: {limits: {memory: 64Mi, cpu: 500m}}
        env: [{name: A, value: "template"}]
    container: {image: i, command: [x], env: [{name: B, value: b}]}
""",
            """
  podSpecPatch: |
    containers:
    - name: main
      env: [{name: A, value: "{{workflow.parameters.p}}"}, {name: C, value: "{{inputs.parameters.i}}"}]
""",
        )
    )
    told.play()
    pod = told.pods[0]
    main = pod.containers[0]
    assert (pod.grace_seconds, main.memory_bytes, main.cpu) == (7.0, 64 * 1024**2, 0.5)
    assert {k: main.env[k] for k in "ABC"} == {"A": "template", "B": "b", "C": "I"}


@pytest.mark.parametrize(
    ("given", "image"), [("", "usual"), ("registry.example.com/team/churn:1.2", "registry.example.com/team/churn:1.2")]
)
def test_a_patch_may_choose_the_image_or_none(tell: Tell, given: str, image: str) -> None:
    told = tell(
        workflow(
            f"""
    inputs: {{parameters: [{{name: image, value: "{given}"}}]}}
    podSpecPatch: |
      containers:
      - name: main
        '{{{{= inputs.parameters.image == "" ? "workingDir" : "image" }}}}': "{{{{inputs.parameters.image}}}}"
    container: {{image: usual, command: [x]}}
"""
        )
    )
    told.play()
    assert (told.pods[0].containers[0].image, told.pods[0].containers[0].working_dir or "") == (image, "")


WRONG = ("x", "{name: main, image: 5}", "{name: main, env: {A: b}}", "{name: main, resources: {limits: 5}}")
PATCHES = [f"'{{containers: [{each}]}}'" for each in (*WRONG, "{name: main, resources: {limits: {cpu: fast}}}")]


@pytest.mark.parametrize("patch", ["'{\"containers\": '", "'[]'", "'{containers: x}'", "'{volumes: {a: b}}'", *PATCHES])
def test_a_patch_that_is_none(tell: Tell, patch: str) -> None:
    told = tell(workflow(f"    container: {{image: i, command: [x]}}\n    podSpecPatch: {patch}"))
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", "error in entry template execution: Error applying PodSpecPatch")


def test_outputs_and_their_keys(tell: Tell) -> None:
    told = tell(
        workflow(
            """
    inputs: {artifacts: [{name: i, path: /tmp/i, raw: {data: "{{workflow.parameters.p}}"}}, {name: o, path: /tmp/o, optional: true}]}
    container: {image: i, command: [x, "{{inputs.artifacts.i.path}}", "{{outputs.parameters.q.path}}"]}
    outputs:
      parameters: [{name: q, valueFrom: {path: /tmp/q, default: 1}}]
      artifacts:
      - {name: a, path: /tmp/a}
      - {name: b, path: /tmp/b, archive: {none: {}}, s3: {key: "k/{{workflow.name}}"}}
"""
        ),
        artifact_repository={
            "s3": {"bucket": "b", "keyFormat": "{{workflow.namespace}}/{{workflow.name}}/{{pod.name}}"},
            "archiveLogs": True,
        },
    )
    told.play()
    pod = told.pods[0]
    assert pod.containers[0].command == ["x", "/tmp/i", "/tmp/q"]
    assert [a.location for a in pod.inputs] == [ArtifactLocation("raw", data="P"), None]
    assert pod.output_parameters == [OutputParameter("q", "/tmp/q", "1")]
    assert [(a.name, a.location.key, a.archive) for a in pod.output_artifacts] == [("a", "ns/w/w/a.tgz", "auto"), ("b", "k/w", "none")]
    assert pod.archive_logs_key == "ns/w/w/main.log"


def test_results_are_kept_only_if_someone_speaks_of_them(tell: Tell) -> None:
    told = tell(
        """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - [{name: a, template: leaf}, {name: b, template: leaf}, {name: c, template: leaf}]
    - [{name: d, template: leaf, when: "'{{steps.a.outputs.result}}' == '{{=steps[\\"b\\"].outputs.result}}'"}]
    - [{name: e, template: leaf, when: "'{{=steps['c'].outputs.result}}' == ''"}]
  - {name: leaf, container: {image: i, command: [x]}}
"""
    )
    told.play()
    kept = {told.shown(p.node_id): p.capture_result for p in told.pods}
    assert kept["a"]
    assert kept["c"]
    assert not kept.get("d", False)


def test_a_patch_may_not_add_a_container(tell: Tell) -> None:
    patch = "podSpecPatch: 'containers: [{name: beside, image: i, command: [x]}]'"
    told = tell(workflow(f"    {patch}\n    container: {{image: i, command: [x]}}"))
    told.play()
    assert told.nodes()[""]["message"] == "podSpecPatch adds the container 'beside': a pod is one process here; patch 'main'"
    assert told.pods == []


def test_inputs_are_unpacked_as_they_were_packed(tell: Tell) -> None:
    told = tell(
        workflow(
            """
    inputs:
      artifacts:
      - {name: a, path: /a, s3: {key: a}}
      - {name: o, path: /o, s3: {key: o}, archive: {none: {}}}
      - {name: z, path: /z, s3: {key: z}, archive: {zip: {}}}
      - {name: t, path: /t, s3: {key: t}, archive: {tar: {}}}
    container: {image: i, command: [x]}
"""
        )
    )
    told.play()
    assert [(a.name, a.archive) for a in told.pods[0].inputs] == [("a", "auto"), ("o", "none"), ("z", "zip"), ("t", "tar")]


def test_headers_and_credentials_of_a_file_over_http(tell: Tell) -> None:
    told = tell(
        workflow(
            """
    inputs:
      artifacts:
      - name: a
        path: /a
        http:
          url: http://127.0.0.1:1/a
          headers: [{name: X-Model, value: "{{workflow.parameters.p}}"}]
          auth: {basicAuth: {usernameSecret: {name: sec, key: plain}, passwordSecret: {name: sec, key: token}}}
    container: {image: i, command: [x]}
""",
            documents=DOCUMENTS,
        )
    )
    told.play()
    credentials = base64.b64encode(b"text:s3cr3t").decode()
    location = told.pods[0].inputs[0].location
    assert location == ArtifactLocation(
        "http", key="http://127.0.0.1:1/a", headers=[("X-Model", "P"), ("Authorization", f"Basic {credentials}")]
    )
