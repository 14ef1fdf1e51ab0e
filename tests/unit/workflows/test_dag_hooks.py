"""Hooks and exit handlers of a dag's tasks, of loops, and of tasks that are templates."""

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
%s
  templates:
  - {name: ok, container: {image: i, command: [exit, "0"]}}
  - {name: code, inputs: {parameters: [{name: c}]}, container: {image: i, command: [exit, "{{inputs.parameters.c}}"]}}
  - {name: say, inputs: {parameters: [{name: v}]}, container: {image: i, command: [say, "{{inputs.parameters.v}}"]}}
  - {name: again, retryStrategy: {limit: 1}, container: {image: i, command: [exit, "0"]}}
  - name: main
    dag:
      tasks:
"""
LOOP = """      - name: a
        template: code
        withItems: %s
        arguments: {parameters: [{name: c, value: "{{item}}"}]}
        hooks:
          running: {template: ok, expression: 'tasks.a.status == "Running"'}
          done: {template: ok, expression: 'tasks.a.status != "Running"'}
          exit: {template: say, arguments: {parameters: [{name: v, value: "{{item}}"}]}}
"""


def test_a_loop_has_hooks_and_its_items_have_exit_handlers(tell: Tell) -> None:
    told = tell(HEAD % "" + LOOP % '["0", "3"]')
    assert told.play()["status"]["phase"] == "Failed"
    assert sorted(told.phases()) == [
        *("", ".a", ".a(0:0)", ".a(0:0).onExit", ".a(1:3)", ".a(1:3).onExit"),
        *(".a.hooks.done", ".a.hooks.running", ".a.onExit"),
    ]
    assert told.nodes()[".a(1:3).onExit"]["inputs"]["parameters"][0]["value"] == "{{item}}"


def test_what_depends_on_a_loop_begins_before_hooks_see_its_end(tell: Tell) -> None:
    told = tell(HEAD % "" + LOOP % '["0"]' + "      - {name: b, depends: a, template: ok}\n")
    told.hold = {"b"}
    told.play()
    assert sorted(told.phases()) == ["", ".a", ".a(0:0)", ".a(0:0).onExit", ".a.hooks.running", ".b"]
    told.wait()
    assert told.phases()[".a.hooks.done"] == told.phases()[".a.onExit"] == "Succeeded"
    told.let_go(next(iter(told.held)))
    assert told.play()["status"]["phase"] == "Succeeded"


def test_and_never_see_it_when_that_ends_at_once(tell: Tell) -> None:
    told = tell(HEAD % "" + LOOP % '["0"]' + "      - {name: b, depends: a, template: ok}\n")
    told.play()
    assert sorted(told.phases()) == ["", ".a", ".a(0:0)", ".a(0:0).onExit", ".a.hooks.running", ".b"]


def test_a_hook_of_a_loop_counts_as_one_that_succeeded(tell: Tell) -> None:
    told = tell(
        HEAD % ""
        + LOOP % '["3", "3"]'
        + """      - {name: any, depends: a.AnySucceeded, template: ok}
      - {name: all, depends: a.AllFailed, template: ok}
