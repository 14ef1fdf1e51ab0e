"""Calls a template: creates its node, waits for its locks, looks up its memo, and starts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from localargo.manifests.workflow import is_pod, template_type
from localargo.ports import Doc
from localargo.workflows import deadlines, memoize, pods, retry, suspend, synchronization
from localargo.workflows.arguments import node_inputs, process
from localargo.workflows.index import FULFILLED
from localargo.workflows.resolve import resolve, retry_strategy
from localargo.workflows.scope import Scope, is_late, mentions, params_at
from localargo.workflows.status import pod_name
from localargo.workflows.work import Blocked, Call, CallFailed, Pass

DEPTH = 100  # how deep templates may call each other
TOO_DEEP = "Maximum recursion depth exceeded. See https://argo-workflows.readthedocs.io/en/latest/scaling/#maximum-recursion-depth"
NODE_TYPES = {"steps": "Steps", "dag": "DAG", "suspend": "Suspend", "http": "HTTP", "plugin": "Plugin"}


@dataclass(slots=True)
class Frame:
    """Derived facts about an unfulfilled steps or dag node; computed again after a load."""

    raw: Doc  # the template as written
    template: Doc  # the template as executed
    base: str  # where templates named inside it are looked up
    version: tuple[Any, ...]
    scope: Scope = field(default_factory=Scope)
    done: int = 0  # step groups whose outputs are in `scope`
    tasks: dict[str, Scope] = field(default_factory=dict)  # outputs of settled tasks
    loops: dict[str, Any] = field(default_factory=dict)  # group id -> its calls
    result_refs: dict[str, bool] = field(default_factory=dict)
    graph: Any = None
    broken: bool = False  # the outputs of some task's loop cannot be combined
    text: str = ""  # the raw template as JSON


def start(p: Pass, call: Call) -> str:
    """Call the template. Returns the node's id.

    Raises Blocked while `parallelism` allows no more calls, CallFailed when the call is wrong (a node then shows the error).
    """
    node = p.id(call.name)
    if p.reused(node):
        return p.adopt(call)
    if p.get(node) is not None:
        return node
    if call.depth >= DEPTH:
        return p.create(call, "Skipped", "Error", TOO_DEEP)
    check_place(p, call)
    try:
        _, template = resolve(p, call.base, call.holder)
        local = local_params(p, call, template)
        processed, arguments = process(template, call.arguments, params_at(p, call.name), local, p.world)
    except CallFailed as error:
        raise _refused(p, call, error) from error
    try:
        return _enter(p, call, None, processed, arguments, "lock")
    except CallFailed as error:
        raise (error if error.node else _refused(p, call, error)) from error


def _refused(p: Pass, call: Call, error: CallFailed) -> CallFailed:
    """A node that shows why the call failed."""
    node = p.create(call, "Skipped", "Error", str(error))
    p.keep(node, raised=str(error))
    return CallFailed(str(error), node)


def resume(p: Pass, node: str) -> None:
    """Continue a node that holds its locks now."""
    stage = p.priv(node).get("stage")
    if stage is None or p.fulfilled(node):
        return
    call = call_of(p, node)
    try:
        processed, arguments = reprocess(p, node)
        _enter(p, call, node, processed, arguments, "memo")
    except CallFailed as error:
        p.fail(node, str(error))


def _enter(p: Pass, call: Call, node: str | None, template: Doc, arguments: Doc, stage: str) -> str:
    if stage == "lock" and template.get("synchronization"):
        want = synchronization.wanted(p, p.id(call.name), template["synchronization"])
        node = node or p.create(call, _node_type(p, template), "Pending", inputs=node_inputs(template))
        p.keep(node, stage="lock", args=arguments, lock=True)
        deadlines.watch(p, node, template)
        p.act(want)
        return node
    if stage and template.get("memoize"):
        known = memoize.known(p, template["memoize"])
        if node is None:
            again = retry_strategy(p, template) is not None
            node = p.create(_hooked(call) if again else call, _node_type(p, template), "Pending", inputs=node_inputs(template))
        p.keep(node, args=arguments)
        if memoize.answered(p, node, known, template["memoize"]):
            return node
    if node is not None:
        p.keep(node, stage=None, wake=None)
    if call.role != "attempt" and retry_strategy(p, template) is not None:
        if node is None:
            node = p.create(_hooked(call), "Retry", "Running", inputs=node_inputs(template))
        else:
            p.mark(node, "Running")
        p.keep(node, args=arguments)
        retry.attempt(p, node)
        return node
    return run(p, call, node, template, arguments)


def _hooked(call: Call) -> Call:
    """Argo marks the Retry node of a hook as retried too."""
    if call.flag:
        return Call(**{**{f: getattr(call, f) for f in call.__slots__}, "flag": {**call.flag, "retried": True}})
    return call


def run(p: Pass, call: Call, node: str | None, template: Doc, arguments: Doc) -> str:
    """Execute a template that has its locks. Raises CallFailed when that is impossible; the node shows the error."""
    if template.get("steps") == []:
        raise CallFailed(f"Template '{template.get('name', '')}' missing specification")
    kind = template_type(template)
    shown = NODE_TYPES.get(kind, "Pod")
    phase = "Running" if kind in ("steps", "dag") else "Pending"
    if node is None:
        node = p.create(call, shown, phase, inputs=node_inputs(template))
    elif phase == "Running":
        p.mark(node, phase)
    if template.get("memoize") and not p.node(node).get("memoizationStatus"):
        p.set(node, memoizationStatus=memoize.status(template["memoize"], hit=False))
    try:
        if kind in ("steps", "dag"):
            if call.role != "attempt":
                p.keep(node, args=arguments)
            p.look(node)
        elif kind == "suspend":
            suspend.begin(p, node, template)
        else:
            pods.launch(p, node, template, capture=wants_result(p, node))
            deadlines.watch(p, node, template)
    except CallFailed as error:
        p.fail(node, str(error))
        raise CallFailed(str(error), node) from error
    return node


# ------------------------------------------------------------------------------------------ a node's template again


def call_of(p: Pass, node: str) -> Call:
    """The call that created the node, without its arguments."""
    doc, private = p.node(node), p.priv(node)
    holder = {"template": doc.get("templateName"), "templateRef": doc.get("templateRef"), "inline": private.get("inline")}
    label = private.get("label")
    return Call(
        name=doc["name"],
        holder={k: v for k, v in holder.items() if v},
        base=doc["templateScope"],
        arguments={},
        owner=private.get("owner", ""),
        role=private.get("role", ""),
        boundary=doc.get("boundaryID", ""),
        on=private.get("on", ""),
        flag=doc.get("nodeFlag"),
        on_exit=bool(private.get("onExit")),
        label=(label[0], label[1]) if label else None,
        depth=private.get("depth", 1),
    )


def reprocess(p: Pass, node: str, arguments: Doc | None = None) -> tuple[Doc, Doc]:
    """The node's template with the values of its call (or other arguments), and those arguments. Raises CallFailed."""
    call = call_of(p, node)
    _, template = resolve(p, call.base, call.holder)
    args = arguments_of(p, node) if arguments is None else arguments
    local = local_params(p, call, template)
    if call.role == "attempt":
        local.update(retry.variables(p, node))
    return process(template, args, params_at(p, call.name), local, p.world)


