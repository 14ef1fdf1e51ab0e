import json

import click
import pytest
import yaml

from retrain.display import tree


def node(name: str, kind: str = "Pod", phase: str = "Succeeded", at: str = "00", **more: object) -> tuple[str, dict[str, object]]:
    times = {"startedAt": f"2026-01-01T00:00:{at}Z", "finishedAt": f"2026-01-01T00:00:{at}Z"}
    return name, {"id": name, "name": name, "type": kind, "phase": phase, "templateName": "t", **times, **more}


def workflow(*nodes: tuple[str, dict[str, object]], **status: object) -> dict[str, object]:
    return {"metadata": {"name": "w"}, "status": {"phase": "Running", "nodes": dict(nodes), **status}}


def drawn(*nodes: tuple[str, dict[str, object]]) -> list[str]:
    """The first column of the tree."""
    text = [click.unstyle(line) for line in tree.lines(workflow(*nodes))]
    header = next(i for i, line in enumerate(text) if line.startswith("STEP"))
    width = text[header].index("TEMPLATE")
    return [line[:width].rstrip() for line in text[header + 1 :]]


def test_a_workflow_without_status_has_a_summary_alone() -> None:
    (name, status, created) = (click.unstyle(line) for line in tree.lines({"metadata": {"name": "w"}}))
    assert name == "Name:       w"
    assert status == "Status:     ◷ Pending"
    assert created.startswith("Created:")


def test_what_is_suspended_does_not_look_as_if_it_ran() -> None:
    text = [click.unstyle(line) for line in tree.lines(workflow(node("w", "DAG", "Running"), node("w.ask", "Suspend", "Running")))]
    assert "Status:     ⏸ Suspended" in text
    assert text[-1].startswith("└─ ⏸ w.ask") and text[-1].endswith("suspended")
    assert tree.lines({"metadata": {"name": "w"}, "spec": {"suspend": True}, "status": {"phase": "Running"}})[1].count("Suspended") == 1
    ended = [click.unstyle(line) for line in tree.lines(workflow(node("w.ask", "Suspend")))]
    assert "Status:     ● Running" in ended


def test_a_condition_keeps_its_own_quotes_alone() -> None:
    quoted, bare = "when ''yes' == 'no'' evaluated false", "when 'no == yes' evaluated false"
    text = tree.lines(workflow(node("w.a", "Skipped", "Skipped", message=quoted), node("w.b", "Skipped", message=bare)))
    assert any(line.endswith("when 'yes' == 'no' evaluated false") for line in text)
    assert any(line.endswith(bare) for line in text)


def test_arguments_outputs_and_a_message_stand_in_the_summary() -> None:
    told = workflow(
        message="it  failed", progress="1/2", outputs={"parameters": [{"name": "o", "value": "1"}, {"name": "q", "value": "2"}]}
    )
    told["spec"] = {"arguments": {"parameters": [{"name": "a", "value": "x" * 200}, {"name": "b"}]}}
    text = [click.unstyle(line) for line in tree.lines(told)]
    assert "Message:    it failed" in text
    assert "Progress:   1/2" in text
    assert "Parameters: a = " + "x" * 99 + "…" in text
    assert "            b =" in [line.rstrip() for line in text]
    assert "Outputs:    o = 1" in text
    assert "            q = 2" in text


def test_children_stand_under_the_longest_name_that_begins_theirs_in_order_of_start() -> None:
    rows = drawn(
        node("w", "DAG"),
        node("w.b", at="02", displayName="b"),
        node("w.a", "DAG", at="01", displayName="a"),
        node("w.a.x", displayName="x"),
    )
    assert rows == ["✔ w", "├─ ✔ a", "│  └─ ✔ x", "└─ ✔ b"]


def test_within_a_second_what_waits_comes_after_what_it_waits_for_numbers_count_and_the_exit_handler_is_last() -> None:
    rows = drawn(
        node("w", "DAG", children=["w.z(10)", "w.z(2)"]),
        node("w.onExit", displayName="w.onExit"),
        node("w.a", displayName="a", children=["gone"]),
        node("w.m", displayName="m", children=["w.a"]),
        node("w.z(10)", displayName="z(10)", children=["w.m"]),
        node("w.z(2)", displayName="z(2)", children=["w.m"]),
    )
    assert rows == ["✔ w", "├─ ✔ z(2)", "├─ ✔ z(10)", "├─ ✔ m", "├─ ✔ a", "└─ ✔ w.onExit"]


