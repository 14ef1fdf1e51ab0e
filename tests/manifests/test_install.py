"""The installs as kustomize renders them: that Argo takes them, where their parameters go, and how they differ."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import pytest

from localargo.expressions import jsonpaths
from localargo.manifests.document import Document
from localargo.manifests.source_kinds.kind import declared_events
from localargo.manifests.validate import check
from tests.manifests.builtin import of_kubernetes
from tests.manifests.installs import COMPONENTS, EVERYWHERE, ON_A_CLUSTER, Doc, named, of_kind, rendered, with_component

ARGO = {"EventSource", "EventBus", "Sensor", "WorkflowTemplate"}
WITHOUT_NAMESPACE = {"Namespace", "PriorityClass"}
REFUSED_HERE = {"sqs"}  # sources that the embedded engine leaves to a cluster


def triggers(install: str) -> Iterator[tuple[Doc, Doc]]:
    for sensor in of_kind(rendered(install), "Sensor"):
        for trigger in sensor["spec"]["triggers"]:
            yield sensor, trigger


def of_models(install: str) -> Iterator[tuple[Doc, Doc]]:
    """The triggers that start a run of one model; `heal` is for all."""
    return ((sensor, trigger) for sensor, trigger in triggers(install) if sensor["metadata"]["name"] != "heal")


def strict(documents: list[Document]) -> list[str]:
    """What Argo's closed schemas and its own checks hold against the documents."""
    found = [f for f in check([d for d in documents if d.kind in ARGO or d.kind == "ConfigMap"]) if f.severity != "kept"]
    return [str(f) for f in found if f.severity != "unsupported" or f.path.rpartition(".")[2] not in REFUSED_HERE]


@pytest.mark.parametrize("install", EVERYWHERE)
def test_every_document_is_taken_strictly(install: str) -> None:
    assert strict(rendered(install)) == []
    assert of_kubernetes(rendered(install), ARGO) == []


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_is_taken_strictly(component: str) -> None:
    assert strict(with_component(component)) == []
    assert of_kubernetes(with_component(component), ARGO) == []


def test_the_strict_check_finds_what_the_schemas_do_not_have() -> None:
    documents = [Document(deepcopy(d.doc), d.file, d.lines) for d in rendered(".")]
    named(documents, "WorkflowTemplate", "train")["spec"]["templates"][0]["retrystrategy"] = {}
    named(documents, "EventBus", "default")["spec"]["jetstream"]["replica"] = 1
    assert len(strict(documents)) == 2


def test_the_strict_check_finds_what_kubernetes_kinds_do_not_have() -> None:
    documents = [Document(deepcopy(d.doc), d.file, d.lines) for d in rendered("overlays/production")]
    policies, role = of_kind(documents, "NetworkPolicy"), of_kind(documents, "Role")[0]
    policies[0]["spec"]["egres"] = []
    policies[1]["spec"]["policyTypes"] = "Egress"
    del role["rules"][0]["verbs"]
    named(documents, "Namespace", "retrain")["apiVersion"] = "argoproj.io/v1"
    patched = next(t for t in named(documents, "WorkflowTemplate", "train")["spec"]["templates"] if "podSpecPatch" in t)
    patched["podSpecPatch"] = "containers: [{name: main, resource: {}}]"
    assert [each.partition(" ")[2] for each in of_kubernetes(documents, ARGO)] == [
        "argoproj.io/v1 is no kind of Kubernetes",
        "rules[0].verbs: Field required",
        "spec.egres: Extra inputs are not permitted",
        "spec.policyTypes: Input should be a valid list",
        "of train.train containers[0].resource: Extra inputs are not permitted",
    ]


@pytest.mark.parametrize("install", EVERYWHERE)
def test_everything_is_in_one_namespace(install: str) -> None:
    assert {d.doc["metadata"].get("namespace") for d in rendered(install) if d.kind not in WITHOUT_NAMESPACE} == {"retrain"}


