"""Steps templates: groups one after the other, the steps of a group in parallel."""

from __future__ import annotations

from dataclasses import dataclass

from localargo.ports import Doc
from localargo.workflows import hooks, memoize
from localargo.workflows.execute import Frame, frame_of
from localargo.workflows.index import BAD, FULFILLED
from localargo.workflows.loops import Calls, ReferenceMissing, expand, item_name, resolve_references, should_execute
from localargo.workflows.outbound import outbound_nodes
from localargo.workflows.outputs import loop_scope, node_scope, publish, skipped_scope, template_outputs
from localargo.workflows.resolve import holder_of
from localargo.workflows.scope import Scope, params_at, template_scope, workflow_outputs
from localargo.workflows.work import Blocked, Call, CallFailed, Pass

EMPTY = "Skipped, empty params"
NO_TEMPLATE = "failed to get a template"  # Argo looks for the template of a loop's nodes, which have no name when it is inline


@dataclass(slots=True)
class Group:
    """The calls of one group, and the index of the next one."""

    calls: list[Calls]
    at: int = 0  # step
    item: int = 0

    @property
    def all_made(self) -> bool:
        return self.at >= len(self.calls)


# ------------------------------------------------------------------------------------------ the whole template


def assess(p: Pass, node: str) -> None:
    """Continue a steps node: start the next group when one has ended, end with the last one or a failed one."""
    if p.node(node)["phase"] in FULFILLED:
        return
    try:
        frame = frame_of(p, node)
        _assess(p, node, frame)
    except CallFailed as error:
        p.fail(node, str(error))


def _assess(p: Pass, node: str, frame: Frame) -> None:
    groups: list[list[Doc]] = frame.template.get("steps") or []
    current = p.priv(node).get("group", -1)
    while True:
        if current >= 0:
            group = _group_id(p, node, current)
            doc = p.node(group)
            if doc["phase"] not in FULFILLED:
                return
            if doc["phase"] in BAD:
                p.set(node, outboundNodes=_outbound(p, node, current))
                p.mark(node, "Failed", doc.get("message") or "")
                return
            scope_of(p, node, frame, current + 1)  # loop outputs that cannot be combined end it before the next group exists
        if current + 1 >= len(groups):
            break
        current += 1
        _begin_group(p, node, frame, current)
        p.keep(node, group=current)
        assess_group(p, _group_id(p, node, current))
    _finish(p, node, frame, current)


def _group_index(p: Pass, group: str) -> int:
    """The group's index in its template."""
    return int(p.node(group)["name"].rpartition("[")[2][:-1])


def _group_id(p: Pass, node: str, index: int) -> str:
    return p.id(f"{p.node(node)['name']}[{index}]")


def _begin_group(p: Pass, node: str, frame: Frame, index: int) -> None:
    name = p.node(node)["name"]
    group = _group_id(p, node, index)
    if p.get(group) is None:
        on_exit, depth = bool(p.priv(node).get("onExit")), p.priv(node).get("depth", 1)
        call = Call(f"{name}[{index}]", {}, frame.base, {}, owner=node, role="group", boundary=node, on_exit=on_exit, depth=depth)
        p.create(call, "StepGroup", "Running")
    if index == 0:
        p.link(node, group)
        return
    before = _group_id(p, node, index - 1)
    children = p.children(before)
    if not children:
        p.link(before, group)
    for child in children:
        for out in outbound_nodes(p, child):
            p.link(out, group)


def _finish(p: Pass, node: str, frame: Frame, last: int) -> None:
    scope = scope_of(p, node, frame, last + 1)
    if last >= 0:
        p.set(node, outboundNodes=_outbound(p, node, last))
    outputs = template_outputs(frame.template, scope)
    if outputs is not None:
        p.set(node, outputs=outputs)
        publish(p, outputs)
    p.mark(node, "Succeeded")
    memoize.save(p, node)


def _outbound(p: Pass, node: str, last: int) -> list[str] | None:
    found = [out for child in p.children(_group_id(p, node, last)) for out in outbound_nodes(p, child)]
    return found or None


