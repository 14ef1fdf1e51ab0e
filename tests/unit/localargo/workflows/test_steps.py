"""Steps: groups in turn, failures, loops, skipped outputs."""

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
  arguments: {parameters: [{name: p, value: a-b}]}
  templates:
  - {name: ok, container: {image: i, command: [exit, "0"]}}
  - {name: bad, container: {image: i, command: [exit, "1"]}}
  - {name: out, container: {image: i, command: [write, val]}, outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}}
  - {name: dflt, container: {image: i, command: [write, val]}, outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o, default: D}}]}}
  - {name: say, inputs: {parameters: [{name: v, default: own}]}, container: {image: i, command: [say, "{{inputs.parameters.v}}"]}}
  - name: main
    steps:
"""


def test_a_failed_step_ends_it_after_its_group(tell: Tell) -> None:
    told = tell(HEAD + "    - [{name: a, template: bad}, {name: b, template: ok}]\n    - [{name: c, template: ok}]")
    shown = told.play()["status"]
    child = told.nodes()["[0].a"]["id"]
    assert (shown["phase"], shown["message"]) == ("Failed", f"child '{child}' failed")
    assert set(told.phases()) == {"", "[0]", "[0].a", "[0].b"}


def test_continue_on(tell: Tell) -> None:
    told = tell(HEAD + "    - [{name: a, template: bad, continueOn: {failed: true}}]\n    - [{name: c, template: ok}]")
    assert told.play()["status"]["phase"] == "Succeeded"
    told = tell(HEAD + "    - [{name: a, template: bad, continueOn: {error: true}}]\n    - [{name: c, template: ok}]")
    assert told.play()["status"]["phase"] == "Failed"


def test_what_skipped_steps_give(tell: Tell) -> None:
    told = tell(
        HEAD
        + """    - [{name: a, template: out, when: "1 == 2"}, {name: b, template: dflt, when: "1 == 2"}]
    - - {name: c, template: say, arguments: {parameters: [{name: v, value: "{{steps.b.outputs.parameters.o}}"}]}}
      - {name: d, template: say, arguments: {parameters: [{name: v, value: "{{steps.a.outputs.parameters.o}}"}]}}
      - {name: e, template: say, arguments: {parameters: [{name: v, value: "{{=steps.a.outputs.parameters.o ?? 'else'}}"}]}}
    - [{name: f, template: say, arguments: {parameters: [{name: v, value: "x{{steps.a.outputs.parameters.o}}"}]}}]
"""
    )
    shown = told.play()["status"]
    assert [p.containers[0].command[1] for p in told.pods] == ["D", "own", "else"]
    assert shown["message"].startswith("failed to resolve references: unable to substitute {{steps.a.outputs.parameters.o}}")


def test_a_when_that_cannot_be_evaluated(tell: Tell) -> None:
    told = tell(HEAD + '    - [{name: a, template: ok, when: "{{workflow.parameters.p}} == x"}]')
    shown = told.play()["status"]
    assert shown["phase"] == "Failed"
    assert "Failed to evaluate 'when' expresion 'a-b == x'" in shown["message"]
    assert told.phases()["[0]"] == "Error"


def test_an_item_may_be_asked_in_when(tell: Tell) -> None:
    told = tell(
        HEAD
        + """    - - name: l
        template: say
        when: "{{item}} > 1"
        withItems: [1, 2]
        arguments: {parameters: [{name: v, value: "{{item}}"}]}
"""
    )
    told.play()
    assert told.phases() == {"": "Succeeded", "[0]": "Succeeded", "[0].l(0:1)": "Skipped", "[0].l(1:2)": "Succeeded"}
    assert told.nodes()["[0].l(0:1)"]["message"] == "when '1 > 1' evaluated false"


def test_groups_hang_on_what_ended_before_them(tell: Tell) -> None:
    told = tell(
        HEAD
        + """    - [{name: a, template: ok}, {name: b, template: ok}]
    - [{name: c, template: ok, withParam: '[]'}]
    - [{name: d, template: ok}]
"""
    )
    told.play()
    nodes = told.nodes()
    assert nodes["[0].a"]["children"] == nodes["[0].b"]["children"] == [nodes["[1]"]["id"]]
    assert nodes["[1].c"]["children"] == [nodes["[2]"]["id"]]
    assert nodes[""]["outboundNodes"] == [nodes["[2].d"]["id"]]


def test_recursion_has_an_end(tell: Tell) -> None:
    told = tell(
        """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - {name: main, steps: [[{name: a, template: main}]]}
