"""The last nodes below a node, which become the parents of the nodes after it."""

from __future__ import annotations

from localargo.workflows.work import Pass


def outbound_nodes(p: Pass, node: str) -> list[str]:
    """The ids of the last nodes below a node; for a leaf its own."""
    doc = p.node(node)
    kind = doc["type"]
    if kind in ("Skipped", "Suspend", "HTTP", "Plugin", "Pod"):
        return [node]
    children = p.children(node)
    if kind == "TaskGroup":
        return [out for child in children for out in outbound_nodes(p, child)] if children else [node]
    if kind == "Retry" and children:
        return [children[-1]]
    if kind in ("Steps", "DAG") and (doc.get("memoizationStatus") or {}).get("hit"):
        return [node]
    return [out for end in doc.get("outboundNodes") or () for out in outbound_nodes(p, end)]
