"""`failFast` of a template (not that of a dag): nothing goes on below it once something failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Tell = Callable[..., Any]

HEAD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - {name: ok, container: {image: i, command: [exit, "0"]}}
  - {name: bad, container: {image: i, command: [exit, "3"]}}
  - {name: again, retryStrategy: {limit: 2}, container: {image: i, command: [exit, "3"]}}
  - name: main
    failFast: true
"""
WORDS = "template has failed or errored children and failFast enabled"


def test_a_dag_begins_nothing_more_and_fails_with_its_last_pod(tell: Tell) -> None:
    told = tell(
        HEAD
        + """    dag:
      tasks:
      - {name: a, template: bad}
      - {name: b, depends: a.Failed, template: ok}
      - {name: c, template: ok}
      - {name: d, depends: c, template: ok}
"""
    )
    told.hold = {"c"}
    told.play()
    assert told.phases() == {"": "Running", ".a": "Failed", ".c": "Running"}
    told.let_go(next(iter(told.held)))
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Failed", WORDS)
    assert told.phases() == {"": "Failed", ".a": "Failed", ".c": "Succeeded"}


def test_steps_fail_with_their_group_whatever_may_go_on(tell: Tell) -> None:
    told = tell(HEAD + "    steps: [[{name: a, template: bad, continueOn: {failed: true}}], [{name: b, template: ok}]]\n")
    told.play()
    nodes = told.nodes()
    assert {k: (n["phase"], n.get("message")) for k, n in nodes.items() if k != "[0].a"} == {
        "": ("Failed", WORDS),
        "[0]": ("Failed", WORDS),
    }


def test_what_failed_is_not_tried_again(tell: Tell) -> None:
    told = tell(HEAD + "    steps: [[{name: a, template: again}]]\n")
    assert told.play()["status"]["phase"] == "Failed"
    assert told.phases() == {"": "Failed", "[0]": "Failed", "[0].a": "Running", "[0].a(0)": "Failed"}


def test_ends_of_pods_that_come_together_are_seen_together(tell: Tell) -> None:
    tasks = "[{name: a, template: ok}, {name: b, depends: a, template: ok}, {name: c, template: bad}]"
    told = tell(HEAD + f"    dag: {{tasks: {tasks}}}\n")
    told.hold = {"a", "c"}
    told.play()
    for node in list(told.held):
        told.let_go(node)
    told.step(2)
    assert told.phases() == {"": "Failed", ".a": "Succeeded", ".c": "Failed"}
