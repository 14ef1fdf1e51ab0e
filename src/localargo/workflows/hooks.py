"""Exit handlers of steps and tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from localargo.expressions import ExpressionError, exprlang
from localargo.expressions.tags import explode, substitute
from localargo.ports import Doc
from localargo.workflows.arguments import ABSENT
from localargo.workflows.artifacts import ArtifactMissing, resolve_arguments
from localargo.workflows.loops import is_absent
from localargo.workflows.outputs import last_attempt
from localargo.workflows.resolve import holder_of
from localargo.workflows.scope import Scope
from localargo.workflows.status import text
from localargo.workflows.work import Call, CallFailed, Pass


@dataclass(frozen=True, slots=True)
class HookOwner:
    """The node that a hook belongs to, its name in the scope, and the node that is assessed at the hook's end."""

    node: str  # the step's or task's node
    kind: str  # steps, tasks
    name: str  # as in `steps.<name>`
    base: str
    boundary: str
    owner: str
    depth: int


def has_exit(step: Doc) -> bool:
    """Whether the step has an exit handler."""
    return bool(step.get("onExit")) or "exit" in (step.get("hooks") or {})


def exit_hook(step: Doc, arguments: Doc) -> Doc | None:
    """The step's exit handler; one without arguments of its own gets the Workflow's."""
    if step.get("onExit"):
        return {"template": step["onExit"], "arguments": arguments}
    hook: Doc | None = (step.get("hooks") or {}).get("exit")
    if hook is None:
        return None
    own = hook.get("arguments") or {}
    return hook if own.get("parameters") or own.get("artifacts") else {**hook, "arguments": arguments}


def leave(p: Pass, hook_owner: HookOwner, step: Doc, scope: Scope, params: Mapping[str, str | None]) -> None:
    """Start the exit handler of a node that has ended.

    Raises CallFailed when it cannot be evaluated or called, and Blocked while `parallelism` allows no more calls.
    """
    doc = p.node(hook_owner.node)
    hook = exit_hook(step, p.spec.get("arguments") or {})
    if hook is None or not (p.completed(hook_owner.node) and p.fulfilled(hook_owner.node)) or not p.may_execute(True):
        return
    name = f"{doc['name']}.onExit"
    if p.get(p.id(name)) is not None:
        return
    scope = _own_status(p, hook_owner, scope)
    if hook.get("expression") and not _holds(hook["expression"], scope, params):
        return
    arguments = hook.get("arguments") or {}
    if arguments.get("parameters") or arguments.get("artifacts"):
        arguments = _resolved(p, hook_owner, arguments, scope, params)
    try:
        p.start(_call(hook_owner, name, hook, arguments))
    finally:
        if p.get(p.id(name)) is not None:
            p.link(hook_owner.node, p.id(name))


def _own_status(p: Pass, hook_owner: HookOwner, scope: Scope) -> Scope:
    scope = scope.copy()
    scope.params[f"{hook_owner.kind}.{hook_owner.name}.status"] = p.node(hook_owner.node)["phase"]
    return scope


def _holds(expression: str, scope: Scope, params: Mapping[str, str | None]) -> bool:
    try:
        return exprlang.holds(expression, explode({**params, **scope.params}))
    except ExpressionError as error:
        raise CallFailed(str(error)) from error


def _resolved(p: Pass, hook_owner: HookOwner, arguments: Doc, scope: Scope, params: Mapping[str, str | None]) -> Doc:
    """The arguments with the node's parameters and artifacts; Argo does not know its result and exit code here."""
    scope = scope.copy()
    outputs = p.node(last_attempt(p, hook_owner.node) or hook_owner.node).get("outputs") or {}
    prefix = f"{hook_owner.kind}.{hook_owner.name}.outputs"
    for parameter in outputs.get("parameters") or ():
        scope.params[f"{prefix}.parameters.{parameter['name']}"] = text(parameter.get("value", ""))
    for artifact in outputs.get("artifacts") or ():
        scope.artifacts[f"{prefix}.artifacts.{artifact['name']}"] = artifact
    return resolve_hook_arguments(arguments, scope, params)


def _call(hook_owner: HookOwner, name: str, hook: Doc, arguments: Doc) -> Call:
    return Call(
        name=name,
        holder=holder_of(hook),
        base=hook_owner.base,
        arguments=arguments,
        owner=hook_owner.owner,
        role="hook",
        boundary=hook_owner.boundary,
        on=hook_owner.node,
        flag={"hooked": True},
        on_exit=True,
        label=("steps.name", ""),
        depth=hook_owner.depth,
    )


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