def reprocess_attempt(p: Pass, node: str, call: Call, variables: dict[str, str | None]) -> tuple[Doc, Doc]:
    """The template of a Retry node's next attempt. Raises CallFailed."""
    _, template = resolve(p, call.base, call.holder)
    local = {**local_params(p, call, template), **variables}
    return process(template, arguments_of(p, node), params_at(p, call.name), local, p.world)


def strategy_of(p: Pass, node: str) -> Doc:
    """The retryStrategy of a Retry node, its tags replaced. Raises CallFailed."""
    template, _ = reprocess(p, node)
    return retry_strategy(p, template) or {}


def arguments_of(p: Pass, node: str) -> Doc:
    """The arguments of the node's call; attempts have those of their Retry node."""
    private = p.priv(node)
    if private.get("role") == "attempt":
        private = p.priv(private["owner"])
    args: Doc = private.get("args") or {}
    return args


def local_params(p: Pass, call: Call, template: Doc) -> dict[str, str | None]:
    """`node.name` (in an attempt that of its Retry node), `pod.name`, `steps.name` or `tasks.name`."""
    local: dict[str, str | None] = {"node.name": p.node(call.owner)["name"] if call.role == "attempt" else call.name}
    if is_pod(template) and (call.role == "attempt" or retry_strategy(p, template) is None):
        local["pod.name"] = pod_name(p.name, call.name, template.get("name") or "")
    if call.label:
        local[call.label[0]] = call.label[1]
    return local


def frame_of(p: Pass, node: str) -> Frame:
    """The frame of an unfulfilled steps or dag node. Raises CallFailed."""
    frame: Frame | None = p.index.frames.get(node)
    moving = is_late(p, p.node(node)["name"]) or mentions(p, "workflow.duration") or mentions(p, "workflow.status")
    version = (p.hidden.get("outputs", 0), p.now if moving else 0)
    if frame is not None and frame.version == version:
        return frame
    call = call_of(p, node)
    base, raw = resolve(p, call.base, call.holder)
    template, _ = reprocess(p, node)
    if frame is None:
        frame = p.index.frames[node] = Frame(raw, template, base, version)
    else:
        frame.template, frame.version, frame.graph = template, version, None
    return frame


def wants_result(p: Pass, node: str) -> bool:
    """Whether the calling template refers to the node's `outputs.result`."""
    boundary = p.node(node).get("boundaryID")
    if not boundary:
        return False
    from localargo.workflows.outputs import refers_to_result, task_name

    frame = frame_of(p, boundary)
    name = task_name(p.node(node)["name"])
    if name not in frame.result_refs:
        frame.result_refs[name] = refers_to_result(frame, name)
    return frame.result_refs[name]


# ------------------------------------------------------------------------------------------ parallelism


def check_place(p: Pass, call: Call) -> None:
    """Raises Blocked while the Workflow or the calling template has as many children as `parallelism` allows."""
    limit = p.spec.get("parallelism")
    if limit is not None and p.count("pods", "") >= int(limit):
        raise Blocked("workflow")
    if not call.boundary:
        return
    boundary = p.get(call.boundary)
    if boundary is None or boundary["phase"] in FULFILLED or boundary["type"] not in ("Steps", "DAG"):
        return
    template = frame_of(p, call.boundary).template
    limit = template.get("parallelism")
    if limit is not None and int(limit) > 0 and p.count("active", call.boundary) >= int(limit):
        raise Blocked("template")


def _node_type(p: Pass, template: Doc) -> str:
    if retry_strategy(p, template) is not None:
        return "Retry"
    return NODE_TYPES.get(template_type(template), "Pod")