@pytest.mark.parametrize("install", EVERYWHERE)
def test_what_only_tells_kustomize_something_is_not_applied(install: str) -> None:
    assert [d.label for d in rendered(install) if "config.kubernetes.io/local-config" in (d.doc["metadata"].get("annotations") or {})] == []
    names = {d.doc["metadata"]["name"] for d in rendered(install)}
    assert not names & {"step", "trigger", "values"}


@pytest.mark.parametrize("install", EVERYWHERE)
def test_each_event_of_a_source_has_one_dependency_of_a_sensor(install: str) -> None:
    sensors, sources = (of_kind(rendered(install), kind) for kind in ("Sensor", "EventSource"))
    declared = [(e.source, e.event) for d in sources for e in declared_events(d["metadata"]["name"], d["spec"])]
    listened = [(d["eventSourceName"], d["eventName"]) for s in sensors for d in s["spec"]["dependencies"]]
    assert sorted(listened) == sorted(declared)


@pytest.mark.parametrize("install", EVERYWHERE)
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


@pytest.mark.parametrize("install", EVERYWHERE)
def test_sensors_pass_the_event_as_base64_at_least_once_without_retry(install: str) -> None:
    for sensor, trigger in of_models(install):
        assert trigger["atLeastOnce"] is True
        assert "retryStrategy" not in trigger
        sources = {p["dest"]: p["src"] for p in trigger["template"]["k8s"]["parameters"]}
        assert sources['spec.arguments.parameters.#(name=="event").value']["dataTemplate"] == "{{ .Input | toJson | b64enc }}"
        if sensor["metadata"]["name"] != "schedules":  # which names its models itself
            (model,) = sensor["spec"]["dependencies"][0]["filters"]["data"]
            assert (model["path"], model["value"]) == ("model", ["^(arrival-minutes|flight-delay)$"])


@pytest.mark.parametrize("install", EVERYWHERE)
def test_triggers_give_only_arguments_that_the_template_has(install: str) -> None:
    known = {p["name"] for p in named(rendered(install), "WorkflowTemplate", "retrain")["spec"]["arguments"]["parameters"]}
    for _, trigger in of_models(install):
        resource = trigger["template"]["k8s"]["source"]["resource"]
        assert resource["spec"]["workflowTemplateRef"] == {"name": "retrain"}
        assert {p["name"] for p in resource["spec"]["arguments"]["parameters"]} <= known


def test_the_laptop_waits_five_seconds_keeps_logs_for_a_week_and_changes_nothing_else() -> None:
    base, laptop = [[deepcopy(d.doc) for d in rendered(install)] for install in (".", "overlays/laptop")]
    (retrain,) = [d for d in laptop if d["metadata"]["name"] == "retrain" and d["kind"] == "WorkflowTemplate"]
    parameters = {p["name"]: p for p in retrain["spec"]["arguments"]["parameters"]}
    assert parameters["quiet"]["value"] == "5s"
    parameters["quiet"]["value"] = ""
    assert retrain["spec"]["podGC"] == {"strategy": "OnPodCompletion", "deleteDelayDuration": "168h"}
    retrain["spec"]["podGC"]["deleteDelayDuration"] = "300s"
    assert laptop == base


@pytest.mark.parametrize("install", ON_A_CLUSTER)
def test_every_secret_that_is_read_is_there_or_left_to_the_cluster(install: str) -> None:
    """An overlay brings the Secrets of the trial or, in production, none with a value."""
    brought = {d["metadata"]["name"] for d in of_kind(rendered(install), "Secret") if d.get("data") or d.get("stringData")}
    assert brought == (set() if install == "overlays/production" else {"s3", "s3-upload", "webhook-token"})


def test_no_event_reaches_a_script_a_label_or_an_expression() -> None:
    for template in of_kind(rendered("."), "WorkflowTemplate"):
        for step in template["spec"]["templates"]:
            assert "script" not in step
            if "container" in step:
                assert all("workflow.parameters.event" not in str(v) for k, v in step.items() if k != "inputs"), step["name"]
