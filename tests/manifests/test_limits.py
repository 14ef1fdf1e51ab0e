"""The semaphore that limits trainings over all models: it is there in every install, and `train` alone takes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from localargo.testing.runs import Workflows
from tests.manifests.installs import EVERYWHERE, of_kind, rendered
from tests.manifests.test_retrain_workflow import handlers, judge
from tests.manifests.test_retrain_workflow import rendered as documents


@pytest.mark.parametrize("install", EVERYWHERE)
def test_every_install_says_how_many_are_trained_at_once(install: str) -> None:
    (limits,) = [d for d in of_kind(rendered(install), "ConfigMap") if d["metadata"]["name"] == "limits"]
    assert int(limits["data"]["trainings"]) >= 1


@pytest.mark.parametrize("install", EVERYWHERE)
def test_only_train_takes_a_place_so_that_no_circle_of_waiting_can_be(install: str) -> None:
    """Nobody who has a place waits for another one, and no whole Workflow waits for one, with or without the model's claim."""
    takes: dict[str, Any] = {}
    for template in of_kind(rendered(install), "WorkflowTemplate"):
        assert "synchronization" not in template["spec"]
        takes |= {each["name"]: each["synchronization"] for each in template["spec"]["templates"] if "synchronization" in each}
    assert takes == {"train": {"semaphores": [{"configMapKeyRef": {"name": "limits", "key": "trainings"}}]}}


@pytest.mark.parametrize(("trainings", "phase"), [("1", "Succeeded"), ("0", "Failed")])
def test_a_run_goes_through_the_smallest_limit_and_a_limit_of_none_is_told(workflows: Workflows, trainings: str, phase: str) -> None:
    others = [d for d in documents() if (d.kind, d.doc["metadata"]["name"]) != ("ConfigMap", "limits")]
    limits = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "limits"}, "data": {"trainings": trainings}}
    ours = workflows.given(*others, yaml.safe_dump(limits))
    ended = ours.when("retrain", {"model": "flight-delay", "event": "e", "window": "1"}, fakes=handlers(promote=judge))
    assert ended.phase == phase
    assert len(ended.of("train")) == (3 if phase == "Succeeded" else 0)
    told = [str(node.get("message", "")) for node in ended.document["status"]["nodes"].values()]
    assert any("failed to initialize semaphore" in each for each in told) == (phase == "Failed"), json.dumps(told)