# ------------------------------------------------------------------------------------------ the scope


def scope_of(p: Pass, node: str, frame: Frame, groups: int) -> Scope:
    """The variables in group number `groups`: the inputs and the outputs of earlier groups. Raises CallFailed."""
    if frame.done == 0:
        frame.scope.update(template_scope(frame.template))
    while frame.done < groups:
        group = _group_id(p, node, frame.done)
        for step in frame.template["steps"][frame.done]:
            frame.scope.update(_step_scope(p, node, frame, group, step))
        frame.done += 1
    workflow_outputs(p, frame.scope)
    return frame.scope


def _step_scope(p: Pass, node: str, frame: Frame, group: str, step: Doc) -> Scope:
    name = step["name"]
    child = p.id(f"{p.node(group)['name']}.{name}")
    if p.get(child) is not None:
        scope = node_scope(p, "steps", name, child)
        scope.update(skipped_scope(p, frame.base, "steps", name, child, step, artifacts=True))
        return scope
    prefix = f"{p.node(group)['name']}.{name}("
    items = [c for c in p.children(group) if p.node(c)["name"].startswith(prefix)]
    items = [c for c in items if p.node(c)["type"] != "Skipped" or p.priv(c).get("reused")]
    if items and step.get("inline"):
        raise CallFailed(NO_TEMPLATE)
    scope = loop_scope(p, "steps", name, items)
    scope.update(node_scope(p, "steps", name, group))
    return scope


# ------------------------------------------------------------------------------------------ one group


def assess_group(p: Pass, group: str) -> None:
    """Continue a group: make the calls that `parallelism` allows, run exit handlers, end when all have ended."""
    if p.node(group)["phase"] in FULFILLED:
        return
    node = p.node(group)["boundaryID"]
    if p.node(node)["phase"] in FULFILLED:
        return
    try:
        frame = frame_of(p, node)
        state = _prepared(p, node, frame, group)
        _make(p, node, frame, group, state)
        _run_exit_handlers(p, node, frame, group, state)
    except CallFailed as error:
        p.mark(group, "Error", str(error))
        return
    if p.node(group)["phase"] not in FULFILLED and state.all_made and not p.count("open", group) and not p.index.owed.get(group):
        _conclude(p, group, state)


def _prepared(p: Pass, node: str, frame: Frame, group: str) -> Group:
    known: Group | None = frame.loops.get(group)
    if known is not None:
        return known
    index = _group_index(p, group)
    scope = scope_of(p, node, frame, index)
    params = params_at(p, p.node(node)["name"])
    try:
        resolved = [resolve_references(step, scope, params) for step in frame.template["steps"][index]]
    except ReferenceMissing as error:
        raise CallFailed(f"failed to resolve references: unable to resolve references: {error}") from error
    except CallFailed as error:
        raise CallFailed(f"failed to resolve references: {error}") from error
    merged = {**params, **scope.params}
    made = Group([expand(step, merged) for step in resolved])
    for calls in made.calls:
        if calls.items is not None and not calls.items:
            _skip(p, node, frame, group, calls.step, EMPTY)
    frame.loops[group] = made
    return made


def _call(p: Pass, node: str, frame: Frame, group: str, step: Doc) -> Call:
    return Call(
        name=f"{p.node(group)['name']}.{step['name']}",
        holder=holder_of(step),
        base=frame.base,
        arguments=step.get("arguments") or {},
        owner=group,
        role="step",
        boundary=node,
        on_exit=bool(p.priv(node).get("onExit")),
        label=("steps.name", step["name"]),
        depth=p.priv(node).get("depth", 1) + 1,
    )


def _skip(p: Pass, node: str, frame: Frame, group: str, step: Doc, why: str, phase: str = "Skipped") -> None:
    call = _call(p, node, frame, group, step)
    child = p.id(call.name)
    if p.get(child) is None:
        p.create(call, "Skipped", phase, why)
        p.link(group, child, new=True)


