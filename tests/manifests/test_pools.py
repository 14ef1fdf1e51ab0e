"""Where trials are trained: the first attempts on nodes that may be taken away, later ones on others."""

from __future__ import annotations

import pytest

from localargo.expressions.tags import substitute
from localargo.testing.runs import Workflows
from tests.manifests.installs import named, render_with, with_component
from tests.manifests.test_retrain_workflow import handlers, judge


@pytest.mark.parametrize(("attempt", "pool"), [("0", "spot"), ("1", "spot"), ("2", "on-demand"), ("8", "on-demand")])
def test_an_attempt_says_its_pool_and_bears_its_taint(attempt: str, pool: str) -> None:
    (train,) = named(with_component("pools"), "WorkflowTemplate", "train")["spec"]["templates"]
    placed = substitute({name: train[name] for name in ("nodeSelector", "tolerations")}, {"retries": attempt})
    toleration = {"key": "retrain/pool", "operator": "Equal", "value": pool, "effect": "NoSchedule"}
    assert placed == {"nodeSelector": {"retrain/pool": pool}, "tolerations": [toleration]}


def test_only_trials_are_placed() -> None:
    documents = with_component("pools")
    placed = [
        each["name"]
        for template in [d.doc for d in documents if d.kind == "WorkflowTemplate"]
        for each in template["spec"]["templates"]
        if "nodeSelector" in each or "tolerations" in each
    ]
    assert placed == ["train"]


def test_a_run_goes_through_pools(workflows: Workflows) -> None:
    ours = workflows.given(*render_with(["pools", "restricted"]))
    ended = ours.when("retrain", {"model": "flight-delay", "event": "e", "window": "1"}, fakes=handlers(promote=judge))
    assert (ended.phase, len(ended.of("train"))) == ("Succeeded", 3)
