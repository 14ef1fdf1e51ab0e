"""Every pod that comes out of an install: what *restricted* holds against it, what it may use, which images it runs, whose token it has."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.manifests.installs import COMPONENTS, EVERYWHERE, ON_A_CLUSTER, ROOT, Doc, named, of_kind, render_with, rendered, with_component
from tests.manifests.pods import pods, steps
from tests.manifests.restricted import containers, violations

HANDLERS = {"spec", "look", "fetch", "make", "transform", "grid", "next", "train", "evaluate", "promote", "report", "deliver", "score"}
GOOD: Doc = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [{"name": "main", "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}],
}


def main(**changed: Any) -> Doc:
    return GOOD | {"containers": [GOOD["containers"][0] | changed]}


def context(**changed: Any) -> Doc:
    return main(securityContext=GOOD["containers"][0]["securityContext"] | changed)


# ------------------------------------------------------------------------------------------ restricted


@pytest.mark.parametrize("install", ON_A_CLUSTER)
def test_restricted_lets_every_pod_in(install: str) -> None:
    assert {where: found for where, pod in pods(rendered(install)) if (found := violations(pod))} == {}


@pytest.mark.parametrize("component", [name for name in COMPONENTS if name != "restricted"])
def test_restricted_lets_the_pods_of_every_component_in(component: str) -> None:
    needed = ["seaweedfs"] if component == "ephemeral" else []
    documents = render_with([*needed, component, "restricted"])
    assert {where: found for where, pod in pods(documents) if (found := violations(pod))} == {}


def test_without_the_component_every_pod_but_the_follow_up_is_turned_away() -> None:
    """That the check above can fail, and for which pods."""
    refused = {where for where, pod in pods(rendered(".")) if violations(pod)}
    assert refused == {where for where, _ in pods(rendered("."))}
    assert {"EventBus/default", "EventSource/bucket", "Sensor/bucket", "train/train", "followup/followup"} <= refused


def test_init_and_wait_are_locked_down_by_each_template_and_not_by_the_workflow() -> None:
    """A patch of the Workflow would give the pod of the follow-up a `wait` without an image."""
    documents = rendered("overlays/kind")
    assert "podSpecPatch" not in named(documents, "WorkflowTemplate", "retrain")["spec"]
    names = {where: [name for name, _ in containers(pod)] for where, pod in steps(documents)}
    assert names.pop("followup/followup") == names.pop("followup/phase") == ["containers/main"]
    assert {tuple(each) for each in names.values()} == {("initContainers/init", "containers/wait", "containers/main")}


@pytest.mark.parametrize(
    "pod",
    [
        GOOD | {"hostNetwork": True},
        GOOD | {"hostPID": True},
        GOOD | {"hostIPC": True},
        GOOD | {"volumes": [{"name": "x", "hostPath": {"path": "/"}}]},
        GOOD | {"securityContext": GOOD["securityContext"] | {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
        GOOD | {"securityContext": GOOD["securityContext"] | {"runAsUser": 0}},
        GOOD | {"securityContext": {"runAsNonRoot": True}},
        GOOD | {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
        GOOD | {"initContainers": [{"name": "init"}]},
        context(privileged=True),
        context(allowPrivilegeEscalation=True),
        context(capabilities={"drop": ["NET_RAW"]}),
        context(capabilities={"drop": ["ALL"], "add": ["SYS_TIME"]}),
        context(runAsUser=0),
        context(runAsNonRoot=False),
        context(procMount="Unmasked"),
        context(seccompProfile={"type": "Unconfined"}),
        context(appArmorProfile={"type": "Unconfined"}),
        context(seLinuxOptions={"type": "spc_t"}),
        context(windowsOptions={"hostProcess": True}),
        main(ports=[{"containerPort": 1, "hostPort": 1}]),
        main(readinessProbe={"httpGet": {"port": 1, "host": "elsewhere"}}),
        main(securityContext={}),
    ],
)
def test_the_checker_of_restricted_finds_every_control(pod: Doc) -> None:
    assert violations(GOOD) == []
    assert violations(pod) != []


# ------------------------------------------------------------------------------------------ what they may use


@pytest.mark.parametrize("install", ON_A_CLUSTER)
def test_every_container_asks_for_cpu_and_memory_and_has_a_limit(install: str) -> None:
    for where, pod in pods(rendered(install)):
        for name, container in containers(pod):
            resources = container.get("resources") or {}
            assert {"cpu", "memory"} <= set(resources.get("requests") or {}), f"{where} {name}"
            assert "memory" in (resources.get("limits") or {}), f"{where} {name}"


def test_a_training_may_use_what_its_model_asks_for() -> None:
    pod = dict(steps(rendered("overlays/kind")))["train/train"]
    (resources,) = [each["resources"] for name, each in containers(pod) if name == "containers/main"]
    settings = "{{=jsonpath(inputs.parameters.pods, "
    memory = f"{settings}lastRetry.message matches 'OOMKilled' ? '$.more' : '$."
    assert resources == {
        "requests": {"cpu": f"{settings}'$.cpu')}}}}", "memory": f"{memory}memory')}}}}"},
        "limits": {"memory": f"{memory}limit')}}}}"},
    }
    assert pod["terminationGracePeriodSeconds"] == 60


@pytest.mark.parametrize("step", ["transform/transform", "transform/make"])
def test_parts_are_made_with_what_the_model_asks_for(step: str) -> None:
    pod = dict(steps(rendered("overlays/kind")))[step]
    (resources,) = [each["resources"] for name, each in containers(pod) if name == "containers/main"]
    asked = {"cpu": "{{inputs.parameters.cpu}}", "memory": "{{inputs.parameters.memory}}"}
    assert resources == {"requests": asked, "limits": {"memory": "{{inputs.parameters.limit}}"}}


@pytest.mark.parametrize("install", ["overlays/kind", "overlays/laptop"])
def test_what_loads_a_model_runs_in_its_image(install: str) -> None:
    """As a patch of the pod, so that the overlay's images stay what they are for every other model."""
    chosen = '{{= inputs.parameters.image == "" ? "workingDir" : "image" }}'
    mains = {where: dict(containers(pod)).get("containers/main", {}) for where, pod in steps(rendered(install))}
    patched = {where for where, main in mains.items() if chosen in main}
    assert patched == {"train/train", "evaluate/evaluate", "promote/promote", "score/score"}


