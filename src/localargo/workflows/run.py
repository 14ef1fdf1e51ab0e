"""Applies an outcome to the run in memory, after it is committed."""

from __future__ import annotations

from localargo.workflows import index
from localargo.workflows.messages import Outcome, Run


def apply(run: Run, outcome: Outcome) -> None:
    """Change the run as the outcome says. The caller sets the Workflow's labels and annotations."""
    index.update(run, outcome)
    for node_id in outcome.removed:
        run.nodes.pop(node_id, None)
        run.private.pop(node_id, None)
        run.edges.pop(node_id, None)
    if outcome.removed:
        gone = set(outcome.removed)
        for parent, children in run.edges.items():
            if any(child in gone for child in children):
                run.edges[parent] = [child for child in children if child not in gone]
    for node_id, node in outcome.nodes.items():
        run.nodes[node_id] = node
    for node_id, private in outcome.private.items():
        run.private[node_id] = private
    for parent, child in outcome.edges:
        run.edges.setdefault(parent, []).append(child)
    if outcome.head is not None:
        run.head = outcome.head
