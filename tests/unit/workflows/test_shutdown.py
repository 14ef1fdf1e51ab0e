"""stop, terminate, suspend, resume and node set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from retrain.errors import InvalidInput
from retrain.workflows.messages import Operated
from retrain.workflows.shutdown import check, matches, parse_selector

Tell = Callable[..., Any]

RUNNING = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  onExit: bye
  templates:
  - name: main
    dag:
      tasks:
      - {name: long, template: long}
      - {name: wait, template: wait}
      - {name: after, depends: long, template: bye}
  - {name: long, retryStrategy: {limit: "3"}, container: {image: i, command: [exit, "143"]}}
  - {name: wait, suspend: {}}
  - {name: bye, container: {image: i, command: [exit, "0"]}}
"""


def begun(tell: Tell) -> Any:
    told = tell(RUNNING)
    told.hold = {"long(0)"}
    told.play()
    return told


@pytest.mark.parametrize(("operation", "strategy", "exits"), [("stop", "Stop", True), ("terminate", "Terminate", False)])
def test_shutting_down(tell: Tell, operation: str, strategy: str, exits: bool) -> None:
    told = begun(tell)
    told.operate(operation)
    node = next(iter(told.held))
    assert told.stopped == [node]
    assert told.run.head["phase"] == "Running"  # until the pod has ended
    told.let_go(node)
    shown = told.play()
    assert (shown["status"]["phase"], shown["status"]["message"]) == ("Failed", f"Stopped with strategy '{strategy}'")
    assert shown["spec"]["shutdown"] == strategy
    phases, nodes = told.phases(), told.nodes()
    assert (".onExit" in phases) == exits
    assert nodes[".long"]["message"] == nodes[".wait"]["message"] == f"Stopped with strategy '{strategy}'"
    assert nodes[".long(0)"]["message"] == "main: Error (exit code 143)"
    assert phases[".after"] == "Omitted"
    assert len([n for n in nodes if n.startswith(".long(")]) == 1


def test_a_suspended_workflow_begins_nothing_new(tell: Tell) -> None:
    told = begun(tell)
    told.operate("suspend")
    told.let_go(next(iter(told.held)))
    told.play()
    assert len(told.pods) == 1
    told.hold = set()
    told.operate("resume")
    assert len(told.pods) > 1
    assert told.phases()[".wait"] == "Succeeded"


def test_a_node_is_set_and_then_resumed(tell: Tell) -> None:
    told = tell(
        """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - [{name: a, template: wait}]
    - [{name: b, template: say, arguments: {parameters: [{name: v, value: "{{steps.a.outputs.parameters.x}}"}]}}]
  - {name: wait, suspend: {}, outputs: {parameters: [{name: x, valueFrom: {supplied: {}}}]}}
  - {name: say, inputs: {parameters: [{name: v}]}, container: {image: i, command: [say, "{{inputs.parameters.v}}"]}}
"""
    )
    told.play()
    nodes = told.run.nodes
    with pytest.raises(InvalidInput, match="has not been set and does not have a default"):
        check(nodes, Operated("resume"))
    with pytest.raises(InvalidInput, match="not expecting output parameter 'y'"):
        check(nodes, Operated("set", {"nodeFieldSelector": "displayName=a", "outputParameters": {"y": "1"}}))
    with pytest.raises(InvalidInput, match="no suspend nodes matching"):
        check(nodes, Operated("set", {"nodeFieldSelector": "displayName=b", "outputParameters": {"x": "1"}}))
    told.operate("set", nodeFieldSelector="displayName=a", outputParameters={"x": "yes"}, message="seen")
    told.operate("resume")
    assert told.nodes()["[0].a"]["message"].startswith("seen; Resumed by: ")
    assert told.pods[0].containers[0].command == ["say", "yes"]


def test_stop_with_a_selector_fails_that_node_alone(tell: Tell) -> None:
    told = begun(tell)
    told.operate("stop", nodeFieldSelector="displayName=wait", message="no")
    assert (told.nodes()[".wait"]["phase"], told.nodes()[".wait"]["message"]) == ("Failed", "no")
    assert told.phases()[".long"] == "Running"


def test_selectors() -> None:
    node = {"displayName": "a", "phase": "Failed", "templateName": "t", "inputs": {"parameters": [{"name": "p", "value": "1"}]}}
    assert matches(node, parse_selector("displayName=a,phase!=Succeeded"))
    assert matches(node, parse_selector("inputs.parameters.p.value==1"))
    assert not matches(node, parse_selector("templateName=other"))
    with pytest.raises(InvalidInput, match="can't understand"):
        parse_selector("displayName")
