"""The shape of a dag, and how its end is judged."""

from __future__ import annotations

import pytest

from localargo.expressions import ExpressionError
from localargo.workflows.graph import graph_of


def test_dependencies_conditions_and_targets() -> None:
    graph = graph_of(
        {
            "tasks": [
                {"name": "a"},
                {"name": "b-1", "depends": "a && !c.Failed"},
                {"name": "c", "continueOn": {"failed": True}},
                {"name": "d", "dependencies": ["b-1", "c"]},
            ]
        }
    )
    assert graph.dependencies == {"a": [], "b-1": ["a", "c"], "c": [], "d": ["b-1", "c"]}
    assert graph.targets == ["d"]
    assert graph.logic["b-1"] == "(a.Succeeded || a.Skipped || a.Daemoned) && !c.Failed"
    assert graph.logic["d"].endswith("(c.Succeeded || c.Skipped || c.Daemoned || c.Failed)")
    assert graph.ancestors("d") == ["a", "c", "b-1"]
    done = {"a": {"Succeeded": False, "Skipped": True, "Daemoned": False}, "c": {"Failed": False}}
    assert graph.holds("b-1", done)
    assert not graph.holds("b-1", {**done, "c": {"Failed": True}})


def test_a_condition_is_an_expression() -> None:
    tasks = [{"name": "a-1"}, {"name": "b", "depends": "a-1.Succeeded != a-1.Failed"}, {"name": "c", "depends": "a-1 &&"}]
    graph = graph_of({"tasks": tasks})
    words = {w: w == "Failed" for w in ("Succeeded", "Failed", "Skipped", "Daemoned")}
    assert graph.holds("b", {"a-1": words})
    with pytest.raises(ExpressionError) as told:
        graph.holds("c", {"a-1": words})
    text = "(a_1.Succeeded || a_1.Skipped || a_1.Daemoned) &&"
    place = f"(1:{len(text)})\n | {text}\n | {'.' * (len(text) - 1)}^"
    assert str(told.value) == f"unable to evaluate expression '{text}': unexpected token EOF {place}"


def test_targets_may_be_named() -> None:
    assert graph_of({"target": "x y", "tasks": [{"name": "x"}, {"name": "y"}, {"name": "z"}]}).targets == ["x", "y"]
