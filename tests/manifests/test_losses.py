"""What is lost is tried again and what fails is not; where the attempts of a trial run, and with how much memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from handlers.modelspec.resources import Memory, Resources, pods
from localargo.expressions import exprlang
from localargo.manifests.document import Document
from localargo.ports import ContainerExit, PodExit, PodSpec
from localargo.workflows.messages import PodExited
from tests.manifests.installs import named, render_with, rendered
from tests.unit.localargo.workflows.conftest import Told

OOM = "main: OOMKilled (exit code 137)"
ENDS = [
    ("143", "Failed", "main: Error (exit code 143)", True),
    ("137", "Failed", "main: Error (exit code 137)", True),
    ("137", "Failed", OOM, True),
    ("75", "Failed", "main: Error (exit code 75)", True),
    ("-1", "Error", "pod deleted", True),
    ("-1", "Failed", "Pod was terminated in response to imminent node shutdown.", True),
    ("-1", "Failed", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi.", True),
    ("-1", "Failed", "Preempted in order to admit critical pod", True),
    ("-1", "Failed", "Pod was rejected: Node didn't have enough resource: cpu", True),
    ("-1", "Error", "Taint manager: deleting due to NoExecute taint", True),
    ("143", "Failed", "Pod ephemeral local storage usage exceeds the total limit of containers 50Mi.", False),
    ("1", "Failed", "main: Error (exit code 1)", False),
    ("2", "Failed", "main: Error (exit code 2)", False),
    ("64", "Error", "main: Error (exit code 64): no such command", False),
    ("65", "Failed", "main: Error (exit code 65)", False),
    ("70", "Failed", "main: Error (exit code 70)", False),
    ("78", "Failed", "main: Error (exit code 78)", False),
    ("139", "Failed", "main: Error (exit code 139)", False),
]


@pytest.mark.parametrize(("code", "status", "message", "again"), ENDS)
def test_what_is_lost_is_tried_again_however_often_it_was(code: str, status: str, message: str, again: bool) -> None:
    strategy = named(rendered("overlays/kind"), "WorkflowTemplate", "train")["spec"]["templates"][0]["retryStrategy"]
    for retries in ("0", "150"):
        known = {"retries": retries, "lastRetry": {"exitCode": code, "status": status, "message": message, "duration": "1"}}
        assert exprlang.holds(strategy["expression"], known) is again


def test_a_retry_waits_a_time_that_cannot_overflow_and_no_time_limit_ends_a_training_but_its_own() -> None:
    """Argo multiplies before it looks at `cap`: with a factor of 2 the wait after 33 attempts is no number of seconds any more."""
    for name in ("train", "evaluate", "transform"):
        (strategy,) = [
            each["retryStrategy"]
            for each in named(rendered("overlays/kind"), "WorkflowTemplate", name)["spec"]["templates"]
            if each["name"] == name
        ]
        assert "factor" not in strategy["backoff"]
        assert ("maxDuration" in strategy["backoff"]) == (name != "transform")
        assert int(strategy["limit"]) * 5 > 900


# ------------------------------------------------------------------------------------------ the attempts of a trial


def documents(install: Sequence[Document], settings: dict[str, str]) -> str:
    """A Workflow that trains one trial with these settings, and what it needs."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s3"}, "data": {}}
    inputs = {"model": "m", "spec": "{}", "dataset": "d", "trial": "{}", "run": "w", "pods": json.dumps(settings)}
    arguments = {"parameters": [{"name": name, "value": value} for name, value in inputs.items()]}
    step = {"name": "train", "templateRef": {"name": "train", "template": "train"}, "arguments": arguments}
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "w"},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "steps": [[step]]}]},
    }
    stored = [named(list(install), kind, name) for kind, name in (("WorkflowTemplate", "train"), ("ConfigMap", "limits"))]
    return yaml.safe_dump_all([secret, *stored, workflow])


def attempts(install: Sequence[Document], settings: dict[str, str], ends: Sequence[tuple[int, str]]) -> Told:
    """The trial's attempts end like this, the last one well."""
    told = Told(documents(install, settings), lambda pod: (0, {"result": "{}"}))
    told.hold = {f"train({number})" for number in range(len(ends))}
    told.play()
    for code, reason in ends:
        ((node, pod),) = told.held.items()
        del told.held[node]
        end = PodExit(pod.name, node, "w", told.now, told.now, [ContainerExit("main", code, reason, told.now, told.now)], lost=code < 0)
        told.facts.append(PodExited(node, end))
        told.play()
        told.wait()
    assert told.play()["status"]["phase"] == "Succeeded", told.nodes()
    return told


def gib(pod: PodSpec) -> float:
    return (pod.containers[0].memory_bytes or 0) / 2**30


def test_an_attempt_after_one_that_was_killed_for_its_memory_has_more() -> None:
    settings = pods("train", Resources(memory=Memory(request="2Gi", limit="8Gi")))
    told = attempts(rendered("overlays/laptop"), settings, [(143, "Error"), (137, "OOMKilled"), (137, "Error"), (-1, "Error")])
    assert [gib(pod) for pod in told.pods] == [2, 2, 8, 2, 2]
    assert [pod.containers[0].env["RETRAIN_LAST"] for pod in told.pods] == ["", "", "out of memory", "", ""]
    assert told.pods[0].grace_seconds == 60


def test_max_runtime_is_that_of_all_attempts_together() -> None:
    settings = pods("train", Resources(max_runtime="1h"))
    told = attempts(rendered("overlays/laptop"), settings, [(143, "Error"), (143, "Error")])
    started = 1_800_000_000
    assert [round(min(pod.deadline or 0, pod.stop_at or pod.deadline or 0) - started, -1) for pod in told.pods] == [3600, 3600, 3600]


@pytest.mark.parametrize(
    ("asked", "retries", "pool", "gpus"),
    [
        (Resources(spot=True), "0", "spot", "0"),
        (Resources(spot=True), "2", "spot", "0"),
        (Resources(spot=True), "3", "on-demand", "0"),
        (Resources(spot=True, spot_attempts=1, pool="big"), "1", "big", "0"),
        (Resources(pool="gpu", gpu=2), "0", "gpu", "2"),
        (None, "0", "on-demand", "0"),
    ],
)
def test_components_say_in_which_pool_an_attempt_runs_and_how_many_gpus_it_has(
    asked: Resources | None, retries: str, pool: str, gpus: str
) -> None:
    install = render_with(["spot", "gpu", "restricted"])
    for stage in ("train", "evaluate"):
        (template,) = named(install, "WorkflowTemplate", stage)["spec"]["templates"]
        patch = yaml.safe_load(template["podSpecPatch"])
        known = {
            "inputs": {"parameters": {"pods": json.dumps(pods("train", asked))}},
            "retries": retries,
            "lastRetry": {"message": ""},
        }

        def value(tag: str, known: dict[str, Any] = known) -> Any:
            return exprlang.run(tag.removeprefix("{{=").removesuffix("}}"), known)

        assert value(patch["nodeSelector"]["retrain/pool"]) == value(patch["tolerations"][0]["value"]) == pool
        (main,) = [each for each in patch["containers"] if each["name"] == "main"]
        assert value(main["resources"]["limits"]["nvidia.com/gpu"]) == gpus
        assert value(main["resources"]["limits"]["memory"]) == "2Gi"
        assert {each["name"] for each in patch["containers"]} == {"main", "wait"}
        assert patch["terminationGracePeriodSeconds"] == 60
