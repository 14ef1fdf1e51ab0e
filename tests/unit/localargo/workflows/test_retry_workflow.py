"""argo retry and argo resubmit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from localargo.errors import InvalidInput
from localargo.ports import PodSpec
from localargo.workflows import status
from localargo.workflows.messages import TimerDue
from localargo.workflows.retry_workflow import resubmit, retry
from localargo.workflows.run import apply

Tell = Callable[..., Any]

FAN = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-, name: w-1, labels: {own: label}}
spec:
  entrypoint: main
  onExit: leaf
  arguments: {parameters: [{name: p, value: old}]}
  templates:
  - name: main
    dag:
      failFast: false
      tasks:
      - {name: first, template: leaf}
      - {name: f, depends: first, template: leaf, withItems: [a, b, c]}
      - {name: last, depends: f, template: inner}
  - {name: inner, steps: [[{name: s, template: leaf}], [{name: t, template: leaf}]]}
  - name: leaf
    retryStrategy: {limit: "0"}
    container: {image: i, command: [x, "{{workflow.parameters.p}}"]}
"""


def failing(names: set[str], tell: Tell) -> Any:
    def end(pod: PodSpec) -> tuple[int, Mapping[str, str]]:
        return (1 if told.shown(pod.node_id) in names else 0), {}

    told = tell(FAN, end)
    return told


def again(told: Any, **options: Any) -> None:
    outcome = retry(told.run, options, told.now)
    apply(told.run, outcome)
    told.facts.append(TimerDue())
    told.end = lambda pod: (0, {})
    told.pods.clear()
    told.play()


def test_only_what_failed_runs_again(tell: Tell) -> None:
    told = failing({"f(1:b)(0)"}, tell)
    assert told.play()["status"]["phase"] == "Failed"
    assert told.phases()[".last"] == "Omitted"
    again(told)
    assert told.run.head["phase"] == "Succeeded"
    assert [told.shown(p.node_id) for p in told.pods] == ["f(1:b)(0)", "s(0)", "t(0)", "w-1.onExit(0)"]
    assert set(told.phases().values()) == {"Succeeded"}
    assert "message" not in told.nodes()[""]


def test_in_the_middle_of_steps(tell: Tell) -> None:
    told = failing({"t(0)"}, tell)
    told.play()
    again(told)
    assert [told.shown(p.node_id) for p in told.pods] == ["t(0)", "w-1.onExit(0)"]
    assert told.run.head["phase"] == "Succeeded"


def test_what_succeeded_too_if_chosen(tell: Tell) -> None:
    told = failing(set(), tell)
    told.play()
    with pytest.raises(InvalidInput, match="restartSuccessful and nodeFieldSelector"):
        retry(told.run, {}, told.now)
    again(told, restartSuccessful=True, nodeFieldSelector="displayName=s")
    assert [told.shown(p.node_id) for p in told.pods] == ["s(0)", "t(0)", "w-1.onExit(0)"]
    assert told.run.head["phase"] == "Succeeded"


def test_with_other_parameters(tell: Tell) -> None:
    told = failing({"t(0)"}, tell)
    told.play()
    again(told, parameters=["p=new"])
    assert told.pods[0].containers[0].command == ["x", "new"]
    shown = status.compose(told.run)
    assert shown["spec"]["arguments"] == {"parameters": [{"name": "p", "value": "new"}]}
    assert resubmit(shown, {})["spec"]["arguments"] == shown["spec"]["arguments"]


def test_of_the_attempts_of_a_template_only_the_last_is_done_again(tell: Tell) -> None:
    """Argo clears them all and goes on with the last."""
    text = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - {name: main, retryStrategy: {limit: 1}, steps: [[{name: a, template: leaf}], [{name: b, template: leaf}]]}
  - {name: leaf, container: {image: i, command: [x]}}
