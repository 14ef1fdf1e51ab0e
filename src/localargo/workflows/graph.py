"""The dependencies of a dag template's tasks and their `depends` conditions. Computed once per node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from localargo.expressions import ExpressionError, exprlang
from localargo.ports import Doc

_NAMES = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?\.[A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")


@dataclass(slots=True)
class Graph:
    """Tasks by name with their dependencies."""

    tasks: dict[str, Doc]
    dependencies: dict[str, list[str]] = field(default_factory=dict)
    logic: dict[str, str] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)

    def holds(self, name: str, results: Mapping[str, Mapping[str, bool]]) -> bool:
        """Whether the task's `depends` condition holds. `results`: result words of each dependency.

        Raises ExpressionError in Argo's words.
        """
        text = self.logic[name].replace("-", "_")
        try:
            return exprlang.holds(text, {dependency.replace("-", "_"): words for dependency, words in results.items()})
        except ExpressionError as error:
            raise ExpressionError(f"unable to evaluate expression '{text}': {error}") from error

    def ancestors(self, name: str) -> list[str]:
        """All direct and indirect dependencies of the task; nearest last."""
        seen: dict[str, None] = {}

        def visit(task: str) -> None:
            for dependency in self.dependencies[task]:
                if dependency not in seen:
                    visit(dependency)
                    seen[dependency] = None

        visit(name)
        return list(seen)


def graph_of(dag: Doc) -> Graph:
    """The graph of a dag field."""
    graph = Graph({t["name"]: t for t in dag.get("tasks") or ()})
    for name, task in graph.tasks.items():
        graph.logic[name], graph.dependencies[name] = _logic(graph, task)
    if dag.get("target"):
        graph.targets = str(dag["target"]).split(" ")
    else:
        needed = {d for dependencies in graph.dependencies.values() for d in dependencies}
        graph.targets = sorted(name for name in graph.tasks if name not in needed)
    return graph


def _logic(graph: Graph, task: Doc) -> tuple[str, list[str]]:
    text = task.get("depends") or " && ".join(_expanded(graph, d) for d in task.get("dependencies") or ())
    names: dict[str, None] = {}

    def replace(match: re.Match[str]) -> str:
        name = (match[1] or match[2]).partition(".")[0]
        names[name] = None
        return match[0] if match[1] else _expanded(graph, name)

    return _NAMES.sub(replace, text), [n for n in names if n in graph.tasks]


def _expanded(graph: Graph, name: str) -> str:
    policy = (graph.tasks.get(name) or {}).get("continueOn") or {}
    words = ["Succeeded", "Skipped", "Daemoned"]
    words += ["Errored"] if policy.get("error") else []
    words += ["Failed"] if policy.get("failed") else []
    return "(" + " || ".join(f"{name}.{word}" for word in words) + ")"
