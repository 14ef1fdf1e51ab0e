"""A Workflow's nodes as the run's page shows them: its tasks as boxes, and every node as a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retrain.client.protocol import Doc
from retrain.display import tree
from retrain.display.output import duration, node_state, said
from retrain.page.drawing.graph import Box

Node = dict[str, Any]
WORK = ("Pod", "Suspend", "HTTP", "Plugin", "Container")  # nodes that do something themselves
EXIT = ".onExit"


@dataclass(frozen=True, slots=True)
class Row:
    """A node in the table of steps; `depth` is how many are above it."""

    id: str
    name: str
    depth: int
    state: str
    template: str
    spent: str
    running: bool
    started: str
    message: str
    pod: bool


def rows(workflow: Doc) -> list[Row]:
    """Every node that people are shown, in the order of the tree."""
    return [_row(prefix, node) for prefix, node in tree.walk((workflow.get("status") or {}).get("nodes") or {})]


def _row(prefix: str, node: Node) -> Row:
    reference = node.get("templateRef") or {}
    template = f"{reference['name']}/{reference['template']}" if reference else str(node.get("templateName") or "")
    state = node_state(node) or "Pending"
    started = str(node.get("startedAt") or "")
    return Row(
        id=str(node["id"]),
        name=str(node.get("displayName") or node["name"]),
        depth=len(prefix) // 3,
        state=state,
        template=template,
        spent=duration(node.get("startedAt"), node.get("finishedAt")) if node.get("type") != "Skipped" else "",
        running=bool(started) and not node.get("finishedAt"),
        started=started,
        message=said(str(node.get("message") or "")),
        pod=node.get("type") in ("Pod", "Retry") and state not in ("Pending", "Omitted", "Skipped"),
    )


def graph(workflow: Doc) -> tuple[list[Box], dict[str, list[str]]]:
    """The tasks below the Workflow's entrypoint, and what each waits for."""
    nodes: Mapping[str, Node] = (workflow.get("status") or {}).get("nodes") or {}
    by_name = {str(node["name"]): node for node in nodes.values()}
    root = str(workflow["metadata"]["name"])
    task_of = {key: _task(str(node["name"]), by_name, root) for key, node in nodes.items()}
    members: dict[str, list[Node]] = {}
    for key, node in nodes.items():
        if task_of[key]:
            members.setdefault(task_of[key], []).append(node)
    tasks = sorted(members, key=lambda name: (str(by_name[name].get("startedAt") or "~"), name))
    after: dict[str, list[str]] = {name: [] for name in tasks}
    for key in nodes:
        one = task_of[key]
        for other in _next(key, nodes, task_of) if one else ():
            if other != one and one not in after[other]:
                after[other].append(one)
    waited = {one for ones in after.values() for one in ones}
    for name in tasks:
        if name.endswith(EXIT):
            after[name] = [other for other in tasks if other not in waited and other != name]
    return [_box(by_name[name], members[name]) for name in tasks], after


def _task(name: str, by_name: Mapping[str, Node], root: str) -> str:
    """The task that a node belongs to: what stands right below the entrypoint; nothing for the entrypoint and for groups of steps."""
    if name == root or (by_name[name].get("type") == "StepGroup" and tree.above(name, by_name) in (None, root)):
        return ""
    while (parent := tree.above(name, by_name)) not in (None, root):
        name = str(parent)
    return name


def _next(key: str, nodes: Mapping[str, Node], task_of: Mapping[str, str]) -> list[str]:
    """The tasks that begin after a node, through groups of steps."""
    found, todo, met = [], list(nodes[key].get("children") or []), set()
    while todo:
        child = todo.pop()
        if child not in nodes or child in met:
            continue
        met.add(child)
        if task_of[child]:
            found.append(task_of[child])
        else:
            todo += nodes[child].get("children") or []
    return found


def _box(task: Node, members: list[Node]) -> Box:
    state = node_state(task) or "Pending"
    work = [node for node in members if node.get("type") in WORK]
    if task.get("type") == "TaskGroup" and work:
        done = sum(node_state(node) == "Succeeded" for node in work)
        under = f"{done} of {len(work)}"
    else:
        under = duration(task.get("startedAt"), task.get("finishedAt")) if task.get("type") != "Skipped" else ""
    waits = any(node_state(node) == "Suspended" for node in members)
    name = str(task.get("displayName") or task["name"])
    label = "at the end" if name.endswith(EXIT) else name
    return Box(str(task["name"]), label, "Suspended" if waits else state, under, f"#node-{task['id']}")