def _make(p: Pass, node: str, frame: Frame, group: str, state: Group) -> None:
    prefix = p.node(group)["name"]
    while not state.all_made:
        calls = state.calls[state.at]
        while state.item < len(calls):
            name = calls.step["name"] if calls.items is None else item_name(calls.step["name"], state.item, calls.items[state.item])
            child = p.id(f"{prefix}.{name}")
            if p.get(child) is None or p.reused(child):
                try:
                    _make_one(p, node, frame, group, state, calls)
                except Blocked:
                    p.index.blocked[group] = None
                    return
            state.item += 1
        state.at, state.item = state.at + 1, 0


def _make_one(p: Pass, node: str, frame: Frame, group: str, state: Group, calls: Calls) -> None:
    step = calls.call(state.item)
    when = step.get("when") or ""
    try:
        execute = should_execute(when)
    except CallFailed as error:
        _skip(p, node, frame, group, step, str(error), "Error")
        raise
    if not execute:
        _skip(p, node, frame, group, step, f"when '{when}' evaluated false")
        return
    call = _call(p, node, frame, group, step)
    child = p.id(call.name)
    try:
        p.start(call)
    except CallFailed as error:
        p.link(group, child, new=True)
        raise CallFailed(_deemed(call.name, str(error))) from error
    p.link(group, child, new=True)
    if hooks.has_exit(step) or step.get("continueOn"):
        p.keep(child, place=[state.at, state.item])
        p.changed.setdefault(group, {})[child] = None


def _deemed(name: str, error: str) -> str:
    return f"step group deemed errored due to child {name} error: {error}"


def _run_exit_handlers(p: Pass, node: str, frame: Frame, group: str, state: Group) -> None:
    changed: dict[str, None] = {}
    for found in p.changed.pop(group, {}):
        private = p.priv(found)
        if private.get("raised") and private.get("role") == "step":
            raise CallFailed(_deemed(p.node(found)["name"], private["raised"]))
        changed[private["on"] if private.get("role") == "hook" else found] = None
    params = params_at(p, p.node(node)["name"])
    for child in {**changed, **p.index.owed.pop(group, {})}:
        place = p.priv(child).get("place")
        step = _with_hooks(frame, _group_index(p, group), state, place) if place else {}
        if not hooks.has_exit(step):
            continue
        hook_owner = hooks.HookOwner(child, "steps", step["name"], frame.base, node, group, p.priv(node).get("depth", 1) + 1)
        _leave(p, group, hook_owner, step, frame.scope, params)


def _with_hooks(frame: Frame, group: int, state: Group, place: list[int]) -> Doc:
    """The step as called, with its exit handler resolved again: the Workflow's own variables may have changed."""
    calls = state.calls[place[0]]
    step = calls.call(place[1])
    now = frame.template["steps"][group][place[0]].get("hooks")
    return {**step, "hooks": now} if calls.items is None and now else step


def _leave(p: Pass, group: str, hook_owner: hooks.HookOwner, step: Doc, scope: Scope, params: dict[str, str | None]) -> None:
    """Start the step's exit handler; without a parallelism slot it waits for one. Raises CallFailed, an error of the group."""
    child = hook_owner.node
    try:
        hooks.leave(p, hook_owner, step, scope, params)
    except Blocked:
        p.index.blocked[group] = None
        p.keep(child, owed=True)
        p.index.owed.setdefault(group, {})[child] = None
        return
    if p.priv(child).get("owed"):
        p.keep(child, owed=None)


def _conclude(p: Pass, group: str, state: Group) -> None:
    if p.count("Failed", group) or p.count("Error", group):
        for child in p.children(group):
            doc = p.node(child)
            if doc["phase"] in BAD and not _continues(p, child, state):
                p.mark(group, "Failed", f"child '{child}' failed")
                return
    p.mark(group, "Succeeded")


def _continues(p: Pass, child: str, state: Group) -> bool:
    place = p.priv(child).get("place")
    if place is None:
        return False
    policy = state.calls[place[0]].step.get("continueOn") or {}
    return bool(policy.get("failed" if p.node(child)["phase"] == "Failed" else "error"))