"""
    )
    told.play()
    assert (told.phases()[".any"], told.phases()[".all"]) == ("Succeeded", "Omitted")


def test_a_retried_task_is_seen_running_at_once(tell: Tell) -> None:
    told = tell(HEAD % "" + "      - {name: a, template: again, hooks: {h: {template: ok, expression: 'tasks.a.status == \"Running\"'}}}\n")
    told.play()
    assert told.phases()[".a.hooks.h"] == "Succeeded"


def test_a_wrong_hook_is_an_error_of_the_task_and_where_nothing_follows_of_the_dag(tell: Tell) -> None:
    wrong = "hooks: {h: {template: ok, expression: 'x'}}"
    told = tell(HEAD % "" + f"      - {{name: a, template: ok, {wrong}}}\n      - {{name: b, depends: a, template: ok}}\n")
    assert told.play()["status"]["phase"] == "Error"
    nodes = told.nodes()
    assert (nodes[".a"]["phase"], nodes[".a"]["message"]) == ("Error", "unknown name x (1:1)\n | x\n | ^")
    assert (nodes[".b"]["phase"], nodes[""].get("message")) == ("Omitted", None)
    told = tell(HEAD % "" + f"      - {{name: a, template: ok, {wrong}}}\n")
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", "error in entry template execution: unknown name x (1:1)\n | x\n | ^")
    assert told.phases() == {"": "Error", ".a": "Pending"}


def test_an_exit_handler_of_a_task_that_cannot_be_called_is_passed_over(tell: Tell) -> None:
    told = tell(HEAD % "" + "      - {name: a, template: ok, onExit: say}\n      - {name: b, depends: a, template: ok}\n")
    assert told.play()["status"]["phase"] == "Succeeded"
    nodes = told.nodes()
    assert (nodes[".a.onExit"]["type"], nodes[".a.onExit"]["phase"]) == ("Skipped", "Error")
    assert nodes[".a.onExit"]["id"] in nodes[".a"]["children"]


def test_an_exit_handler_waits_for_its_place(tell: Tell) -> None:
    told = tell(HEAD % "  parallelism: 1" + "      - {name: b, template: ok}\n      - {name: z, template: ok, onExit: ok}\n")
    told.hold = {"b"}
    told.play()
    assert told.phases() == {"": "Running", ".b": "Running"}
    told.hold = set()
    told.let_go(next(iter(told.held)))
    assert told.play()["status"]["phase"] == "Succeeded"
    assert told.phases()[".z.onExit"] == "Succeeded"


def test_exit_handlers_of_items_come_before_further_items(tell: Tell) -> None:
    loop = '      - {name: a, template: code, withItems: ["0", "0"], onExit: ok, arguments: {parameters: [{name: c, value: "{{item}}"}]}}\n'
    told = tell(HEAD % "  parallelism: 1" + loop)
    assert told.play()["status"]["phase"] == "Succeeded"
    assert [told.shown(p.node_id) for p in told.pods] == ["a(0:0)", "a(0:0).onExit", "a(1:0)", "a(1:0).onExit"]


NEEDS = """  - {name: needs, inputs: {parameters: [{name: v, valueFrom: {configMapKeyRef: {name: none, key: k}}}]}, suspend: {}}
"""


def test_an_item_that_cannot_be_called_ends_its_loop(tell: Tell) -> None:
    loop = "      - {name: a, template: needs, withItems: [1, 2], onExit: ok}\n"
    told = tell(HEAD % "" + loop + "      - {name: b, depends: a.Errored, template: ok}\n" + NEEDS)
    assert told.play()["status"]["phase"] == "Succeeded"
    assert told.phases() == {"": "Succeeded", ".a": "Error", ".a(0:1)": "Error", ".a.onExit": "Succeeded", ".b": "Succeeded"}
    nodes = told.nodes()
    assert nodes[".a(0:1)"]["message"].startswith("task 'w.a(0:1)' errored: unable to retrieve inputs.parameters.v from ConfigMap")
    assert nodes[".b"]["id"] in nodes[".a.onExit"]["children"]
    told = tell(HEAD % "" + loop + NEEDS)
    assert told.play()["status"]["phase"] == "Error"
    assert sorted(told.phases()) == ["", ".a", ".a(0:1)"]


def test_a_task_that_cannot_be_called_has_its_exit_handler_when_it_is_looked_at_again(tell: Tell) -> None:
    told = tell(HEAD % "" + "      - {name: a, template: needs, onExit: ok}\n" + NEEDS)
    told.play()
    assert sorted(told.phases()) == ["", ".a"]
    told = tell(HEAD % "" + "      - {name: a, template: needs, onExit: ok}\n      - {name: b, template: ok}\n" + NEEDS)
    told.play()
    assert sorted(told.phases()) == ["", ".a", ".a.onExit", ".b"]


def test_a_target_that_is_not_there_breaks_the_workflow(tell: Tell) -> None:
    text = HEAD.replace("    dag:", "    inputs: {parameters: [{name: t, value: nope}]}\n    dag:\n      target: '{{inputs.parameters.t}}'")
    told = tell(text % "" + "      - {name: a, template: ok}\n")
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", "target nope does not exist")
    assert told.nodes()[""]["message"] == "Workflow operation error"
