"""The reconcile function as a whole: it is pure, costs what changed, and forgets nothing over a load."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from localargo.workflows.index import Index
from localargo.workflows.messages import Run
from localargo.workflows.reconcile import reconcile
from localargo.workflows.run import apply

Tell = Callable[..., Any]

FAN = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    %s
    dag:
      tasks:
      - {name: f, template: leaf, withSequence: {count: "%d"}, arguments: {parameters: [{name: v, value: "{{item}}"}]}}
      - {name: g, depends: f, template: leaf, arguments: {parameters: [{name: v, value: "{{tasks.f.outputs.parameters.o}}"}]}}
  - name: leaf
    inputs: {parameters: [{name: v}]}
    container: {image: i, command: [write, "{{inputs.parameters.v}}"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
"""


def test_a_fan_out_is_made_run_and_collected(tell: Tell) -> None:
    told = tell(FAN % ("", 12))
    shown = told.play()
    assert shown["status"]["phase"] == "Succeeded"
    assert told.nodes()[".g"]["inputs"]["parameters"][0]["value"] == json.dumps([str(i) for i in range(12)], separators=(",", ":"))
    assert shown["status"]["progress"] == "13/13"


def test_what_an_end_changes_does_not_grow_with_the_fan_out(tell: Tell) -> None:
    sizes = {}
    for count in (10, 300):
        told = tell(FAN % ("", count))
        told.hold = {f"f({i}:{i})" for i in range(count)}
        told.play()
        node = next(n for n, d in told.run.nodes.items() if d["displayName"] == "f(7:7)")
        told.let_go(node)
        told.step()
        outcome = told.step()
        sizes[count] = (len(outcome.nodes), len(outcome.edges), len(outcome.actions))
        assert list(outcome.nodes) == [node]
    assert sizes[10] == sizes[300]


def test_parallelism_keeps_only_so_many_at_a_time(tell: Tell) -> None:
    told = tell(FAN % ("parallelism: 3", 9))
    told.hold = {f"f({i}:{i})" for i in range(9)}
    most = 0
    told.play()
    while told.held:
        most = max(most, len(told.held))
        told.let_go(next(iter(told.held)))
        told.play()
    assert most == 3
    assert told.run.head["phase"] == "Succeeded"


def test_nothing_of_the_run_is_changed(tell: Tell) -> None:
    told = tell(FAN % ("", 3))
    while told.facts:
        before = copy.deepcopy((told.run.head, told.run.nodes, told.run.edges, told.run.private, told.run.workflow))
        reconcile(told.run, [told.facts[0]], told.world, told.now)
        assert before == (told.run.head, told.run.nodes, told.run.edges, told.run.private, told.run.workflow)
        told.step()
    assert told.run.head["phase"] == "Succeeded"


def test_the_counters_are_those_of_a_fresh_index_after_every_fact(tell: Tell) -> None:
    told = tell(FAN % ("parallelism: 2", 5))
    while told.facts:
        told.step()
        kept = {k: v for k, v in told.run.index.counts.items() if v}
        fresh = {k: v for k, v in Index(told.run).counts.items() if v}
        assert kept == fresh
    assert told.run.head["phase"] == "Succeeded"


def test_a_load_at_any_point_changes_nothing(tell: Tell) -> None:
    told = tell(FAN % ("parallelism: 2", 4))
    while told.facts:
        run = told.run
        told.run = Run(*json.loads(json.dumps([run.workflow, run.head, run.nodes, run.edges, run.private])))
        told.step()
    assert told.run.head["phase"] == "Succeeded"
    assert len(told.pods) == 5


def test_a_fact_told_twice_is_taken_once(tell: Tell) -> None:
    told = tell(FAN % ("", 2))
    while told.facts:
        fact = told.facts[0]
        told.step()
        again = reconcile(told.run, [fact], told.world, told.now)
        assert again.actions == []
        apply(told.run, again)
    assert told.run.head["phase"] == "Succeeded"
    assert len(told.pods) == 3
