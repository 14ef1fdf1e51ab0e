from typing import Any

import pytest

from retrain.errors import AlreadyExists, InvalidInput, NotFound
from retrain.workflows.messages import CallResource
from retrain.workflows.resource import judge, kubectl_error, parse_conditions

DOC = {"kind": "Workflow", "metadata": {"name": "w", "labels": {"n": "5"}}, "status": {"phase": "Running", "done": True}}


@pytest.mark.parametrize(
    ("condition", "true"),
    [
        ("status.phase == Running", True),
        ("status.phase = Failed", False),
        ("status.phase != Failed", True),
        ("status.missing != Failed", True),
        ("status.phase in (Failed, Running)", True),
        ("status.phase notin (Failed,Error)", True),
        ("metadata.labels.n > 4", True),
        ("metadata.labels.n < 5", False),
        ("metadata.name > 4", False),
        ("status.phase", True),
        ("!status.phase", False),
        ("!status.missing", True),
        ("status.done == true", True),
        ("status.phase == Running, metadata.name == w", True),
        ("status.phase == Running,metadata.name == v", False),
        ("", True),
    ],
)
def test_conditions_are_selectors_on_fields(condition: str, true: bool) -> None:
    assert all(c.holds(DOC) for c in parse_conditions(condition)) is true


def test_a_condition_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"'status.phase is Running' is not `path == value`"):
        parse_conditions("status.phase is Running")


def action(outputs: tuple[dict[str, Any], ...] = (), **template: str) -> CallResource:
    return CallResource("n", "get", DOC, dict(template), outputs)


def test_failure_goes_before_success_and_neither_means_wait() -> None:
    both = {"successCondition": "status.phase == Succeeded", "failureCondition": "status.phase in (Failed, Error)"}
    assert judge(action(**both), DOC) is None
    succeeded = judge(action(**both), {**DOC, "status": {"phase": "Succeeded"}})
    assert succeeded is not None
    assert (succeeded.phase, succeeded.outputs) == ("Succeeded", {"exitCode": "0"})
    failed = judge(action(**both), {**DOC, "status": {"phase": "Error"}})
    assert failed is not None
    assert failed.phase == "Failed"
    assert failed.message == "main: Error (exit code 64): failure condition '[{status.phase in [Failed Error]}]' evaluated true"


def test_outputs_are_read_by_path_and_filter() -> None:
    outputs = (
        {"name": "name", "valueFrom": {"jsonPath": "{.metadata.name}"}},
        {"name": "phase", "valueFrom": {"jqFilter": ".status.phase"}},
        {"name": "none", "valueFrom": {"jsonPath": "{.metadata.nothing}", "default": "d"}},
    )
    answer = judge(action(outputs), DOC)
    assert answer is not None
    assert answer.outputs is not None
    assert {p["name"]: p["value"] for p in answer.outputs["parameters"]} == {"name": "w", "phase": "Running", "none": "d"}


def test_kubectls_words() -> None:
    there = AlreadyExists('workflows.argoproj.io "w" already exists')
    assert kubectl_error("create", there) == (
        "no more retries Error from server (AlreadyExists): "
        'error when creating "/tmp/manifest.yaml": workflows.argoproj.io "w" already exists'
    )
    gone = NotFound('configmaps "c" not found')
    assert kubectl_error("get", gone) == 'no more retries Error from server (NotFound): configmaps "c" not found'
