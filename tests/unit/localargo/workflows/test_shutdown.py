"""stop, terminate, suspend, resume and node set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from localargo.errors import InvalidInput
from localargo.workflows.messages import LockGranted, Operated
from localargo.workflows.shutdown import check, matches, parse_selector

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
    assert ".after" not in phases  # the dag had failed before the pod had ended, and was looked at no more
    assert len([n for n in nodes if n.startswith(".long(")]) == 1


GROUPS = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: loop, template: leaf, withItems: [a, b]}
      - {name: again, template: again}
      - {name: ended, template: steps}
  - {name: steps, steps: [[{name: x, template: leaf}], [{name: late, template: leaf}]]}
  - {name: again, retryStrategy: {limit: 2}, steps: [[{name: r, template: retried}]]}
  - {name: retried, retryStrategy: {limit: 2}, container: {image: i, command: [exit, "0"]}}
  - {name: leaf, container: {image: i, command: [exit, "143"]}}
"""


def test_a_stopped_dag_is_looked_at_no_more(tell: Tell) -> None:
    """It has failed before its pods have ended; below it only pods end, and Retry nodes have failed whatever they came to."""
    told = tell(GROUPS)
    told.hold = {"loop(0:a)", "loop(1:b)", "r(0)", "x"}
    told.play()
    told.operate("stop")
    assert told.phases()[".loop(0:a)"] == "Failed"
    assert told.nodes()[".loop(0:a)"]["message"] == "workflow shutdown with strategy:  Stop"
    for node in list(told.held):
        told.let_go(node)
    shown = told.play()
    assert shown["status"]["phase"] == "Failed"
    nodes = told.nodes()
    assert {n for n, doc in nodes.items() if doc["phase"] == "Running"} == {
        ".loop", ".ended", ".ended[0]", ".again(0)", ".again(0)[0]"
    }  # fmt: skip
    assert nodes[".again"]["message"] == nodes[".again(0)[0].r"]["message"] == "Stopped with strategy 'Stop'"
    assert (nodes[".again(0)[0].r"]["phase"], nodes[".again(0)[0].r(0)"]["phase"]) == ("Failed", "Succeeded")
    assert "outputs" not in nodes[".again(0)[0].r"]
    assert nodes[".ended[0].x"]["message"] == "main: Error (exit code 143)"


def test_a_long_dag_under_a_retry_is_stopped(tell: Tell) -> None:
    tasks = ["{name: t0, template: leaf}", *(f"{{name: t{i}, template: leaf, depends: t{i - 1}}}" for i in range(1, 60))]
    text = (
        GROUPS[: GROUPS.index("  - name: main")]
        + f"""
  - name: main
    retryStrategy: {{limit: 1}}
    dag: {{tasks: [{", ".join(tasks)}]}}
  - {{name: leaf, container: {{image: i, command: [exit, "0"]}}}}
"""
    )
    told = tell(text)
    told.hold = {"t59"}
    told.play()
    told.operate("stop")
    told.let_go(next(iter(told.held)), 143)
    told.play()
    assert told.nodes()[""]["message"] == "Stopped with strategy 'Stop'"
    assert told.run.head["phase"] == "Failed"


def test_steps_wait_for_the_end_of_a_stopped_pod(tell: Tell) -> None:
    told = tell(
        """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    parallelism: 1
    steps:
    - [{name: a, template: well}]
    - [{name: b, template: well}, {name: c, template: wait}, {name: d, template: locked}, {name: e, template: locked}]
  - {name: well, container: {image: i, command: [exit, "0"]}}
  - {name: locked, synchronization: {mutexes: [{name: m}]}, container: {image: i, command: [exit, "0"]}}
  - {name: wait, suspend: {}}
"""
    )
    told.hold = {"a"}
    told.play()
    told.operate("terminate")
    assert "[1]" not in told.phases()
    told.busy = {"e"}
    told.let_go(next(iter(told.held)))
    told.play()
    nodes = told.nodes()
    assert (nodes["[0].a"]["phase"], nodes["[0]"]["phase"]) == ("Succeeded", "Succeeded")
    assert nodes["[1].b"]["message"] == nodes["[1].d"]["message"] == "workflow shutdown with strategy: Terminate"
    assert nodes["[1].c"]["message"] == nodes["[1].e"]["message"] == "Stopped with strategy 'Terminate'"
    assert told.run.head["phase"] == "Failed"


