"""Exit handlers of a dag's tasks, of loops, and of tasks that are templates."""

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
%s
  templates:
  - {name: ok, container: {image: i, command: [exit, "0"]}}
  - {name: code, inputs: {parameters: [{name: c}]}, container: {image: i, command: [exit, "{{inputs.parameters.c}}"]}}
  - {name: say, inputs: {parameters: [{name: v}]}, container: {image: i, command: [say, "{{inputs.parameters.v}}"]}}
  - name: main
    dag:
      tasks:
"""
LOOP = """      - name: a
        template: code
        withItems: %s
        arguments: {parameters: [{name: c, value: "{{item}}"}]}
        hooks:
          exit: {template: say, arguments: {parameters: [{name: v, value: "{{item}}"}]}}
"""


def test_each_item_of_a_loop_and_the_loop_have_their_exit_handlers(tell: Tell) -> None:
    told = tell(HEAD % "" + LOOP % '["0", "3"]')
    assert told.play()["status"]["phase"] == "Failed"
    handlers = [".a(0:0).onExit", ".a(1:3).onExit", ".a.onExit"]
    assert sorted(told.phases()) == sorted(["", ".a", ".a(0:0)", ".a(1:3)", *handlers])
    assert told.nodes()[".a(0:0).onExit"]["inputs"]["parameters"][0]["value"] == "{{item}}"


def test_what_depends_on_a_loop_waits_for_its_exit_handler(tell: Tell) -> None:
    told = tell(HEAD % "" + LOOP % '["0"]' + "      - {name: b, depends: a, template: ok}\n")
    told.hold = {"a.onExit"}
    told.play()
    assert ".b" not in told.phases()
    told.let_go(next(iter(told.held)))
    assert told.play()["status"]["phase"] == "Succeeded"
    assert told.nodes()[".b"]["id"] in told.nodes()[".a.onExit"]["children"]


ITEMS = """      - {name: a, template: %s, withItems: [p, q, r], onExit: ok}
      - {name: b, depends: a, template: ok}
  - {name: sub, steps: [[{name: s, template: ok}]]}
"""


@pytest.mark.parametrize("template", ["sub", "ok"])
def test_what_comes_after_a_loop_waits_for_all_its_exit_handlers(tell: Tell, template: str) -> None:
    told = tell(HEAD % "" + ITEMS % template)
    assert told.play()["status"]["phase"] == "Succeeded"
    assert [told.shown(p.node_id) for p in told.pods][3:] == ["a(0:p).onExit", "a(1:q).onExit", "a(2:r).onExit", "a.onExit", "b"]


def test_an_exit_handler_of_a_loop_counts_as_one_that_succeeded(tell: Tell) -> None:
    told = tell(
        HEAD % ""
        + LOOP % '["3", "3"]'
        + """      - {name: any, depends: a.AnySucceeded, template: ok}
      - {name: all, depends: a.AllFailed, template: ok}
"""
    )
    told.play()
    assert (told.phases()[".any"], told.phases()[".all"]) == ("Succeeded", "Omitted")


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
    assert [told.shown(p.node_id) for p in told.pods] == ["a(0:0)", "a(0:0).onExit", "a(1:0)", "a(1:0).onExit", "a.onExit"]


BESIDE = """      - {name: d1, template: one}
      - {name: d2, template: two}
  - name: one
    dag: {tasks: [{name: a, template: ok, onExit: ok}, {name: b, depends: a, template: ok, when: "1 == 2"}]}
  - {name: two, dag: {tasks: [{name: x, template: ok, withItems: [0, 1, 2]}]}}
"""


@pytest.mark.parametrize("reload", [False, True])
def test_an_exit_handler_that_waits_for_its_place_outlives_a_restart(tell: Tell, reload: bool) -> None:
    told = tell(HEAD % "  parallelism: 2" + BESIDE)
    told.reload = reload
    told.hold = {"a", "x(0:0)", "x(1:1)", "x(2:2)"}
    told.play()
    for node in list(told.held):
        told.let_go(node)
    told.step(2)
    told.play()
    assert (told.phases()[".d1.b"], ".d1.a.onExit" in told.phases()) == ("Skipped", False)
    told.let_go(next(n for n in told.held if told.shown(n) == "x(1:1)"))
    told.play()
    assert told.phases()[".d1.a.onExit"] == "Succeeded"


@pytest.mark.parametrize("name", ["ok", "sub"])
@pytest.mark.parametrize("head", ["", "  parallelism: 1", "  parallelism: 2"])
def test_exit_handlers_of_a_loop_are_the_same_over_restarts(tell: Tell, name: str, head: str) -> None:
    seen = []
    for reload in (False, True):
        told = tell(HEAD % head + ITEMS % name)
        told.reload = reload
        assert told.play()["status"]["phase"] == "Succeeded"
        seen.append([told.shown(p.node_id) for p in told.pods])
    assert seen[0] == seen[1]


NEEDS = """  - {name: needs, inputs: {parameters: [{name: v, valueFrom: {configMapKeyRef: {name: none, key: k}}}]}, suspend: {}}
"""


def test_items_that_cannot_be_called_fail_their_loop_each_with_its_exit_handler(tell: Tell) -> None:
    loop = "      - {name: a, template: needs, withItems: [1, 2], onExit: ok}\n"
    told = tell(HEAD % "" + loop + "      - {name: b, depends: a.Errored, template: ok}\n" + NEEDS)
    assert told.play()["status"]["phase"] == "Succeeded"
    items = {".a": "Error", ".a(0:1)": "Error", ".a(1:2)": "Error"}
    exits = dict.fromkeys((".a.onExit", ".a(0:1).onExit", ".a(1:2).onExit", ".b"), "Succeeded")
    assert told.phases() == {"": "Succeeded", **items, **exits}
    assert told.nodes()[".a(0:1)"]["message"].startswith("unable to retrieve inputs.parameters.v from ConfigMap")
    told = tell(HEAD % "" + loop + NEEDS)
    assert told.play()["status"]["phase"] == "Error"


def test_a_task_that_cannot_be_called_has_its_exit_handler(tell: Tell) -> None:
    told = tell(HEAD % "" + "      - {name: a, template: needs, onExit: ok}\n" + NEEDS)
    told.play()
    assert sorted(told.phases()) == ["", ".a", ".a.onExit"]


def test_a_target_that_is_not_there_breaks_the_workflow(tell: Tell) -> None:
    text = HEAD.replace("    dag:", "    inputs: {parameters: [{name: t, value: nope}]}\n    dag:\n      target: '{{inputs.parameters.t}}'")
    told = tell(text % "" + "      - {name: a, template: ok}\n")
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", "target nope does not exist")
    assert told.nodes()[""]["message"] == "Workflow operation error"
