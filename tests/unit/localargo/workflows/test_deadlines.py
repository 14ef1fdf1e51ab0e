"""Time limits of what waits: `timeout` and `pendingTimeout`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Tell = Callable[..., Any]

HEAD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - {name: well, container: {image: i, command: [exit, "0"]}}
"""
LOCKED = (
    HEAD
    + """
  - {name: locked, timeout: 9s, synchronization: {mutexes: [{name: m}]}, container: {image: i, command: [exit, "0"]}}
  - name: again
    timeout: 9s
    retryStrategy: {limit: 1}
    synchronization: {mutexes: [{name: m}]}
    container: {image: i, command: [exit, "0"]}
"""
)


def test_a_task_that_waits_too_long_for_its_lock(tell: Tell) -> None:
    told = tell(
        LOCKED
        + """
  - name: main
    dag:
      tasks:
      - {name: a, template: locked}
      - {name: b, template: again}
      - {name: loop, template: locked, withItems: [1, 2]}
      - {name: after, depends: a.Failed, template: well}
"""
    )
    told.busy = {"a", "b", "loop(0:1)", "loop(1:2)"}
    told.play()
    assert told.nodes()[".b"]["type"] == "Retry"
    told.wait()
    waited = [told.nodes()[n] for n in (".a", ".b", ".loop(0:1)", ".loop(1:2)")]
    assert {(n["phase"], n["message"]) for n in waited} == {("Failed", "timeout")}
    assert told.phases()[".after"] == "Succeeded"
    assert told.run.head["phase"] == "Failed"


def test_a_step_that_waits_too_long_fails_its_group_at_once(tell: Tell) -> None:
    told = tell(LOCKED + "  - {name: main, steps: [[{name: a, template: locked}, {name: b, template: well}], [{name: c, template: well}]]}")
    told.busy, told.hold = {"a"}, {"b"}
    told.play()
    told.wait()
    assert told.nodes()["[0]"]["message"] == told.nodes()[""]["message"] == "timeout"
    told.let_go(next(iter(told.held)))
    told.play()
    assert (told.run.head["phase"], told.run.head["message"]) == ("Failed", "timeout")
    assert "[1]" not in told.phases()


def test_an_entry_template_that_waits_too_long(tell: Tell) -> None:
    told = tell(LOCKED.replace("entrypoint: main", "entrypoint: locked"))
    told.busy = {"w"}
    told.play()
    told.wait()
    assert (told.run.head["phase"], told.run.head["message"]) == ("Error", "error in entry template execution: timeout")
    assert told.phases() == {"": "Failed"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("timeout: 2s", "w.a exceeded its deadline"),
        (
            "activeDeadlineSeconds: 0",
            'Pod "w-short-205987851" is invalid: spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
        ),
    ],
)
def test_times_too_short_for_a_pod(tell: Tell, fields: str, message: str) -> None:
    told = tell(
        HEAD
        + f"""
  - {{name: main, dag: {{tasks: [{{name: a, template: short}}]}}}}
  - {{name: short, {fields}, container: {{image: i, command: [exit, "0"]}}}}
"""
    )
    told.play()
    assert (told.nodes()[".a"]["phase"], told.nodes()[".a"]["message"]) == ("Error", message)


def test_an_attempt_that_cannot_be_made_is_an_error_of_the_task(tell: Tell) -> None:
    again = (
        HEAD
        + """
  - {name: main, dag: {tasks: [{name: a, template: short}]}}
  - {name: short, timeout: 2s, retryStrategy: {limit: 1, retryPolicy: Always}, container: {image: i, command: [exit, "0"]}}
"""
    )
    told = tell(again.replace(", retryPolicy: Always", ""))
    told.play()
    assert told.nodes()[".a"]["message"] == "w.a(0) exceeded its deadline"
    told = tell(again)
    told.play()
    assert told.nodes()[".a"]["message"] == "No more retries left"
    assert told.phases()[".a(1)"] == "Error"


def test_no_attempt_goes_on_after_the_time_for_all(tell: Tell) -> None:
    told = tell(
        HEAD
        + """
  - name: main
    retryStrategy: {limit: 3, backoff: {duration: "1", maxDuration: "20"}}
    container: {image: i, command: [exit, "3"]}
"""
    )
    told.play()
    first = told.now
    told.hold = {"w(1)"}
    told.wait()
    assert told.pods[0].stop_at is None
    assert told.pods[1].stop_at == pytest.approx(first + 20, abs=0.1)
    assert told.pods[1].deadline is None
