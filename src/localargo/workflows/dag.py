"""Dag templates: which tasks may start, the results of loops, and the end of the dag."""

from __future__ import annotations

from collections import Counter

from localargo.expressions import ExpressionError
from localargo.ports import Doc
from localargo.workflows import dag_hooks, dag_loops, exit_handlers, memoize
from localargo.workflows.dag_phase import phase_of
from localargo.workflows.execute import Frame, frame_of
from localargo.workflows.graph import Graph, graph_of
from localargo.workflows.index import BAD, COMPLETED, FULFILLED
from localargo.workflows.loops import Calls, expand, resolve_references, should_execute, should_expand
from localargo.workflows.outbound import outbound_nodes
from localargo.workflows.outputs import loop_scope, node_scope, publish, skipped_scope, template_outputs
from localargo.workflows.resolve import holder_of
from localargo.workflows.scope import Scope, params_at, template_scope, workflow_outputs
from localargo.workflows.steps import EMPTY, NO_TEMPLATE
from localargo.workflows.work import Blocked, Call, CallFailed, Pass

OMITTED = "omitted: depends condition not met"


def assess(p: Pass, node: str) -> None:
    """Continue a dag node."""
    if p.node(node)["phase"] in FULFILLED:
        return
    p.changed.pop(node, None)
    try:
        frame = frame_of(p, node)
        Dag(p, node, frame).assess()
    except CallFailed as error:
        p.fail(node, str(error))


def assess_group(p: Pass, group: str) -> None:
    """Continue the loop of a task."""
    node = p.node(group)["boundaryID"]
    if p.node(group)["phase"] in FULFILLED or p.node(node)["phase"] in FULFILLED:
        return
    try:
        dag = Dag(p, node, frame_of(p, node))
    except CallFailed as error:
        p.fail(node, str(error))
        return
    dag_loops.go_on(dag, p.node(group)["displayName"], group)