@pytest.mark.parametrize("install", ON_A_CLUSTER)
def test_the_bus_keeps_its_place_on_a_full_node(install: str) -> None:
    documents = rendered(install)
    (priority,) = of_kind(documents, "PriorityClass")
    assert {where: pod.get("priorityClassName") for where, pod in pods(documents) if pod.get("priorityClassName")} == {
        "EventBus/default": priority["metadata"]["name"]
    }
    assert priority["value"] > 0


@pytest.mark.parametrize("install", ON_A_CLUSTER)
def test_a_namespace_starts_a_bounded_number_of_workflows(install: str) -> None:
    (namespace,) = of_kind(rendered(install), "Namespace")
    labels = namespace["metadata"]["labels"]
    assert 0 < int(labels["workflows.argoproj.io/parallelism-limit"]) < 17
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


# ------------------------------------------------------------------------------------------ images


@pytest.mark.parametrize("install", EVERYWHERE)
def test_every_image_has_a_tag_and_is_not_pulled_when_it_is_there(install: str) -> None:
    for where, pod in pods(rendered(install)):
        for name, container in containers(pod):
            if "image" in container:
                assert re.fullmatch(r"[\w./-]+:(?!latest$)[\w.-]+", container["image"]), f"{where} {name}: {container['image']}"
                assert container["imagePullPolicy"] == "IfNotPresent", f"{where} {name}"


