"""Waiting, and limits of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from localargo.workflows.messages import LockGranted

Tell = Callable[..., Any]


def text(template: str, spec: str = "") -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: w}}
spec:
  entrypoint: main
{spec}
  templates:
  - {{name: bye, container: {{image: i, command: [exit, "0"]}}}}
  - name: main
{template}
"""


@pytest.mark.parametrize(("duration", "seconds"), [('"20"', 20), ("1m", 60), ("1500ms", 1.5)])
def test_it_goes_on_when_the_time_is_over(tell: Tell, duration: str, seconds: float) -> None:
    told = tell(text(f"    suspend: {{duration: {duration}}}"))
    told.play()
    begun = told.now
    assert told.nodes()[""]["phase"] == "Running"
    assert told.wait()["status"]["phase"] == "Succeeded"
    assert told.now - begun == pytest.approx(seconds, abs=0.1)


def test_no_time_at_all(tell: Tell) -> None:
    told = tell(text("    suspend: {duration: 0s}"))
    assert told.play()["status"]["phase"] == "Succeeded"


def test_outputs_take_their_defaults(tell: Tell) -> None:
    told = tell(text("    suspend: {duration: 1s}\n    outputs: {parameters: [{name: x, valueFrom: {default: d, supplied: {}}}]}"))
    told.play()
    told.wait()
    assert told.nodes()[""]["outputs"] == {"parameters": [{"name": "x", "value": "d"}]}
    told = tell(text("    suspend: {duration: 1s}\n    outputs: {parameters: [{name: x, valueFrom: {supplied: {}}}]}"))
    told.play()
    told.wait()
    assert told.nodes()[""]["message"] == "raw output parameter 'x' has not been set and does not have a default value"


def test_a_duration_that_is_none(tell: Tell) -> None:
    told = tell(text("    suspend: {duration: soon}"))
    why = 'unable to parse soon as a duration: time: invalid duration "soon"'
    assert told.play()["status"]["message"] == f"error in entry template execution: {why}"


def test_the_deadline_of_the_workflow(tell: Tell) -> None:
    told = tell(
        text(
            "    steps: [[{name: s, template: wait}, {name: p, template: bye}]]\n  - {name: wait, suspend: {}}",
            "  activeDeadlineSeconds: 30\n  onExit: bye",
        )
    )
    told.hold = {"p"}
    told.play()
    assert told.pods[0].deadline == int(told.now) + 30
    told.now += 30
    told.wait()
    assert told.nodes()["[0].s"]["message"] == "Step exceeded its deadline"
    told.let_go(next(iter(told.held)), 143)
    shown = told.play()["status"]
    assert shown["phase"] == "Failed"
    assert told.pods[1].deadline is None
    assert told.phases()[".onExit"] == "Succeeded"


@pytest.mark.parametrize(
    ("fields", "seconds"), [("activeDeadlineSeconds: 4", 4), ("timeout: 6s", 6), ("timeout: 1m, activeDeadlineSeconds: 4", 60)]
)
def test_the_deadline_of_a_pod(tell: Tell, fields: str, seconds: float) -> None:
    told = tell(
        f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: w}}
spec: {{entrypoint: main, templates: [{{name: main, {fields}, container: {{image: i, command: [exit, "0"]}}}}]}}
"""
    )
    told.play()
    assert told.pods[0].deadline == pytest.approx(told.now + seconds, abs=0.1)


def test_a_pod_that_never_starts(tell: Tell) -> None:
    told = tell(text("    pendingTimeout: 5s\n    container: {image: i, command: [x]}"))
    told.hold = {"w"}
    told.step()
    told.facts.clear()  # it never runs
    told.wait()
    assert (told.nodes()[""]["phase"], told.nodes()[""]["message"]) == ("Failed", "timeout")
    assert told.stopped == ["w"]


def test_the_time_spent_waiting_for_a_lock_counts(tell: Tell) -> None:
    told = tell(text("    suspend: {duration: '5'}\n    synchronization: {mutexes: [{name: m}]}"))
    told.busy = {"w"}
    told.play()
    told.now += 6
    told.facts.append(LockGranted("w"))
    assert told.play()["status"]["phase"] == "Succeeded"


GROUP = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - {name: main, steps: [[{name: a, template: ok, hooks: {exit: {template: ok}}}], [{name: b, template: ok}]]}
  - {name: single, container: {image: i, command: [exit, "3"]}}
  - {name: ok, container: {image: i, command: [exit, "0"]}}
"""


def held(tell: Tell, text: str = GROUP) -> Any:
    """The Workflow is suspended while its first pod runs; then the pod ends."""
    told = tell(text)
    told.hold = {"a", "w"}
    told.play()
    told.operate("suspend")
    told.let_go(next(iter(told.held)))
    told.play()
    return told


@pytest.mark.parametrize("operation", ["stop", "terminate"])
def test_a_suspended_workflow_that_is_stopped_ends_once_it_is_resumed(tell: Tell, operation: str) -> None:
    told = held(tell)
    shown = told.operate(operation)
    assert (shown["status"]["phase"], shown["spec"]["suspend"]) == ("Running", True)
    shown = told.operate("resume")
    assert (shown["status"]["phase"], shown["status"]["message"]) == ("Failed", f"Stopped with strategy '{operation.title()}'")


def test_a_suspended_workflow_whose_entry_has_ended_goes_on_once_it_is_resumed(tell: Tell) -> None:
    told = held(tell, GROUP.replace("entrypoint: main", "entrypoint: single"))
    assert (told.phases()[""], told.run.head["phase"]) == ("Failed", "Running")
    assert told.operate("resume")["status"]["phase"] == "Failed"


def test_exit_handlers_of_what_ended_meanwhile_run_once_the_workflow_is_resumed(tell: Tell) -> None:
    told = held(tell)
    assert "[0].a.onExit" not in told.phases()
    assert told.operate("resume")["status"]["phase"] == "Succeeded"
    assert told.phases()["[0].a.onExit"] == "Succeeded"
