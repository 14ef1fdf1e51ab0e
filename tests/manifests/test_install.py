"""The manifests as kustomize renders them: what they may do, where their parameters go, what their pods are allowed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from localargo.expressions import jsonpaths
from localargo.manifests.document import Document
from localargo.manifests.validate import check
from retrain.project.kustomize import render

ROOT = Path(__file__).parent.parent.parent
INSTALLS = [".", "overlays/laptop", "overlays/kind"]
Doc = dict[str, Any]


@cache
def rendered(install: str) -> list[Document]:
    return render(ROOT / install)


def of_kind(install: str, kind: str) -> list[Doc]:
    return [d.doc for d in rendered(install) if d.kind == kind]


def triggers(install: str) -> Iterator[tuple[Doc, Doc]]:
    for sensor in of_kind(install, "Sensor"):
        for trigger in sensor["spec"]["triggers"]:
            yield sensor, trigger


@pytest.mark.parametrize("install", INSTALLS)
def test_argo_takes_every_document_and_so_does_the_embedded_engine(install: str) -> None:
    assert [str(f) for f in check(rendered(install)) if f.severity != "kept"] == []


@pytest.mark.parametrize("install", INSTALLS)
def test_everything_is_in_one_namespace(install: str) -> None:
    assert {d.doc["metadata"].get("namespace") for d in rendered(install) if d.kind != "Namespace"} == {"retrain"}


def test_each_source_has_a_sensor_of_the_same_name() -> None:
    assert [d["metadata"]["name"] for d in of_kind(".", "Sensor")] == [d["metadata"]["name"] for d in of_kind(".", "EventSource")]


@pytest.mark.parametrize("install", INSTALLS)
def test_sensor_parameters_find_their_destination_by_name(install: str) -> None:
    for _, trigger in triggers(install):
        resource = trigger["template"]["k8s"]["source"]["resource"]
        for parameter in trigger["template"]["k8s"]["parameters"]:
            dest = parameter["dest"]
            if dest == "metadata.name":
                assert parameter["operation"] == "append"
                continue
            name = dest.split('"')[1]
            assert dest == f'spec.arguments.parameters.#(name=="{name}").value'
            assert jsonpaths.get(resource, dest).exists
            changed = jsonpaths.set(resource, dest, "new")
            assert {p["name"]: p["value"] for p in changed["spec"]["arguments"]["parameters"]}[name] == "new"


@pytest.mark.parametrize("install", INSTALLS)
def test_sensors_pass_the_event_as_base64_at_least_once_without_retry(install: str) -> None:
    for sensor, trigger in triggers(install):
        assert trigger["atLeastOnce"] is True
        assert "retryStrategy" not in trigger
        sources = {p["dest"]: p["src"] for p in trigger["template"]["k8s"]["parameters"]}
        assert sources['spec.arguments.parameters.#(name=="event").value']["dataTemplate"] == "{{ .Input | toJson | b64enc }}"
        (model,) = sensor["spec"]["dependencies"][0]["filters"]["data"]
        assert model["path"] == "model"
        assert model["value"][0].startswith("^")
        assert model["value"][0].endswith("$")


@pytest.mark.parametrize("install", INSTALLS)
def test_triggers_give_only_arguments_that_the_template_has(install: str) -> None:
    (retrain,) = [t for t in of_kind(install, "WorkflowTemplate") if t["metadata"]["name"] == "retrain"]
    known = {p["name"] for p in retrain["spec"]["arguments"]["parameters"]}
    for _, trigger in triggers(install):
        resource = trigger["template"]["k8s"]["source"]["resource"]
        assert resource["spec"]["workflowTemplateRef"] == {"name": "retrain"}
        assert {p["name"] for p in resource["spec"]["arguments"]["parameters"]} <= known


def test_the_laptop_waits_five_seconds_and_changes_nothing_else() -> None:
    base, laptop = [[d.doc for d in rendered(i) if d.kind != "Namespace"] for i in (".", "overlays/laptop")]
    (retrain,) = [d for d in laptop if d["metadata"]["name"] == "retrain" and d["kind"] == "WorkflowTemplate"]
    parameters = {p["name"]: p for p in retrain["spec"]["arguments"]["parameters"]}
    assert parameters["quiet"]["value"] == "5s"
    parameters["quiet"]["value"] = ""
    assert laptop == base
    rendered.cache_clear()


def containers(install: str) -> Iterator[tuple[str, Doc]]:
    for template in of_kind(install, "WorkflowTemplate"):
        for step in template["spec"]["templates"]:
            if "container" in step:
                yield f"{template['metadata']['name']}/{step['name']}", step


@pytest.mark.parametrize("install", INSTALLS)
def test_pods_meet_restricted_pod_security(install: str) -> None:
    for where, step in containers(install):
        assert step["container"]["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}, where
    (retrain,) = [t for t in of_kind(install, "WorkflowTemplate") if t["metadata"]["name"] == "retrain"]
    assert retrain["spec"]["securityContext"] == {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    for document in [*of_kind(install, "EventSource"), *of_kind(install, "Sensor")]:
        template = document["spec"]["template"]
        assert template["securityContext"]["runAsNonRoot"] is True
        assert template["container"]["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("install", INSTALLS)
def test_every_handler_step_retries_by_exit_code(install: str) -> None:
    strategies = {where: step.get("retryStrategy") for where, step in containers(install)}
    assert strategies.pop("promote/report") is None
    expressions = {s["expression"] for s in strategies.values() if s}
    assert len(expressions) == 1
    assert all(s and s["retryPolicy"] == "Always" for s in strategies.values())


def test_only_the_followup_may_create_workflows_beside_the_sensor() -> None:
    rights = {r["metadata"]["name"]: r["rules"] for r in of_kind(".", "Role")}
    assert {name for name, rules in rights.items() for rule in rules if rule["resources"] == ["workflows"]} == {"sensor", "followup"}
    assert all(rule["verbs"] == ["create"] for rules in rights.values() for rule in rules if rule["resources"] == ["workflows"])


def test_no_event_reaches_a_script_a_label_or_an_expression() -> None:
    for where, step in containers("."):
        assert "script" not in step, where
        assert all("workflow.parameters.event" not in str(v) for k, v in step.items() if k != "inputs"), where
