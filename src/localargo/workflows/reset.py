"""Which nodes of a finished Workflow are removed, and which start again, when some of them are repeated."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from localargo.ports import Doc
from localargo.workflows.index import BAD

GROUPS = ("DAG", "TaskGroup", "StepGroup", "Steps")


class Tree:
    """The nodes with their children and one parent each (of several the last by id, as in Argo)."""

    def __init__(self, nodes: Mapping[str, Doc], edges: Mapping[str, Sequence[str]]) -> None:
        self.nodes = nodes
        self.edges = edges
        self.parent: dict[str, str] = {}
        for node in sorted(nodes):
            for child in edges.get(node, ()):
                self.parent[child] = node

    def below(self, node: str) -> set[str]:
        """All nodes below one."""
        seen: set[str] = set()
        todo = deque(self.edges.get(node, ()))
        while todo:
            child = todo.popleft()
            if child not in seen:
                seen.add(child)
                todo.extend(self.edges.get(child, ()))
        return seen

    def succeeded_below(self, node: str, but: set[str]) -> bool:
        """Whether a node below has succeeded and is not repeated."""
        return any(self.nodes[n]["phase"] == "Succeeded" and n not in but for n in self.below(node))

    def from_top(self, root: str) -> list[str]:
        """The root and the nodes below it, nearest first."""
        seen = {root: None}
        todo = deque([root])
        while todo:
            for child in self.edges.get(todo.popleft(), ()):
                if child not in seen:
                    seen[child] = None
                    todo.append(child)
        return list(seen)


def nodes_to_change(tree: Tree, root: str, wanted: Iterable[str]) -> tuple[set[str], set[str]]:
    """The nodes that start again and those that are removed, when the wanted ones are repeated."""
    chosen = set(wanted)
    reset: set[str] = set()
    gone: set[str] = set()
    for node in tree.from_top(root) if root in tree.nodes else ():
        if node in chosen and node not in gone:
            gone |= {node} | tree.below(node)
            if node != root:
                _reset_path(tree, node, reset, gone)
    return reset, gone


def _reset_path(tree: Tree, start: str, reset: set[str], gone: set[str]) -> None:
    """Start every node around the given one again: groups, templates, Retry nodes."""
    node: str | None = start
    while node is not None:
        doc = tree.nodes[node]
        if doc["type"] in GROUPS:
            reset.add(node)
            node = _boundaries(tree, node, reset)
            continue
        if doc["type"] == "Retry" and doc["phase"] in BAD:
            reset.add(node)
        node = tree.parent.get(node)


def _boundaries(tree: Tree, node: str, reset: set[str]) -> str | None:
    """The calling templates of a node, up to the top."""
    while True:
        above = tree.parent.get(node)
        if above is not None and tree.nodes[above]["type"] == "Retry":
            reset.add(above)
            node = above
            above = tree.parent.get(node)
        if above is not None and tree.nodes[above]["type"] in ("StepGroup", "TaskGroup"):
            reset.add(above)
        boundary = tree.nodes[node].get("boundaryID")
        if not boundary:
            return above
        found = _upwards(tree, node, boundary)
        if found is None:
            return None
        reset.add(found)
        node = found


def _upwards(tree: Tree, node: str, wanted: str) -> str | None:
    at: str | None = node
    while at is not None and at != wanted:
        at = tree.parent.get(at)
    return at