"""
    told: Any = tell(text, lambda pod: (int(told.shown(pod.node_id) == "b"), {}))
    told.play()
    again(told)
    assert told.run.head["phase"] == "Succeeded"
    assert [told.run.nodes[p.node_id]["name"] for p in told.pods] == ["w(1)[1].b"]
    assert told.phases() == {
        "": "Succeeded", "(0)": "Running", "(0)[0]": "Succeeded", "(0)[0].a": "Succeeded", "(0)[1]": "Running",
        "(1)": "Succeeded", "(1)[0]": "Succeeded", "(1)[0].a": "Succeeded", "(1)[1]": "Succeeded", "(1)[1].b": "Succeeded",
    }  # fmt: skip


def test_a_running_workflow_cannot_be_retried(tell: Tell) -> None:
    told = failing(set(), tell)
    told.step()
    with pytest.raises(InvalidInput, match="Cannot retry a workflow in phase Running"):
        retry(told.run, {}, told.now)


def test_after_terminate_it_goes_on(tell: Tell) -> None:
    told = failing(set(), tell)
    told.hold = {"first(0)"}
    told.play()
    told.operate("terminate")
    told.let_go(next(iter(told.held)), 143)
    told.play()
    assert told.run.head["message"] == "Stopped with strategy 'Terminate'"
    told.hold = set()
    again(told)
    shown = status.compose(told.run)
    assert shown["status"]["phase"] == "Succeeded"
    assert "shutdown" not in shown["spec"]


def test_resubmit_is_a_new_workflow_of_the_same_spec(tell: Tell) -> None:
    told = failing({"t(0)"}, tell)
    old = told.play()
    old["metadata"]["labels"]["workflows.argoproj.io/phase"] = "Failed"
    new = resubmit(old, {"parameters": ["p=new"]})
    assert new["metadata"] == {
        "generateName": "w-",
        "labels": {"own": "label", "workflows.argoproj.io/resubmitted-from-workflow": "w-1"},
    }
    assert new["spec"]["arguments"] == {"parameters": [{"name": "p", "value": "new"}]}
    assert "status" not in new
    with pytest.raises(InvalidInput, match="NAME=VALUE"):
        resubmit(old, {"parameters": ["new"]})


def test_a_memoized_resubmit_does_again_only_what_failed(tell: Tell) -> None:
    told = failing({"f(1:b)(0)"}, tell)
    old = told.play()
    new = resubmit(old, {"memoized": True})
    assert {n["displayName"] for n in new["status"]["nodes"].values()} == {"first(0)", "f(0:a)(0)", "f(2:c)(0)"}
    later = failing(set(), tell)
    metadata = {**new["metadata"], "name": "w-2", "namespace": "ns", "uid": "u"}
    later.run = status.new_run({**new, "metadata": metadata}, later.world, later.now)
    shown = later.play()
    assert shown["status"]["phase"] == "Succeeded"
    assert [later.shown(p.node_id) for p in later.pods] == ["f(1:b)(0)", "s(0)", "t(0)", "w-2.onExit(0)"]
    nodes = later.nodes()
    assert (nodes[".first(0)"]["type"], nodes[".first(0)"]["phase"]) == ("Skipped", "Skipped")
    assert nodes[".first(0)"]["message"].startswith("original pod: w-1-")
    assert nodes[".first"]["children"] == [nodes[".first(0)"]["id"]]
    assert nodes[".first(0)"]["boundaryID"] == "w-2"
    assert nodes[""]["displayName"] == "w-1"  # as Argo goes on to show it
    done = failing(set(), tell)
    with pytest.raises(InvalidInput, match="must be Failed/Error"):
        resubmit(done.play(), {"memoized": True})


@pytest.mark.parametrize("kind", ["steps", "tasks"])
def test_lists_of_outputs_hold_what_is_reused(tell: Tell, kind: str) -> None:
    steps = """
    steps:
    - [{name: f, template: out, withItems: [a, b]}]
    - [{name: last, template: out, arguments: {parameters: [{name: v, value: "{{steps.f.outputs.parameters.o}}"}]}}]
"""
    dag = """
    dag:
      tasks:
      - {name: f, template: out, withItems: [a, b]}
      - {name: last, depends: f, template: out, arguments: {parameters: [{name: v, value: "{{tasks.f.outputs.parameters.o}}"}]}}
"""
    text = f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: w}}
spec:
  entrypoint: main
  templates:
  - name: main
    {(steps if kind == "steps" else dag).strip()}
  - name: out
    inputs: {{parameters: [{{name: v, value: own}}]}}
    container: {{image: i, command: [x, "{{{{inputs.parameters.v}}}}"]}}
    outputs: {{parameters: [{{name: o, valueFrom: {{path: /tmp/o}}}}]}}
"""
    told: Any = tell(text, lambda pod: (int(told.shown(pod.node_id) == "last"), {"o": told.shown(pod.node_id)}))
    old = told.play()
    new = resubmit(old, {"memoized": True})
    later = tell(text, lambda pod: (0, {"o": "x"}))
    later.run = status.new_run({**new, "metadata": {**new["metadata"], "name": "v", "namespace": "ns", "uid": "u"}}, later.world, later.now)
    later.play()
    assert later.run.head["phase"] == "Succeeded"
    assert [p.containers[0].command for p in later.pods] == [["x", '["f(0:a)","f(1:b)"]']]


