"""Counters of a run, so that a fact costs the same in a small and in a large run. Rebuilt at load, never stored.

Counters are sums over nodes: every node adds to a few keys (`contributions`), so a change of one node changes a few counters. The
rest are caches (processed templates, expanded loops) that can be computed again from the run.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from localargo.ports import Doc
from localargo.workflows.messages import Outcome, Run

Key = tuple[str, str]

COMPLETED = frozenset({"Succeeded", "Failed", "Error"})
FULFILLED = COMPLETED | {"Skipped", "Omitted"}
BAD = frozenset({"Failed", "Error"})
COMPOSITE = frozenset({"Steps", "StepGroup", "DAG", "TaskGroup", "Retry"})
COUNTED = frozenset({"Pod", "Steps", "DAG"})  # node types that Argo counts for `parallelism`


def contributions(node: Doc, private: Doc) -> list[Key]:
    """The counters to which the node adds one.

    `open`: unfulfilled nodes of an owner; `Failed`, `Error`, `Succeeded`: items of an owner by phase; `active`, `bad`: children of a
    boundary; `pods`: pods that run or wait (of a boundary, and of the run under the empty id); `hooks`: unfulfilled hooks of a node;
    `handlers`: the same of an owner.
    An `ending` pod shows Failed already and is open until it has ended: only then are its outputs known.
    """
    keys: list[Key] = []
    phase, owner, boundary = node["phase"], private.get("owner", ""), node.get("boundaryID", "")
    role = private.get("role", "")
    ending = bool(private.get("ending"))
    if ending or phase not in FULFILLED:
        keys.append(("open", owner))
        if role == "hook":
            keys.append(("hooks", private["on"]))
            keys.append(("handlers", owner))
    if phase not in FULFILLED:
        if node["type"] in COUNTED:
            keys.append(("active", boundary))
        if node["type"] == "Pod" and private.get("pod"):
            keys.append(("pods", ""))
    elif phase in BAD:
        if role != "hook" and not ending:
            keys.append((phase, owner))
    elif phase == "Succeeded" and role != "hook":
        keys.append((phase, owner))
    if private.get("pod") and phase in FULFILLED:
        keys.append(("late", ""))  # a pod that is still ending although its node has its phase
    return keys


class Index:
    """Counters, timers and caches of one run."""

    def __init__(self, run: Run) -> None:
        self.counts: defaultdict[Key, int] = defaultdict(int)
        self.timers: list[tuple[float, str]] = []  # a heap; an entry is valid while it equals the node's private `wake`
        self.blocked: dict[str, None] = {}  # groups and retries that wait for a parallelism slot
        self.owed: dict[str, dict[str, None]] = {}  # owner -> its nodes whose exit handlers wait for a parallelism slot
        self.frames: dict[str, Any] = {}  # composite node id -> derived facts about its template
        self.memory: dict[str, Any] = {}  # values of the whole run that never change
        self.fresh = True  # nothing has been assessed since the load
        for node_id, node in run.nodes.items():
            private = run.private.get(node_id, {})
            self.add(node, private, 1)
            self.time(node_id, private)
            if private.get("owed"):
                self.owed.setdefault(private["owner"], {})[node_id] = None
                self.blocked[private["owner"]] = None

    def add(self, node: Doc, private: Doc, sign: int) -> None:
        """Add a node to the counters (1) or remove it (-1)."""
        for key in contributions(node, private):
            self.counts[key] += sign

    def time(self, node_id: str, private: Doc) -> None:
        """Set the time at which the node is to be assessed."""
        if private.get("wake") is not None:
            heapq.heappush(self.timers, (private["wake"], node_id))

    def due(self, run: Run, now: float) -> Iterator[str]:
        """Nodes whose time has passed."""
        seen = set()
        for at, node_id in list(self.timers) if self.timers and self.timers[0][0] <= now else []:
            if at <= now and node_id not in seen and run.private.get(node_id, {}).get("wake") == at:
                seen.add(node_id)
                yield node_id

    def next_time(self, run: Run) -> float | None:
        """The earliest valid time."""
        while self.timers:
            at, node_id = self.timers[0]
            if run.private.get(node_id, {}).get("wake") == at:
                return at
            heapq.heappop(self.timers)
        return None


def index_of(run: Run) -> Index:
    """The run's index, built if necessary."""
    if run.index is None:
        run.index = Index(run)
    index: Index = run.index
    return index


def update(run: Run, outcome: Outcome) -> None:
    """Update the index for an outcome that is about to be applied to the run."""
    again = any(n in run.nodes and run.nodes[n]["phase"] in FULFILLED and d["phase"] not in FULFILLED for n, d in outcome.nodes.items())
    if outcome.removed or again:
        run.index = None  # a retry of the Workflow
        return
    index = index_of(run)
    for node_id in outcome.nodes.keys() | outcome.private.keys():
        old, old_private = run.nodes.get(node_id), run.private.get(node_id, {})
        new = outcome.nodes.get(node_id, old)
        private = outcome.private.get(node_id, old_private)
        if old is not None:
            index.add(old, old_private, -1)
        if new is not None:
            index.add(new, private, 1)
            if new["phase"] in FULFILLED:
                index.frames.pop(node_id, None)
        if private.get("wake") != old_private.get("wake"):
            index.time(node_id, private)
