from typing import Any

from localargo.errors import AlreadyExists, InvalidInput, NotFound
from localargo.workflows.messages import CallResource
from localargo.workflows.resource import ClientError, answer, kubectl_error

DOC = {"kind": "Workflow", "metadata": {"name": "w", "labels": {"n": "5"}}, "status": {"phase": "Running", "done": True}}


def action(outputs: tuple[dict[str, Any], ...] = (), **template: str) -> CallResource:
    return CallResource("n", "get", DOC, dict(template), outputs)


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
    found = answer(action(outputs), DOC)
    assert found.outputs is not None
    assert {p["name"]: p.get("value") for p in found.outputs["parameters"]} == {
        "name": "w",
        "phase": "Running",
        "none": "",  # kubectl allows keys that are not there
        "null": "null",
        "many": 'w\n{"n":"5"}\ntrue',
        "quoted": 'a "b"',
        "other": None,
    }


def test_a_filter_that_is_none_fails() -> None:
    found = answer(action(({"name": "x", "valueFrom": {"jqFilter": ".a | nosuch"}},)), DOC)
    assert (found.phase, found.message) == ("Failed", "main: Error (exit code 64): function not defined: nosuch/0")


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
