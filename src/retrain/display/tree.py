"""Draws a Workflow's nodes as a tree. Node names are hierarchical: the parent is the longest name that begins the node's own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from retrain.display import output
from retrain.display.reasons import reason

Node = dict[str, Any]
GROUPS = ("StepGroup", "TaskGroup")


def show(workflows: list[dict[str, Any]], shape: str) -> None:
    """Print Workflows: a List as `json` or `yaml`, a `name` per line, else their trees."""
    if shape in ("json", "yaml"):
        output.emit({"apiVersion": "v1", "kind": "List", "items": workflows}, shape)
    elif shape == "name":
        for workflow in workflows:
            click.echo(workflow["metadata"]["name"])
    else:
        for i, workflow in enumerate(workflows):
            click.echo(("\n" if i else "") + "\n".join(lines(workflow)))


def lines(workflow: dict[str, Any]) -> list[str]:
    """Summary and tree of a Workflow as coloured lines."""
    metadata, status = workflow["metadata"], workflow.get("status") or {}
    head = [
        ("Name", metadata.get("name", "")),
        ("Status", output.phase(output.state(workflow))),
        ("Message", output.plain(reason(workflow))),
        ("Created", f"{metadata.get('creationTimestamp', '')} ({output.age(metadata.get('creationTimestamp'))} ago)"),
        ("Duration", output.duration(status.get("startedAt"), status.get("finishedAt"))),
        ("Progress", status.get("progress") or ""),
    ]
    arguments = (workflow.get("spec") or {}).get("arguments", {}).get("parameters") or []
    text = [f"{name + ':':<12}{value}" for name, value in head if value]
    text += [
        f"{'Parameters:' if i == 0 else '':<12}{output.plain(str(p['name']))} = {_short(str(p.get('value', '')))}"
        for i, p in enumerate(arguments)
    ]
    outputs = (status.get("outputs") or {}).get("parameters") or []
    text += [
        f"{'Outputs:' if i == 0 else '':<12}{output.plain(str(p['name']))} = {_short(str(p.get('value', '')))}"
        for i, p in enumerate(outputs)
    ]
    rows = _rows(status.get("nodes") or {})
    if not rows:
        return text
    columns = [("STEP", "TEMPLATE", "DURATION", "MESSAGE"), *rows]
    widths = [max(len(click.unstyle(row[i])) for row in columns) for i in range(3)]
    drawn = [
        "  ".join([*(c + " " * (w - len(click.unstyle(c))) for c, w in zip(row, widths, strict=False)), row[3]]).rstrip() for row in columns
    ]
    return [*text, "", *drawn]


def news(seen: dict[str, str], workflow: dict[str, Any]) -> list[str]:
    """A line for each step that began or ended since `seen` (phases by node id), which is brought up to date.

    Groups and attempts that need no word are left out: of an attempt it is told when it did not succeed.
    """
    nodes = (workflow.get("status") or {}).get("nodes", {})
    attempts = {child for node in nodes.values() if node.get("type") == "Retry" for child in node.get("children") or []}
    told = []
    for key, node in nodes.items():
        phase = node.get("phase", "")
        if seen.get(key) == phase:
            continue
        seen[key] = phase
        quiet = ("Pending", "Running", "Succeeded") if key in attempts else ("Pending",)
        if node.get("type") not in GROUPS and phase not in quiet:
            told.append(f"{phase:<10} {output.plain(node['name'])}  {output.plain(node.get('message') or '')}".rstrip())
    return told


def _rows(given: dict[str, Node]) -> list[tuple[str, str, str, str]]:
    return [_row(node, prefix) for prefix, node in walk(given)]


def walk(given: dict[str, Node]) -> list[tuple[str, Node]]:
    """The nodes in the order of the tree, each with the lines that are drawn before it: three letters for each node above it.

    A group of steps is left out, and a node that was tried once is drawn without its attempt.
    """
    nodes = {key: dict(node) for key, node in given.items()}  # the drawing changes copies, not the Workflow
    by_name = {n["name"]: n for n in nodes.values()}
    children: dict[str, list[Node]] = {}
    roots = []
    for node in nodes.values():
        parent = above(node["name"], by_name)
        if node.get("type") == "StepGroup":
            continue
        if parent is None:
            roots.append(node)
        else:
            children.setdefault(parent, []).append(node)
    for node in nodes.values():
        attempts = children.get(node["name"], [])
        if node.get("type") == "Retry" and len(attempts) == 1:  # a single attempt is drawn as its Retry node
            only = attempts[0]
            node.update({k: only[k] for k in ("startedAt", "finishedAt") if k in only})
            node["message"] = only.get("message") or node.get("message")
            children[node["name"]] = children.pop(only["name"], [])
    rows: list[tuple[str, Node]] = []
    depth = _depths(given)

    def order(node: Node) -> tuple[str, bool, int, list[str | int]]:
        """By start, to the second; within a second by what waits for what, an exit handler last."""
        name = str(node["name"])
        counted = [int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", name)]
        return node.get("startedAt") or "~", name.endswith(".onExit"), depth.get(node["id"], 0), counted

    def draw(node: Node, first: str, rest: str) -> None:
        rows.append((first, node))
        below = sorted(children.get(node["name"], []), key=order)
        for child in below:
            last = child is below[-1]
            draw(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))

    for root in sorted(roots, key=order):
        draw(root, "", "")
    return rows


def _depths(nodes: dict[str, Node]) -> dict[str, int]:
    """How many nodes must come before each: the longest path to it along `children`."""
    below = {key: [child for child in node.get("children") or [] if child in nodes] for key, node in nodes.items()}
    waits = Counter(child for children in below.values() for child in children)
    depth = dict.fromkeys(nodes, 0)
    ready = [key for key in nodes if not waits[key]]
    while ready:
        key = ready.pop()
        for child in below[key]:
            depth[child] = max(depth[child], depth[key] + 1)
            waits[child] -= 1
            if not waits[child]:
                ready.append(child)
    return depth


def above(name: str, nodes: Mapping[str, Node]) -> str | None:
    """The name of the node that a node is drawn below, of nodes by their names; None for a root."""
    parent = _parent(name, nodes)
    while parent is not None and nodes[parent].get("type") == "StepGroup":
        parent = _parent(parent, nodes)
    return parent


def _parent(name: str, names: Mapping[str, Node]) -> str | None:
    """The longest other node name that this name continues with a `.`, `[` or `(`."""
    for cut in reversed([m.start() for m in re.finditer(r"[.\[(]", name)]):
        if name[:cut] in names:
            return name[:cut]
    return None


def _row(node: Node, prefix: str) -> tuple[str, str, str, str]:
    mark, colour = output.MARKS.get(output.node_state(node), ("◷", "yellow"))
    reference = node.get("templateRef") or {}
    template = f"{reference['name']}/{reference['template']}" if reference else node.get("templateName") or ""
    spent = output.duration(node.get("startedAt"), node.get("finishedAt")) if node.get("type") != "Skipped" else ""
    label = prefix + click.style(mark, fg=colour) + " " + _short(node.get("displayName") or node["name"], 60)
    message = node.get("message") or ("suspended" if output.node_state(node) == "Suspended" else "")
    return label, template, spent, _short(output.said(message), 160)


def _short(text: str, limit: int = 100) -> str:
    flat = output.plain(text)
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