"""
    )
    told.play()
    deepest = max(told.nodes().values(), key=lambda n: len(n["name"]))
    assert (deepest["phase"], deepest["message"][:32]) == ("Error", "Maximum recursion depth exceeded")


def test_results_of_a_loop_that_are_no_json_end_it_before_the_next_group(tell: Tell) -> None:
    told = tell(
        HEAD
        + """    - [{name: f, template: say, arguments: {parameters: [{name: v, value: "{{item}}"}]}, withItems: [one, two]}]
    - [{name: u, template: say, arguments: {parameters: [{name: v, value: "{{steps.f.outputs.result}}"}]}}]
"""
    )
    shown = told.play()["status"]
    assert shown["phase"] == "Error"
    assert shown["message"].startswith("error in entry template execution: invalid character")
    assert set(told.phases()) == {"", "[0]", "[0].f(0:one)", "[0].f(1:two)"}


def test_a_loop_over_an_inline_template_cannot_be_put_together(tell: Tell) -> None:
    inline = "{name: f, inline: {container: {image: i, command: [exit, '0']}}, withItems: [1]}"
    for body in (f"    - [{inline}]\n    - [{{name: u, template: ok}}]\n", f"    - [{inline}]\n"):
        shown = tell(HEAD + body).play()["status"]
        assert (shown["phase"], shown["message"]) == ("Error", "error in entry template execution: failed to get a template")


def test_steps_that_are_none_are_no_template(tell: Tell) -> None:
    shown = tell(HEAD.removesuffix("\n") + " []\n").play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", "error in entry template execution: Template 'main' missing specification")


def test_an_expression_without_a_value_that_json_in_json_breaks_makes_no_pod(tell: Tell) -> None:
    told = tell(HEAD.replace('[say, "{{inputs.parameters.v}}"]', '[say, "{{=later > 1}}"]') + "    - [{name: a, template: say}]\n")
    told.play()
    assert told.nodes()["[0].a"]["message"] == "failed to unmarshall JSON expression: invalid character '>' in string escape code"
    told = tell(HEAD.replace('[say, "{{inputs.parameters.v}}"]', "[say, '{{=later + \"x\"}}']") + "    - [{name: a, template: say}]\n")
    told.play()
    assert told.nodes()["[0].a"]["message"].startswith("failed to evaluate expression: unrecognized character: U+005C '\\'")


def test_what_was_made_beside_a_call_that_cannot_be_made_runs_to_its_end(tell: Tell) -> None:
    told = tell(HEAD + "    - [{name: a, template: ok, withItems: [x, y z], when: '{{item}} == x'}]\n")
    shown = told.play()["status"]
    assert shown["phase"] == "Failed"
    assert shown["message"].startswith("Invalid 'when' expression 'y z == x'")
    assert told.phases() == {"": "Failed", "[0]": "Error", "[0].a(0:x)": "Succeeded", "[0].a(1:y z)": "Error"}


def test_defaults_of_templates_are_merged_by_name(tell: Tell) -> None:
    head = HEAD.replace("  templates:", "  templateDefaults: {outputs: {parameters: [{name: e, valueFrom: {path: /e}}]}}\n  templates:", 1)
    told = tell(head + "    - [{name: a, template: out}]\n")
    told.play()
    assert [o["name"] for o in told.nodes()["[0].a"]["outputs"]["parameters"]] == ["o", "e"]


def test_what_was_called_before_a_call_that_cannot_be_made_has_begun(tell: Tell) -> None:
    inner = "  - {name: inner, steps: [[{name: k, template: ok}]]}\n  - name: main\n"
    told = tell(HEAD.replace("  - name: main\n", inner) + "    - [{name: a, template: inner}, {name: b, template: ok, when: x y}]\n")
    told.play()
    assert "[0]" in told.phases()
    broken = "{name: b, template: '{{item}}', withItems: [none]}"
    told = tell(HEAD.replace("  - name: main\n", inner) + f"    - [{{name: a, template: inner}}, {broken}]\n")
    told.play()
    assert told.phases() == {"": "Failed", "[0]": "Error", "[0].a": "Running", "[0].b(0:none)": "Error"}