def test_a_workflow_that_began_suspended_and_was_resumed_is_not_suspended_by_a_retry(tell: Tell) -> None:
    told = tell(FAN.replace("  entrypoint: main", "  suspend: true\n  entrypoint: main"), lambda pod: (1, {}))
    told.play()
    told.operate("resume")
    assert told.run.head["phase"] == "Failed"
    again(told)
    assert told.run.head["phase"] == "Succeeded"


ATTEMPTS = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - {name: main, steps: [[{name: t, template: twice}], [{name: z, template: leaf}]]}
  - {name: twice, retryStrategy: {limit: "1"}, steps: [[{name: a, template: leaf}], [{name: b, template: bad}]]}
  - {name: leaf, container: {image: i, command: [exit, "0"]}}
  - {name: bad, container: {image: i, command: [exit, "3"]}}
"""


def test_of_several_attempts_the_last_goes_on(tell: Tell) -> None:
    told = tell(ATTEMPTS)
    told.play()
    again(told)
    assert told.run.head["phase"] == "Succeeded"
    phases = told.phases()
    assert (phases["[0].t"], phases["[0].t(0)"], phases["[0].t(1)"], "[0].t(2)" in phases) == ("Succeeded", "Running", "Succeeded", False)


def test_steps_go_on_at_the_first_group_that_begins_anew(tell: Tell) -> None:
    told = tell(ATTEMPTS, lambda pod: (0, {}))
    told.play()
    assert told.run.head["phase"] == "Succeeded"
    told.hold = {"a"}
    outcome = retry(told.run, {"restartSuccessful": True, "nodeFieldSelector": "displayName=a"}, told.now)
    apply(told.run, outcome)
    told.facts.append(TimerDue())
    told.play()
    assert (told.run.head["phase"], told.phases()["[0]"], told.phases()["[1].z"]) == ("Running", "Running", "Succeeded")
    told.let_go(next(iter(told.held)))
    assert told.play()["status"]["phase"] == "Succeeded"


def test_exit_handlers_that_a_memoized_resubmit_brings_along_stay_below_their_steps(tell: Tell) -> None:
    text = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - {name: main, steps: [[{name: a, template: leaf, hooks: {exit: {template: leaf}}}], [{name: b, template: bad}]]}
  - {name: leaf, container: {image: i, command: [exit, "0"]}}
  - {name: bad, container: {image: i, command: [exit, "3"]}}
"""
    told = tell(text)
    new = resubmit(told.play(), {"memoized": True})
    later = tell(text, lambda pod: (0, {}))
    later.run = status.new_run(
        {**new, "metadata": {**new["metadata"], "name": "w-2", "namespace": "ns", "uid": "u"}}, later.world, later.now
    )
    later.play()
    nodes = later.nodes()
    assert [later.shown(p.node_id) for p in later.pods] == ["b"]
    assert nodes["[0].a"]["children"] == [nodes["[0].a.onExit"]["id"], nodes["[1]"]["id"]]


TEMPLATE = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: t}
spec:
  entrypoint: main
  arguments: {parameters: [{name: code, value: "3"}, {name: kept, value: of-template}]}
  templates:
  - {name: main, steps: [[{name: a, template: leaf}], [{name: b, template: show}]]}
  - {name: leaf, container: {image: i, command: [exit, "{{workflow.parameters.code}}"]}}
  - {name: show, container: {image: i, command: [say, "{{workflow.parameters.kept}}"]}}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  workflowTemplateRef: {name: t}
"""


@pytest.mark.parametrize(
    ("own", "said"), [("", "{{workflow.parameters.kept}}"), ("\n  arguments: {parameters: [{name: kept, value: own}]}", "own")]
)
def test_new_parameters_in_a_retry_forget_what_the_template_gave(tell: Tell, own: str, said: str) -> None:
    told = tell(TEMPLATE.replace("workflowTemplateRef: {name: t}", "workflowTemplateRef: {name: t}" + own))
    told.play()
    assert told.run.head["phase"] == "Failed"
    again(told, parameters=["code=0"])
    assert told.run.head["phase"] == "Succeeded"
    assert [p.containers[0].command for p in told.pods] == [["exit", "0"], ["say", said]]