@pytest.mark.parametrize("install", ON_A_CLUSTER)
def test_registry_and_tag_stand_once_in_the_values_of_an_overlay(install: str) -> None:
    values = yaml.safe_load((ROOT / install / "values.yaml").read_text(encoding="utf-8"))["data"]
    images = {template["container"]["image"] for template in handlers(install)}
    assert images == {
        f"{values['registry']}/{step}:{values['tag']}" for step in ("fetch", "grid", "transform", "train", "evaluate", "promote")
    }


def handlers(install: str) -> list[Doc]:
    templates = [each for doc in of_kind(rendered(install), "WorkflowTemplate") for each in doc["spec"]["templates"] if "container" in each]
    assert {each["name"] for each in templates} == HANDLERS
    return templates


def test_the_images_of_a_kustomization_reach_the_steps() -> None:
    documents = render_with([], images=[{"name": "retrain/train", "newName": "registry.example.com/mine", "newTag": "7"}])
    train, fetch = (named(documents, "WorkflowTemplate", name)["spec"]["templates"][0]["container"]["image"] for name in ("train", "fetch"))
    assert (train, fetch) == ("registry.example.com/mine:7", "retrain/fetch:dev")


# ------------------------------------------------------------------------------------------ the bus


@pytest.mark.parametrize("install", EVERYWHERE)
def test_a_stream_has_as_many_replicas_as_the_bus_has_pods(install: str) -> None:
    jetstream = named(rendered(install), "EventBus", "default")["spec"]["jetstream"]
    stream = yaml.safe_load(jetstream["streamConfig"])
    assert stream["replicas"] == jetstream["replicas"]
    assert jetstream["replicas"] in (1, 3)
    assert set(stream) == {"maxMsgs", "maxAge", "maxBytes", "duplicates", "replicas"}
    assert isinstance(stream["maxBytes"], int)  # Argo reads a text such as 1GB as 0, no limit


@pytest.mark.parametrize("component", COMPONENTS)
def test_no_component_parts_the_replicas_of_bus_and_stream(component: str) -> None:
    jetstream = named(with_component(component), "EventBus", "default")["spec"]["jetstream"]
    assert yaml.safe_load(jetstream["streamConfig"])["replicas"] == jetstream["replicas"]


# ------------------------------------------------------------------------------------------ steps


@pytest.mark.parametrize("install", EVERYWHERE)
def test_every_handler_step_retries_by_exit_code(install: str) -> None:
    strategies = {each["name"]: each.get("retryStrategy") or {} for each in handlers(install)}
    assert strategies.pop("report") == strategies.pop("deliver") == {}
    for name in ("train", "evaluate"):
        assert strategies[name]["backoff"].pop("maxDuration") == "{{=jsonpath(inputs.parameters.pods, '$.max_runtime')}}"
    assert len({str(each) for each in strategies.values()}) == 1
    assert strategies["train"]["retryPolicy"] == "Always"
    assert "lastRetry.exitCode in ['75', '137', '143']" in strategies["train"]["expression"]
    assert {str(each["container"]["envFrom"]) for each in handlers(install)} == {"[{'secretRef': {'name': 's3'}}]"}


def test_weed_takes_no_flag_from_the_variables_of_a_service() -> None:
    """Kubernetes puts S3_PORT=tcp://... into every pod because of the Service `s3`, and weed reads S3_PORT as its flag -s3.port."""
    for where, pod in pods(rendered("overlays/quickstart")):
        if any("weed" in (container.get("command") or []) for container in pod["containers"]):
            assert pod["enableServiceLinks"] is False, where


def test_weed_sends_its_notifications_from_no_address_of_loopback() -> None:
    """weed binds what it sends to -ip.bind where that is an IP address: from 127.0.0.1 no other pod can be reached."""
    (command,) = [
        c["command"] for _, pod in pods(rendered("overlays/quickstart")) for c in pod["containers"] if "weed" in c.get("command", [])
    ]
    (bound,) = [word.partition("=")[2] for word in command if word.startswith("-ip.bind=")]
    assert re.fullmatch(r"[a-z]+", bound)