def test_stopped_while_it_waits_to_try_again(tell: Tell) -> None:
    told = tell(
        """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - {name: main, retryStrategy: {limit: 2, backoff: {duration: 1m5s}}, container: {image: i, command: [exit, "3"]}}
"""
    )
    told.play()
    assert told.nodes()[""]["message"] == "Backoff for 1 minute 5 seconds"
    told.operate("stop")
    assert told.run.head["phase"] == "Failed"
    assert told.nodes()[""]["message"] == "Stopped with strategy 'Stop'"
    assert "outputs" not in told.nodes()[""]


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


def test_time_and_locks_wait_while_the_workflow_is_suspended(tell: Tell) -> None:
    told = tell(
        """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - {name: main, dag: {tasks: [{name: wait, template: wait}, {name: locked, template: locked}]}}
  - {name: wait, suspend: {duration: "5"}}
  - {name: locked, synchronization: {mutexes: [{name: m}]}, container: {image: i, command: [exit, "0"]}}
"""
    )
    told.busy = {"locked"}
    told.play()
    told.operate("suspend")
    told.wait()
    assert told.phases()[".wait"] == "Running"
    assert told.outcomes[-1].wake_at is None
    told.facts.append(LockGranted(told.nodes()[".locked"]["id"]))
    told.play()
    assert told.pods == []
    told.operate("resume")
    assert told.nodes()[".wait"]["message"].startswith("Resumed by: ")
    assert told.phases()[".locked"] == "Succeeded"
    assert told.run.head["phase"] == "Succeeded"


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
    with pytest.raises(InvalidInput, match="use a node field selector"):
        check(nodes, Operated("set", {"phase": "Failed"}))
    with pytest.raises(InvalidInput, match="no suspend nodes matching"):
        check(nodes, Operated("set", {"nodeFieldSelector": "displayName=a"}))
    with pytest.raises(InvalidInput, match="Skipped is an invalid phase to set to"):
        check(nodes, Operated("set", {"nodeFieldSelector": "displayName=a", "phase": "Skipped"}))
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


def test_a_dag_that_is_tried_again_and_stopped_shows_one_attempt_more(tell: Tell) -> None:
    """Argo finds the first attempt failed while its pod still ends, and begins another that is stopped at once."""
    told = tell("""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - {name: main, dag: {tasks: [{name: a, template: twice}, {name: b, template: leaf, depends: a}]}}
  - {name: twice, retryStrategy: {limit: "1"}, dag: {tasks: [{name: x, template: leaf}, {name: z, template: leaf, depends: x}]}}
  - {name: leaf, container: {image: i, command: [exit, "0"]}}
""")
    told.hold = {"x"}
    told.play()
    told.operate("stop")
    told.let_go(next(iter(told.held)), 143)
    shown = told.play()
    assert (shown["status"]["phase"], shown["status"]["message"]) == ("Failed", "Stopped with strategy 'Stop'")
    nodes = told.nodes()
    assert {k: n["phase"] for k, n in nodes.items() if k.startswith(".a")} == {
        ".a": "Failed", ".a(0)": "Failed", ".a(0).x": "Failed", ".a(1)": "Failed", ".a(1).x": "Failed", ".a(1).z": "Omitted",
    }  # fmt: skip
    assert nodes[".a(1).x"]["message"] == "workflow shutdown with strategy: Stop"
    assert nodes[".a(1)"]["children"] == [nodes[".a(1).x"]["id"], nodes[".b"]["id"]]


def test_a_stop_after_a_terminate_lets_the_exit_handler_run(tell: Tell) -> None:
    told = begun(tell)
    told.operate("terminate")
    shown = told.operate("stop")
    assert shown["spec"]["shutdown"] == "Stop"
    told.let_go(next(iter(told.held)))
    told.play()
    assert told.phases()[".onExit"] == "Succeeded"
