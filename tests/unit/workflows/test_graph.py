"""The shape of a dag, and how its end is judged."""

from __future__ import annotations

from retrain.workflows.graph import graph_of


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
    done = {"a": {"Skipped": True}, "c": {"Failed": False}}
    assert graph.depends("b-1").evaluate(done)
    assert not graph.depends("b-1").evaluate({**done, "c": {"Failed": True}})


def test_targets_may_be_named() -> None:
    assert graph_of({"target": "x y", "tasks": [{"name": "x"}, {"name": "y"}, {"name": "z"}]}).targets == ["x", "y"]