class Dag:
    """One assessment of a dag node."""

    def __init__(self, p: Pass, node: str, frame: Frame) -> None:
        self.p = p
        self.node = node
        self.frame = frame
        if frame.graph is None:
            frame.graph = graph_of(frame.template["dag"])
        self.graph: Graph = frame.graph
        self.name: str = p.node(node)["name"]
        self.on_exit = bool(p.priv(node).get("onExit"))
        self.visited: set[str] = set()
        self.waits = False  # a task waits for a parallelism slot, so the dag continues whatever has failed

    def id(self, task: str) -> str:
        """The id of the task's node."""
        return self.p.id(f"{self.name}.{task}")

    # ------------------------------------------------------------------------------------------ all of it

    def assess(self) -> None:
        """Start the tasks that may start; end the dag when all tasks that count have ended."""
        missing = next((t for t in self.graph.targets if t not in self.graph.tasks), None)
        if missing is not None:
            exit_handlers.give_up(self.p, f"target {missing} does not exist")
            return
        dag_hooks.leave_owed(self)
        for target in self.graph.targets:
            self.visit(target)
            if self.frame.broken and self.p.get(self.id(target)) is not None:
                self.local_scope(target)  # raises Argo's error for the whole dag
        if self.p.node(self.node)["phase"] in FULFILLED:
            return
        if self.waits and not self.p.shutdown:
            return
        phase = phase_of(self.p, self.node, self.graph, self.frame.template["dag"], self.on_exit, self.id)
        if phase in BAD:
            self.p.set(self.node, outboundNodes=self._outbound())
            self.p.mark(self.node, phase)
        elif phase == "Succeeded":
            self._succeed()

    def _succeed(self) -> None:
        p = self.p
        scope = template_scope(self.frame.template)
        for name in self.graph.tasks:
            if p.get(self.id(name)) is not None:
                scope.update(self.task_scope(name))
                publish(p, p.node(self.id(name)).get("outputs"))
        workflow_outputs(p, scope)
        outputs = template_outputs(self.frame.template, scope)
        if outputs is not None:
            p.set(self.node, outputs=outputs)  # global outputs are published only when the dag is itself a task, by the dag above it
        p.set(self.node, outboundNodes=self._outbound())
        p.mark(self.node, "Succeeded")
        memoize.save(p, self.node)

    def _outbound(self) -> list[str] | None:
        found = [o for t in self.graph.targets if self.p.get(self.id(t)) is not None for o in outbound_nodes(self.p, self.id(t))]
        return found or None

    # ------------------------------------------------------------------------------------------ one task

    def visit(self, name: str) -> None:
        """Begin a task once it may start, the tasks that it depends on first."""
        if name in self.visited:
            return
        self.visited.add(name)
        node = self.id(name)
        if self.p.get(node) is not None and not self.p.reused(node):
            if self.p.fulfilled(node):
                dag_hooks.leave(self, name, node)
            return
        for dependency in self.graph.dependencies[name]:
            self.visit(dependency)
        self._begin(name)

    def _begin(self, name: str) -> None:
        task = self.graph.tasks[name]
        dependencies = self.graph.dependencies[name]
        if self.graph.logic[name]:
            try:
                execute = self._condition(name)
            except ExpressionError as error:
                self._skip(task, name, str(error), "Error", dependencies)
                return
            if execute is None:
                return
            if not execute:
                self._skip(task, name, OMITTED, "Omitted", dependencies)
                return
        try:
            scope = self.local_scope(name)
            params = params_at(self.p, self.name)
            resolved = resolve_references(task, scope, params, dag=True)
            calls = expand(resolved, {**params, **scope.params}, dag=True)
        except CallFailed as error:
            self._skip(task, name, str(error), "Error", dependencies)
            return
        if not should_expand(task):
            self._call_one(name, calls, dependencies)
        elif not calls.items:
            self._skip(task, name, EMPTY, "Skipped", dependencies)
        else:
            self._begin_loop(name, calls, dependencies)

    def _condition(self, name: str) -> bool | None:
        """Whether the task is executed; None while a dependency has not ended."""
        p, dependencies = self.p, {d: self.id(d) for d in self.graph.dependencies[name]}
        for node in dependencies.values():
            if p.reused(node) or not p.fulfilled(node) or p.count("hooks", node):
                return None
        return self.graph.holds(name, {dependency: self._results(p.node(node)) for dependency, node in dependencies.items()})

    def _results(self, node: Doc) -> dict[str, bool]:
        phase, some, none = node["phase"], False, False
        if node["type"] == "TaskGroup":
            found = Counter(self.p.node(c)["phase"] for c in self.p.children(node["id"]))  # the loop's exit handlers count as well
            some = found["Succeeded"] > 0
            none = 0 < found.total() == found["Failed"]
        words = {w: phase == w for w in ("Succeeded", "Failed", "Skipped", "Omitted")}
        return {**words, "Errored": phase == "Error", "Daemoned": False, "AnySucceeded": some, "AllFailed": none}

    def call(self, step: Doc, owner: str, role: str) -> Call:
        """The call of a task (`step`: with its references resolved)."""
        return Call(
            name=f"{self.name}.{step['name']}",
            holder=holder_of(step),
            base=self.frame.base,
            arguments=step.get("arguments") or {},
            owner=owner,
            role=role,
            boundary=self.node,
            on_exit=self.on_exit,
            label=("tasks.name", step["name"]),
            depth=self.p.priv(self.node).get("depth", 1) + (role != "group"),
        )

    def _skip(self, task: Doc, name: str, why: str, phase: str, dependencies: list[str]) -> None:
        child = self.p.create(self.call({**task, "name": name}, self.node, "task"), "Skipped", phase, why)
        self._connect(child, dependencies)

    def _connect(self, child: str, dependencies: list[str]) -> None:
        if not dependencies:
            self.p.link(self.node, child)
        for dependency in dependencies:
            for out in outbound_nodes(self.p, self.id(dependency)):
                self.p.link(out, child)

    def _call_one(self, name: str, calls: Calls, dependencies: list[str]) -> None:
        task = calls.call(0)
        try:
            execute = should_execute(task.get("when") or "")
        except CallFailed as error:
            self._skip(task, name, str(error), "Error", dependencies)
            return
        if not execute:
            self._skip(task, name, f"when '{task['when']}' evaluated false", "Skipped", dependencies)
            return
        try:
            child = self.p.start(self.call(task, self.node, "task"))
        except Blocked:
            self.p.index.blocked[self.node] = None
            self.waits = True
            return
        except CallFailed as error:
            child = error.node  # it shows why
        self._connect(child, dependencies)
        if self.p.node(child)["phase"] in COMPLETED:
            dag_hooks.leave(self, name, child)

    # ------------------------------------------------------------------------------------------ loops

    def _begin_loop(self, name: str, calls: Calls, dependencies: list[str]) -> None:
        group = self.p.create(self.call(self.graph.tasks[name], self.node, "group"), "TaskGroup", "Running")
        self._connect(group, dependencies)
        dag_loops.begin(self, name, group, calls)
        if self.p.fulfilled(group):
            dag_hooks.leave(self, name, group)

    # ------------------------------------------------------------------------------------------ scopes

    def local_scope(self, name: str) -> Scope:
        """The variables of the task: inputs and the outputs of its ancestors. Raises CallFailed."""
        scope = template_scope(self.frame.template)
        workflow_outputs(self.p, scope)
        for ancestor in self.graph.ancestors(name):
            if self.p.get(self.id(ancestor)) is None:
                raise CallFailed(f"Ancestor task node {ancestor} not found")
            if self.graph.tasks[ancestor].get("inline") and self.p.node(self.id(ancestor))["type"] == "TaskGroup":
                self.frame.broken = True
                raise CallFailed(NO_TEMPLATE)
            scope.update(self.task_scope(ancestor))
        return scope

    def task_scope(self, name: str) -> Scope:
        """The variables `tasks.<name>.*`. Raises CallFailed."""
        known = self.frame.tasks.get(name)
        if known is not None:
            return known
        node = self.id(name)
        doc = self.p.node(node)
        scope = Scope()
        if doc["type"] == "TaskGroup":
            items = [c for c in self.p.children(node) if self.p.priv(c).get("role") == "item"]
            try:
                scope = loop_scope(self.p, "tasks", name, items)
            except CallFailed:
                self.frame.broken = True
                raise
        scope.update(node_scope(self.p, "tasks", name, node))
        scope.update(skipped_scope(self.p, self.frame.base, "tasks", name, node, self.graph.tasks[name], artifacts=False))
        if doc["phase"] in FULFILLED and not self.p.priv(node).get("pod"):
            self.frame.tasks[name] = scope
        return scope
