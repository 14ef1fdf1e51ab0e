"""The last nodes below a node, which become the parents of the nodes after it."""

from __future__ import annotations

from localargo.workflows.work import Pass


def outbound_nodes(p: Pass, node: str) -> list[str]:
    """The ids of the last nodes below a node; for a leaf its own."""
    doc = p.node(node)
    kind = doc["type"]
    if kind in ("Skipped", "Suspend", "HTTP", "Plugin"):
        return [node]
    children = p.children(node)
    if kind == "Pod":
        inner = [c for c in children if p.node(c)["type"] == "Container"]
        return _below(p, node, inner) if inner else [node]
    if kind in ("Container", "TaskGroup"):
        return _below(p, node, list(children)) if children else [node]
    if kind == "Retry" and children:
        return [children[-1]]
    if kind in ("Steps", "DAG") and (doc.get("memoizationStatus") or {}).get("hit"):
        return [node]
    return [out for end in doc.get("outboundNodes") or () for out in outbound_nodes(p, end)]


def _below(p: Pass, node: str, children: list[str]) -> list[str]:
    doc = p.node(node)
    found: list[str] = []
    for child in children:
        if doc["type"] == "Container" and p.node(child).get("boundaryID") != doc.get("boundaryID"):
            found.append(node)
        else:
            found.extend(outbound_nodes(p, child))
    return found