def test_a_step_group_is_not_drawn_and_its_steps_move_up() -> None:
    rows = drawn(node("w", "Steps"), node("w[0]", "StepGroup"), node("w[0].a", displayName="a"), node("w[1]", "StepGroup"))
    assert rows == ["✔ w", "└─ ✔ a"]


def test_a_single_attempt_is_shown_as_the_step_itself() -> None:
    told = workflow(
        node("w", "DAG"),
        node("w.a", "Retry", "Failed", message="No more retries left"),
        node("w.a(0)", phase="Failed", message="exit code 3", displayName="a(0)"),
    )
    text = [click.unstyle(line) for line in tree.lines(told)]
    assert "a(0)" not in "\n".join(text)
    assert "exit code 3" in text[-1]


def test_several_attempts_are_all_shown() -> None:
    rows = drawn(
        node("w.a", "Retry", displayName="a"),
        node("w.a(0)", phase="Failed", displayName="a(0)"),
        node("w.a(1)", at="01", displayName="a(1)"),
    )
    assert rows == ["✔ a", "├─ ✖ a(0)", "└─ ✔ a(1)"]


def test_what_moved_is_told_once_without_groups_and_attempts_that_need_no_word() -> None:
    seen: dict[str, str] = {}
    first = workflow(
        node("w", "Steps", phase="Running"),
        node("w[0]", "StepGroup", phase="Running"),
        node("w[0].a", "Retry", phase="Running", children=["w[0].a(0)", "w[0].a(1)"]),
        node("w[0].a(0)", phase="Failed", message="gone"),
        node("w[0].a(1)", phase="Pending"),
        node("w[0].b", phase="Pending"),
    )
    assert tree.news(seen, first) == ["Running    w", "Running    w[0].a", "Failed     w[0].a(0)  gone"]
    assert tree.news(seen, first) == []
    then = workflow(node("w[0].a", "Retry", children=["w[0].a(1)"]), node("w[0].a(1)"), node("w[0].b", phase="Running"))
    assert tree.news(seen, then) == ["Succeeded  w[0].a", "Running    w[0].b"]


def test_drawing_leaves_the_workflow_as_it_is() -> None:
    told = workflow(node("w.a", "Retry"), node("w.a(0)", message="only"))
    before = repr(told)
    tree.lines(told)
    assert repr(told) == before


def test_a_reference_is_named_by_its_template_and_a_long_message_is_cut_to_one_line() -> None:
    reference = {"name": "lib", "template": "train"}
    told = workflow(node("w", phase="Skipped", kind="Skipped", templateRef=reference, message="a\nb " + "m" * 300))
    row = click.unstyle(tree.lines(told)[-1])
    assert row.split()[:3] == ["○", "w", "lib/train"]
    assert "a b mmm" in row
    assert row.endswith("…")


def test_a_node_that_waits_and_one_of_an_unknown_phase_have_the_same_mark() -> None:
    assert drawn(node("w", phase="Pending")) == ["◷ w"]
    assert drawn(node("w", phase="")) == ["◷ w"]


def test_what_others_wrote_moves_no_cursor_and_changes_no_colour() -> None:
    evil = "\x1b[2Jgone\x9b31m\u202e"
    told = workflow(node("w", "DAG"), node(f"w(0:{evil})", displayName=f"w(0:{evil})", message=evil), message=evil)
    told["spec"] = {"arguments": {"parameters": [{"name": evil, "value": evil}]}}
    text = "\n".join(tree.lines(told))
    for sign in ("\x1b[2J", "\x9b", "\u202e"):
        assert sign not in text
    assert text.count("\\x1b[2Jgone\\x9b31m\\u202e") == 5


def test_several_workflows_are_one_list_and_the_same_tree_in_json_and_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    for given in ([], [workflow(node("w"))], [workflow(), workflow(node("w"))]):
        tree.show(given, "json")
        told = json.loads(capsys.readouterr().out)
        tree.show(given, "yaml")
        assert told == yaml.safe_load(capsys.readouterr().out) == {"apiVersion": "v1", "kind": "List", "items": given}
        tree.show(given, "name")
        assert capsys.readouterr().out == "w\n" * len(given)
