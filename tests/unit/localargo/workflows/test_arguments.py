"""Inputs get their values; tags are replaced; templates are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from localargo.workflows.arguments import ABSENT, process
from localargo.workflows.messages import World
from localargo.workflows.work import CallFailed

Tell = Callable[..., Any]

CM = {"kind": "ConfigMap", "metadata": {"labels": {"workflows.argoproj.io/configmap-type": "Parameter"}}, "data": {"k-P": "from cm"}}
WORLD = World("ns", {}, {}, {"cm": CM, "plain": {**CM, "metadata": {}}}, {}, {}, {}, {})
GLOBAL = {"workflow.parameters.p": "P"}


def value(declared: dict[str, Any], given: dict[str, Any] | None = None) -> str:
    template = {"name": "t", "inputs": {"parameters": [{"name": "v", **declared}]}, "container": {"args": ["{{inputs.parameters.v}}"]}}
    arguments = {"parameters": [{"name": "v", **given}]} if given is not None else {}
    made, _ = process(template, arguments, GLOBAL, {}, WORLD)
    assert made["container"]["args"] == [made["inputs"]["parameters"][0]["value"]]
    return str(made["container"]["args"][0])


def key(name: str, key: str = "k-{{workflow.parameters.p}}") -> dict[str, Any]:
    return {"configMapKeyRef": {"name": name, "key": key}}


def test_which_value_counts() -> None:
    assert value({"default": "d"}) == "d"
    assert value({"default": "d", "value": "own"}) == "own"
    assert value({"default": "d", "value": "own"}, {"value": "given"}) == "given"
    assert value({"default": "d"}, {"value": ABSENT}) == "d"
    assert value({}, {"value": 1.5}) == "1.5"
    assert value({"valueFrom": key("cm")}) == "from cm"
    assert value({"valueFrom": {"default": "d", **key("none")}}) == "d"
    assert value({"valueFrom": key("cm")}, {"value": "given"}) == "given"


@pytest.mark.parametrize(
    ("declared", "given", "message"),
    [
        ({}, None, "inputs.parameters.v was not supplied"),
        ({"default": "d"}, {}, "inputs.parameters.v was not supplied"),
        ({"default": "d"}, {"valueFrom": {"supplied": {}}}, "inputs.parameters.v was not supplied"),
        ({"valueFrom": key("{{x}}")}, None, r"^failed to substitute configMapKeyRef: failed to resolve \{\{x\}\}$"),
        ({}, {"value": ABSENT}, "inputs.parameters.v: argument references an absent optional"),
        ({"valueFrom": key("cm", "none")}, None, "ConfigMap 'cm' does not have the key 'none'"),
        ({"valueFrom": key("plain")}, None, "ConfigMap 'plain' does not exist. Please make sure it has the label"),
    ],
)
def test_values_that_are_missing(declared: dict[str, Any], given: dict[str, Any] | None, message: str) -> None:
    with pytest.raises(CallFailed, match=message):
        value(declared, given)


def test_what_is_read_from_a_configmap_is_read_once() -> None:
    template = {"name": "t", "inputs": {"parameters": [{"name": "v", "valueFrom": key("cm")}]}}
    _, arguments = process(template, {}, GLOBAL, {}, WORLD)
    gone = World("ns", {}, {}, {}, {}, {}, {}, {})
    again, _ = process(template, arguments, GLOBAL, {}, gone)
    assert again["inputs"]["parameters"][0]["value"] == "from cm"


def test_values_are_expanded_again_as_argo_does() -> None:
    assert value({}, {"value": "{{workflow.parameters.p}} {{=1 + 1}} {{other}}"}) == "P 2 {{other}}"


@pytest.mark.parametrize(
    ("declared", "given", "message"),
    [
        ({"path": "/x"}, None, "inputs.artifacts.x was not supplied"),
        ({"path": "/x"}, {}, "inputs.artifacts.x missing location information"),
    ],
)
def test_artifacts_that_are_missing(declared: dict[str, Any], given: dict[str, Any] | None, message: str) -> None:
    template = {"name": "t", "inputs": {"artifacts": [{"name": "x", **declared}]}}
    arguments = {"artifacts": [{"name": "x", **given}]} if given is not None else {}
    with pytest.raises(CallFailed, match=message):
        process(template, arguments, {}, {}, WORLD)
    optional = {"name": "t", "inputs": {"artifacts": [{"name": "x", "optional": True, **declared}]}}
    made = process(optional, arguments, {}, {}, WORLD)[0]["inputs"]["artifacts"][0]
    assert made["path"] == "/x"
    assert made.get("optional") == (None if arguments else True)  # an argument takes the input's place, as Argo has it


LIBRARY = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: lib}
spec:
  arguments: {parameters: [{name: p, value: lib}]}
  templates:
  - {name: outer, dag: {tasks: [{name: i, template: inner}]}}
  - {name: inner, container: {image: i, command: [lib, "{{workflow.parameters.p}}"]}}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  arguments: {parameters: [{name: p, value: own}]}
  templates:
  - {name: inner, container: {image: i, command: [own]}}
  - name: main
    steps:
    - [{name: a, templateRef: {name: lib, template: outer}}, {name: b, inline: {container: {image: i, command: [inline]}}}]
    - [{name: c, templateRef: {name: lib, template: inner}}]
"""


def test_names_in_a_library_are_the_librarys_and_stay_as_they_were(tell: Tell) -> None:
    told = tell(LIBRARY)
    told.step()
    told.world.templates["lib"]["spec"]["templates"][1]["container"]["command"] = ["changed"]
    stored = told.run.head["storedTemplates"]
    shown = told.play()["status"]
    assert shown["phase"] == "Succeeded"
    assert [p.containers[0].command[0] for p in told.pods[:2]] == ["inline", "lib"]
    assert told.pods[0].template == ""
    assert "namespaced/lib/outer" in stored
    assert told.nodes()["[0].a"]["templateRef"] == {"name": "lib", "template": "outer"}
    assert told.nodes()["[0].a.i"]["templateScope"] == "namespaced/lib"
    assert told.pods[1].containers[0].command == ["lib", "own"]
