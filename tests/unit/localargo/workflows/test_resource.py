from typing import Any

import pytest

from localargo.errors import AlreadyExists, InvalidInput, NotFound
from localargo.workflows.messages import CallResource
from localargo.workflows.resource import ClientError, judge, kubectl_error

DOC = {"kind": "Workflow", "metadata": {"name": "w", "labels": {"n": "5"}}, "status": {"phase": "Running", "done": True}}


def action(outputs: tuple[dict[str, Any], ...] = (), **template: str) -> CallResource:
    return CallResource("n", "get", DOC, dict(template), outputs)


def test_failure_goes_before_success_and_neither_means_wait() -> None:
    both: Any = {"successCondition": "status.phase == Succeeded", "failureCondition": "status.phase in (Failed, Error)"}
    assert judge(action(**both), DOC) is None
    succeeded = judge(action(**both), {**DOC, "status": {"phase": "Succeeded"}})
    assert succeeded is not None
    assert (succeeded.phase, succeeded.outputs) == ("Succeeded", {"exitCode": "0"})
    failed = judge(action(**both), {**DOC, "status": {"phase": "Error"}})
    assert failed is not None
    assert failed.phase == "Failed"
    assert failed.message == "main: Error (exit code 64): failure condition '{status.phase in [Error Failed]}' evaluated true"


def test_outputs_are_read_by_path_and_filter() -> None:
    outputs = (
        {"name": "name", "valueFrom": {"jsonPath": "{.metadata.name}"}},
        {"name": "phase", "valueFrom": {"jqFilter": ".status.phase"}},
        {"name": "none", "valueFrom": {"jsonPath": "{.metadata.nothing}", "default": "d"}},
        {"name": "null", "valueFrom": {"jqFilter": ".status.nothing"}},
        {"name": "many", "valueFrom": {"jqFilter": ".metadata.name, .metadata.labels, .status.done"}},
        {"name": "quoted", "valueFrom": {"jqFilter": '"a \\"b\\""'}},
        {"name": "other", "valueFrom": {"supplied": {}}},
    )
    answer = judge(action(outputs), DOC)
    assert answer is not None
    assert answer.outputs is not None
    assert {p["name"]: p.get("value") for p in answer.outputs["parameters"]} == {
        "name": "w",
        "phase": "Running",
        "none": "",  # kubectl allows keys that are not there
        "null": "null",
        "many": 'w\n{"n":"5"}\ntrue',
        "quoted": 'a "b"',
        "other": None,
    }


@pytest.mark.parametrize(
    ("template", "outputs", "message"),
    [
        (
            {"successCondition": "status.phase ==== x"},
            (),
            "success condition 'status.phase ==== x' failed to parse: unable to parse requirement: found '==', expected: identifier",
        ),
        (
            {"successCondition": "status.missing", "failureCondition": "a b"},
            (),
            "fail condition 'a b' failed to parse: unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ({"failureCondition": "status.x == 1, metadata.name == w"}, (), "failure condition '{metadata.name == [w]}' evaluated true"),
        ({}, ({"name": "x", "valueFrom": {"jqFilter": ".a | nosuch"}},), "function not defined: nosuch/0"),
    ],
)
def test_what_cannot_be_judged_fails(template: dict[str, str], outputs: tuple[dict[str, Any], ...], message: str) -> None:
    answer = judge(action(outputs, **template), DOC)
    assert answer is not None
    assert (answer.phase, answer.message) == ("Failed", f"main: Error (exit code 64): {message}")


def test_kubectls_words() -> None:
    there = AlreadyExists('workflows.argoproj.io "w" already exists')
    assert kubectl_error("create", there) == (
        "no more retries Error from server (AlreadyExists): "
        'error when creating "/tmp/manifest.yaml": workflows.argoproj.io "w" already exists'
    )
    gone = NotFound('configmaps "c" not found')
    assert kubectl_error("get", gone) == 'no more retries Error from server (NotFound): configmaps "c" not found'
    assert kubectl_error("patch", gone) == kubectl_error("get", gone)
    assert kubectl_error("replace", gone) == (
        'no more retries Error from server (NotFound): error when replacing "/tmp/manifest.yaml": configmaps "c" not found'
    )
    bad = InvalidInput('workflows.argoproj.io "W" is invalid: metadata.name: Invalid value: "W": a name')
    assert kubectl_error("create", bad) == 'no more retries The Workflow "W" is invalid: metadata.name: Invalid value: "W": a name'
    assert kubectl_error("apply", ClientError("no")) == "no more retries error: no"
