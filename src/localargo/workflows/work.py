"""One reconcile in progress: an overlay over the run, a queue of nodes to assess, and the actions so far.

The run is not changed here; all changes are in the outcome. (The index's caches may be filled.)
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from localargo.clock import timestamp
from localargo.ports import Doc
from localargo.workflows.index import COMPLETED, FULFILLED, Index, Key, contributions, index_of
from localargo.workflows.messages import Action, FreeLock, Outcome, Run, World
from localargo.workflows.status import HIDDEN, node_id, spec_of

_KEEP: Any = object()


class Blocked(Exception):
    """`parallelism` allows no more nodes now; the call is repeated when a slot becomes free."""


class CallFailed(Exception):
    """A template could not be called; the text is Argo's message. `node`: the node that shows it, if there is one."""

    def __init__(self, message: str, node: str = "") -> None:
        super().__init__(message)
        self.node = node


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a template, with its resolved arguments."""

    name: str  # the node's name
    holder: Doc  # template, templateRef or inline
    base: str  # where `template` is looked up: "local/<workflow>", "namespaced/<template>", "cluster/<template>"
    arguments: Doc
    owner: str  # the node that is assessed when this one changes: a group, a dag, a retry; empty: the run
    role: str  # step, task, item, attempt, hook, entry
    boundary: str = ""
    on: str = ""  # for a hook: the node that it belongs to
    flag: Doc | None = None
    on_exit: bool = False
    label: tuple[str, str] | None = None  # ("steps.name" | "tasks.name", value)
    depth: int = 1


class Pass:
    """The overlay. `start` calls a template, `assess` assesses a node; `reconcile` supplies both, because the modules call each other."""

    def __init__(self, run: Run, world: World, now: float) -> None:
        self.run = run
        self.world = world
        self.now = now
        self.name: str = run.workflow["metadata"]["name"]
        self.namespace: str = run.workflow["metadata"].get("namespace") or world.namespace
        self.index: Index = index_of(run)
        self.spec: Doc = spec_of(run)
        self.nodes: dict[str, Doc] = {}
        self.private: dict[str, Doc] = {}
        self.edges: list[tuple[str, str]] = []
        self.head: Doc = run.head
        self.actions: dict[str, Action] = {}
        self.cancelled: dict[str, None] = {}
        self.labels: dict[str, str] = {}
        self.annotations: dict[str, str] = {}
        self._queue: list[tuple[int, int, str]] = []
        self._queued: set[str] = set()
        self._asked = 0
        self.changed: dict[str, dict[str, None]] = {}  # owner -> its nodes that changed
        self.late = False  # the entry node has been executed in this pass: workflow.failures is known
        self.first = not run.head.get("phase")
        self._delta: dict[Key, int] = {}
        self._new_edges: dict[str, list[str]] = {}
        self._linked: dict[str, set[str]] = {}
        self._placed = False  # whether a parallelism slot became free
        self.start: Callable[[Call], str]

    # ------------------------------------------------------------------------------------------ reading

    def id(self, name: str) -> str:
        """The id of the node of that name."""
        return node_id(self.name, name)

    def get(self, node: str) -> Doc | None:
        """The node's current document; None when there is none."""
        return self.nodes.get(node) or self.run.nodes.get(node)

    def node(self, node: str) -> Doc:
        """The current document of an existing node."""
        return self.nodes.get(node) or self.run.nodes[node]

    def priv(self, node: str) -> Doc:
        """The node's private document; not to be changed."""
        return self.private.get(node) or self.run.private.get(node) or {}

    def children(self, node: str) -> Sequence[str]:
        """The node's children in order."""
        old = self.run.edges.get(node, ())
        new = self._new_edges.get(node)
        return old if new is None else [*old, *new]

    def fulfilled(self, node: str) -> bool:
        """Whether the node exists and has ended."""
        found = self.get(node)
        return found is not None and found["phase"] in FULFILLED and not self.priv(node).get("ending")

    def ended_below(self, node: str) -> bool:
        """Whether all leaves below the node have ended; nodes in between are ignored."""
        seen, todo = {node}, [node]
        while todo:
            each = todo.pop()
            children = self.children(each)
            if not children and not self.fulfilled(each):
                return False
            below = [child for child in children if child not in seen and self.get(child) is not None]
            seen.update(below)
            todo += below
        return True

    def count(self, kind: str, key: str) -> int:
        """A counter of `index.contributions`, this pass included."""
        return self.index.counts[kind, key] + self._delta.get((kind, key), 0)

    @property
    def hidden(self) -> Doc:
        """The data that Argo keeps outside of the status."""
        hidden: Doc = self.head.get(HIDDEN) or {}
        return hidden

    @property
    def shutdown(self) -> str:
        """Stop, Terminate, or empty."""
        strategy: str = self.hidden.get("shutdown") or self.spec.get("shutdown") or ""
        return strategy

    @property
    def suspended(self) -> bool:
        """Whether nothing new may start."""
        return bool(self.hidden["suspended"] if "suspended" in self.hidden else self.spec.get("suspend"))

    def may_execute(self, on_exit: bool) -> bool:
        """Whether the shutdown strategy allows new pods of this kind."""
        return not self.shutdown or (self.shutdown == "Stop" and on_exit)

    # ------------------------------------------------------------------------------------------ writing

    def create(self, call: Call, kind: str, phase: str, message: str = "", inputs: Doc | None = None) -> str:
        """Create a node. Returns its id."""
        node = self.id(call.name)
        doc: Doc = {"id": node, "name": call.name, "displayName": self._display(call), "type": kind}
        for field in ("templateName", "templateRef"):
            value = call.holder.get("template" if field == "templateName" else field)
            if value:
                doc[field] = value
        doc["templateScope"] = call.base
        if call.flag:
            doc["nodeFlag"] = dict(call.flag)
        doc["phase"] = phase
        if call.boundary:
            doc["boundaryID"] = call.boundary
        if message:
            doc["message"] = message
        doc["startedAt"] = timestamp(self.now)
        doc["finishedAt"] = timestamp(self.now) if phase in FULFILLED else None
        if inputs:
            doc["inputs"] = inputs
        private: Doc = {"owner": call.owner, "role": call.role, "depth": call.depth, "at": self.now}
        if call.on:
            private["on"] = call.on
        if call.on_exit:
            private["onExit"] = True
        if call.label:
            private["label"] = list(call.label)
        if call.holder.get("inline"):
            private["inline"] = call.holder["inline"]
        self.private[node] = private
        self.nodes[node] = doc
        self._count(doc, private, 1)
        self._tell(node, private)
        return node

    def _display(self, call: Call) -> str:
        boundary = self.get(call.boundary) if call.boundary else None
        if boundary is None:
            return str(self.hidden.get("entry") or call.name) if call.name == self.name else call.name
        shown = call.name.removeprefix(boundary["name"])
        if shown.startswith("["):
            head, bracket, rest = shown.partition("].")
            if bracket and head[1:].isdigit():
                return rest
        return shown.removeprefix(".")

    def set(self, node: str, **fields: Any) -> None:
        """Change fields of a node; None removes one."""
        old = self.node(node)
        private = self.priv(node)
        new = {k: v for k, v in {**old, **fields}.items() if v is not None or k in ("startedAt", "finishedAt")}
        self._count(old, private, -1)
        self.nodes[node] = new
        self._count(new, private, 1)

    def keep(self, node: str, **fields: Any) -> None:
        """Change fields of a node's private document; None removes one."""
        old, doc = self.priv(node), self.node(node)
        new = {k: v for k, v in {**old, **fields}.items() if v is not None}
        self._count(doc, old, -1)
        self.private[node] = new
        self._count(doc, new, 1)

    def mark(self, node: str, phase: str, message: Any = _KEEP) -> None:
        """Set a node's phase and message, and queue its owner. A node that ends releases its locks."""
        doc = self.node(node)
        fields: Doc = {}
        if phase != doc["phase"]:
            fields["phase"] = phase
        if message is not _KEEP and (message or "") != doc.get("message", ""):
            fields["message"] = message or None
        ends = phase in FULFILLED and doc["phase"] not in FULFILLED
        if ends and doc.get("finishedAt") is None:
            fields["finishedAt"] = timestamp(self.now)
        if not fields:
            return
        self.set(node, **fields)
        private = self.priv(node)
        if ends:
            self._release(node, private)
        if "phase" in fields:
            self._tell(node, self.priv(node))

    def _release(self, node: str, private: Doc) -> None:
        self._placed = True
        if private.get("wake") is not None:
            self.keep(node, wake=None)
        if private.get("role") == "attempt":
            self.keep(node, end=self.now)
        if private.get("lock"):
            self.keep(node, lock=None)
            self.cancel(f"lock/{node}")
            self.act(FreeLock(node))

    def give_up(self, node: str, message: str) -> None:
        """The node's pod was told to stop: the node shows Failed, frees its slot, and ends only when the pod has ended."""
        self.set(node, phase="Failed", message=message)
        self.keep(node, ending=True)
        self._placed = True

    def free_place(self) -> bool:
        """Whether a parallelism slot became free since the last call."""
        placed, self._placed = self._placed, False
        return placed

    def fail(self, node: str, message: str) -> None:
        """The node's template could not be executed: set Error, and let the caller treat it as an exception."""
        self.mark(node, "Error", message)
        self.keep(node, raised=message)

    def link(self, parent: str, child: str, *, new: bool = False) -> None:
        """Add a child unless it is one already. `new`: it was just created, so it cannot be one."""
        if new:
            self._new_edges.setdefault(parent, []).append(child)
            self.edges.append((parent, child))
            return
        known = self._linked.get(parent)
        if known is None:
            known = self._linked[parent] = set(self.children(parent))
        if child not in known:
            known.add(child)
            self._new_edges.setdefault(parent, []).append(child)
            self.edges.append((parent, child))

    def set_head(self, **fields: Any) -> None:
        """Change fields of the Workflow's status."""
        self.head = {**self.head, **fields}

    def set_hidden(self, **fields: Any) -> None:
        """Change the data that Argo keeps outside of the status."""
        self.head = {**self.head, HIDDEN: {**self.hidden, **fields}}

    def act(self, action: Action) -> None:
        """Add an action to carry out after the commit."""
        self.cancelled.pop(action.key, None)
        self.actions[action.key] = action

    def cancel(self, key: str) -> None:
        """Cancel an action."""
        if self.actions.pop(key, None) is None:
            self.cancelled[key] = None

    def look(self, node: str) -> None:
        """Queue the node for assessment. Deeper nodes come first, so that a template sees the results of its calls."""
        if node not in self._queued:
            self._queued.add(node)
            self._asked += 1
            heapq.heappush(self._queue, (-self._rank(node), self._asked, node))

    def deeper(self, node: str) -> bool:
        """Whether a deeper node is still queued."""
        return bool(self._queue) and -self._queue[0][0] > self._rank(node)

    def next(self) -> str | None:
        """The next queued node."""
        if not self._queue:
            return None
        node = heapq.heappop(self._queue)[2]
        self._queued.discard(node)
        return node

    def _rank(self, node: str) -> int:
        """By depth: a template, above it its groups, above them the calls of the next depth: Retry nodes, their attempts, leaves."""
        doc, private = self.get(node), self.priv(node)
        if doc is None:
            return 0
        kind = doc["type"]
        if kind in ("StepGroup", "TaskGroup"):
            place = 6
        elif kind == "Retry":
            place = 2
        elif kind in ("Steps", "DAG"):
            place = 4 if private.get("role") == "attempt" else 0
        else:
            place = 7
        return 8 * int(private.get("depth", 0)) + place

    def _tell(self, node: str, private: Doc) -> None:
        owner = private.get("owner", "")
        if owner:
            self.changed.setdefault(owner, {})[node] = None
            self.look(owner)

    def _count(self, doc: Doc, private: Doc, sign: int) -> None:
        for key in contributions(doc, private):
            self._delta[key] = self._delta.get(key, 0) + sign

    def reused(self, node: str) -> bool:
        """Whether the node is reused from an older Workflow and not linked yet."""
        return self.get(node) is not None and not self.priv(node)

    def adopt(self, call: Call) -> str:
        """Use such a node as the result of this call."""
        node = self.id(call.name)
        self.keep(node, owner=call.owner, role=call.role, depth=call.depth, at=self.now, reused=True)
        if call.flag:
            self.set(node, nodeFlag=dict(call.flag))
        return node

    def completed(self, node: str) -> bool:
        """Whether the node ended by itself: neither skipped nor omitted."""
        found = self.get(node)
        return found is not None and found["phase"] in COMPLETED

    def outcome(self) -> Outcome:
        """The outcome of this reconcile."""
        old = self.run.private
        wakes = [p["wake"] for n, p in self.private.items() if p.get("wake") is not None and old.get(n, {}).get("wake") != p["wake"]]
        earlier = self._earlier()
        if earlier is not None:
            wakes.append(earlier)
        deadline = self.hidden.get("deadline")
        if deadline is not None and deadline > self.now and self.head.get("phase") not in COMPLETED:
            wakes.append(deadline)
        return Outcome(
            nodes=self.nodes,
            private=self.private,
            edges=self.edges,
            head=self.head if self.head is not self.run.head else None,
            actions=list(self.actions.values()),
            cancel=list(self.cancelled),
            wake_at=min(wakes) if wakes else None,
            labels=self.labels,
            annotations=self.annotations,
        )

    def _earlier(self) -> float | None:
        """The earliest earlier timer that this pass has not changed."""
        first = self.index.next_time(self.run)
        if first is None:
            return None
        at, node = self.index.timers[0]
        if self.priv(node).get("wake") == at:
            return at
        for at, node in sorted(self.index.timers):
            if self.priv(node).get("wake") == at:
                return at
        return None
