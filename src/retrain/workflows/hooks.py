"""Lifecycle hooks and exit handlers of steps and tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from retrain.expressions import ExpressionError, exprlang
from retrain.expressions.tags import explode, substitute
from retrain.ports import Doc
from retrain.workflows.arguments import ABSENT
from retrain.workflows.artifacts import ArtifactMissing, resolve_arguments
from retrain.workflows.index import COMPLETED
from retrain.workflows.loops import is_absent
from retrain.workflows.outputs import add_outputs, last_attempt
from retrain.workflows.scope import Scope
from retrain.workflows.work import Blocked, Call, CallFailed, Pass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hook belongs: whose node, which name it has in the scope, and who is told of the hook's end."""

    node: str  # the step's or task's node
    kind: str  # steps, tasks
    name: str  # as in `steps.<name>`
    base: str
    boundary: str
    owner: str
    depth: int


def has_hooks(step: Doc) -> bool:
    """Whether anything is to be watched on the step's node."""
    return bool(step.get("hooks")) or bool(step.get("onExit"))


def exit_hook(step: Doc, arguments: Doc) -> Doc | None:
    """The step's exit handler; one without arguments of its own gets the Workflow's."""
    if step.get("onExit"):
        return {"template": step["onExit"], "arguments": arguments}
    hook: Doc | None = (step.get("hooks") or {}).get("exit")
    if hook is None:
        return None
    own = hook.get("arguments") or {}
    return hook if own.get("parameters") or own.get("artifacts") else {**hook, "arguments": arguments}


def run(p: Pass, place: Place, step: Doc, scope: Scope, params: Mapping[str, str | None]) -> bool:
    """Start the hooks whose time has come, then the exit handler; whether all that were started have ended.

    Raises CallFailed when one cannot be evaluated or called.
    """
    doc = p.node(place.node)
    scope = scope.copy()
    scope.params[f"{place.kind}.{place.name}.status"] = doc["phase"]
    for name, hook in (step.get("hooks") or {}).items():
        if name != "exit":
            _lifecycle(p, place, name, hook, scope, params)
    if p.count("hooks", place.node):
        return False
    hook = exit_hook(step, p.spec.get("arguments") or {})
    if hook is None or doc["phase"] not in COMPLETED or not p.may_execute(True):
        return True
    name = f"{doc['name']}.onExit"
    if p.get(p.id(name)) is not None:
        return True
    if hook.get("expression") and not _holds(hook["expression"], scope, params):
        return True
    _start(p, place, name, hook, scope, params, on_exit=True)
    return not p.count("hooks", place.node)


def _lifecycle(p: Pass, place: Place, name: str, hook: Doc, scope: Scope, params: Mapping[str, str | None]) -> None:
    node_name = f"{p.node(place.node)['name']}.hooks.{name}"
    if p.get(p.id(node_name)) is not None:
        return
    if not hook.get("expression"):
        raise CallFailed(f"Expression required for hook {node_name}")
    if _holds(hook["expression"], scope, params):
        _start(p, place, node_name, hook, scope, params, on_exit=False)


def _holds(expression: str, scope: Scope, params: Mapping[str, str | None]) -> bool:
    try:
        return exprlang.compile(expression).evaluate_bool(explode({**params, **scope.params}))
    except ExpressionError as error:
        raise CallFailed(str(error)) from error


def _start(p: Pass, place: Place, name: str, hook: Doc, scope: Scope, params: Mapping[str, str | None], *, on_exit: bool) -> None:
    doc = p.node(last_attempt(p, place.node) or place.node)
    arguments = hook.get("arguments") or {}
    if arguments.get("parameters") or arguments.get("artifacts"):
        scope = scope.copy()
        add_outputs(scope, f"{place.kind}.{place.name}", doc.get("outputs"))
        arguments = resolve_hook_arguments(arguments, scope, params)
    call = Call(
        name=name,
        holder={k: hook[k] for k in ("template", "templateRef", "inline") if hook.get(k)},
        base=place.base,
        arguments=arguments,
        owner=place.owner,
        role="hook",
        boundary=place.boundary,
        on=place.node,
        flag={"hooked": True},
        on_exit=on_exit,
        label=("steps.name", ""),
        depth=place.depth,
    )
    try:
        p.start(call)
    except Blocked:
        p.index.blocked[place.owner] = None
        p.changed.setdefault(place.owner, {})[place.node] = None
        return
    p.link(place.node, p.id(name))


def resolve_hook_arguments(arguments: Doc, scope: Scope, params: Mapping[str, str | None]) -> Doc:
    """A hook's arguments with the node's outputs. Raises CallFailed."""
    parameters = [{**a, "value": ABSENT} if is_absent(a.get("value"), scope) else a for a in arguments.get("parameters") or ()]
    try:
        resolved: Doc = substitute({**arguments, "parameters": parameters}, {**params, **scope.params})
        if resolved.get("artifacts"):
            resolved["artifacts"] = resolve_arguments(resolved["artifacts"], scope)
    except ArtifactMissing as error:
        raise CallFailed(f"unable to resolve references: {error}") from error
    except ExpressionError as error:
        raise CallFailed(str(error)) from error
    return resolved
