"""Steps and tasks before they are called: `when`, references to outputs, and loops, whose calls are created on demand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localargo.expressions import ExpressionError, rawjson
from localargo.expressions.goprintf import sprintf
from localargo.expressions.govaluate import evaluate_when
from localargo.expressions.rawjson import Number
from localargo.expressions.tags import UnresolvedTag, substitute, tags
from localargo.ports import Doc
from localargo.workflows.arguments import ABSENT
from localargo.workflows.artifacts import ArtifactMissing, resolve_arguments
from localargo.workflows.scope import Scope
from localargo.workflows.status import text
from localargo.workflows.work import CallFailed

Params = Mapping[str, str | None]

STRICT = ("steps", "tasks")
LOOPS = ("withItems", "withParam", "withSequence")
HANGS = "(a reference that will never have a value: Argo waits here for ever, argo-workflows issue 16793)"


class ReferenceMissing(CallFailed):
    """An artifact referred to is missing; steps phrase it differently from dags."""


def should_expand(step: Doc) -> bool:
    """Whether the step fans out."""
    return bool(step.get("withItems")) or bool(step.get("withParam")) or step.get("withSequence") is not None


def should_execute(when: str) -> bool:
    """Evaluate a `when` whose tags are replaced. Raises CallFailed with Argo's message."""
    try:
        return evaluate_when(when)
    except ExpressionError as error:
        raise CallFailed(str(error)) from error


def resolve_references(step: Doc, scope: Scope, params: Params, *, dag: bool = False) -> Doc:
    """The step (`dag`: task) with everything replaced that is known before its items are. Hooks are left for later.

    A step whose `when` is false is returned with only that replaced. Raises CallFailed.
    """
    names = {**params, **scope.params}
    bare = {k: v for k, v in step.items() if k != "hooks"}
    try:
        if bare.get("when"):
            when = substitute(bare["when"], names, strict=STRICT)
            if not _may_run(when, bare):
                return {**step, "when": when}
        resolved: Doc = substitute(_absent_arguments(bare, scope), names, strict=STRICT)
        arguments = resolved.get("arguments") or {}
        if arguments.get("artifacts"):
            resolved["arguments"] = {**arguments, "artifacts": _artifacts(arguments["artifacts"], scope, dag)}
    except UnresolvedTag as error:
        raise CallFailed(f"{error} {HANGS}") from error
    except ExpressionError as error:
        raise CallFailed(str(error)) from error
    if step.get("hooks"):
        resolved["hooks"] = step["hooks"]
    return resolved


def _artifacts(given: list[Doc], scope: Scope, dag: bool) -> list[Doc]:
    try:
        return resolve_arguments(given, scope, dag=dag)
    except (ArtifactMissing, ExpressionError) as error:
        raise ReferenceMissing(str(error)) from error


def _may_run(when: str, step: Doc) -> bool:
    try:
        return evaluate_when(when)
    except ExpressionError as error:
        if should_expand(step):
            return True  # it may refer to the item
        raise CallFailed(str(error)) from error


def _absent_arguments(step: Doc, scope: Scope) -> Doc:
    """Drop arguments that only refer to an output that was never written."""
    arguments = step.get("arguments") or {}
    parameters = arguments.get("parameters")
    if not parameters or all(v is not None for v in scope.params.values()):
        return step
    marked = [{**a, "value": ABSENT} if is_absent(a.get("value"), scope) else a for a in parameters]
    return {**step, "arguments": {**arguments, "parameters": marked}}


def is_absent(value: Any, scope: Scope) -> bool:
    """Whether a value is one plain tag that names an absent output."""
    if not isinstance(value, str) or not value.startswith("{{") or not value.endswith("}}"):
        return False
    name = value[2:-2].strip()
    return name in scope.params and scope.params[name] is None


# ------------------------------------------------------------------------------------------ loops


@dataclass(slots=True)
class Calls:
    """The calls of one step or task: one, or one per item. Computed on demand."""

    step: Doc  # with everything replaced except the item
    items: list[Any] | None  # None: no loop
    params: Params

    def __len__(self) -> int:
        return 1 if self.items is None else len(self.items)

    def call(self, index: int) -> Doc:
        """The step of one item, with its name. Raises CallFailed."""
        if self.items is None:
            return self.step
        return _item_step(self.step, index, self.items[index], self.params)


def expand(step: Doc, params: Params, *, dag: bool = False) -> Calls:
    """The calls of a resolved step (`dag`: task). Raises CallFailed for an invalid list or sequence, unless `when` is false."""
    if not should_expand(step):
        return Calls(step, None, params)
    bare = {k: v for k, v in step.items() if k not in LOOPS}
    items: list[Any] = []
    if step.get("withItems"):
        items = rawjson.loads(rawjson.dumps(step["withItems"], sort=False))
    elif step.get("withParam"):
        try:
            found = rawjson.loads(text(step["withParam"]))
            if found is not None and not isinstance(found, list):
                raise ExpressionError(f"json: cannot unmarshal {_go_kind(found)} into Go value of type []v1alpha1.Item")
            items = found or []
        except ExpressionError as error:
            if _must_execute(step):
                what = "withParam value could not be parsed as a JSON list"
                raise CallFailed(f"{what}: {text(step['withParam']).strip()}: {error}") from error
    else:
        try:
            items = list(sequence(step["withSequence"]))
        except CallFailed:
            if _must_execute(step):
                raise
    calls = Calls(bare, items, params)
    _prove(calls)
    if dag:
        _prove(Calls(step, items[:1], params))  # of a task, Argo replaces tags in the list itself as well
    return calls


def _prove(calls: Calls) -> None:
    """Argo expands all items before it creates the first node: raise the error that any of them would raise."""
    items = calls.items or []
    found = list(tags(calls.step))
    fields = {t.text[5:] for t in found if t.text.startswith("item.")}
    everything = any(t.expression for t in found)
    for index, item in enumerate(items):
        if index == 0 or everything or (fields and not (isinstance(item, dict) and fields <= item.keys())):
            calls.call(index)


def _must_execute(step: Doc) -> bool:
    try:
        return evaluate_when(step.get("when") or "")
    except ExpressionError:
        return True


def _go_kind(value: Any) -> str:
    if isinstance(value, dict):
        return "object"
    if isinstance(value, str):
        return "string"
    return "bool" if isinstance(value, bool) else "number"


def sequence(field: Doc) -> list[str]:
    """The values of a withSequence: `count` or `end`, from `start`, up or down. Raises CallFailed."""
    start = _number(field.get("start", 0))
    if field.get("end") is not None:
        end = _number(field["end"])
    elif field.get("count") is not None:
        count = _number(field["count"])
        if count == 0:
            return []
        end = start + count - 1
    else:
        raise CallFailed("neither end nor count was specified in withSequence")
    numbers = range(start, end + 1) if start <= end else range(start, end - 1, -1)
    pattern = field.get("format") or "%d"
    return [_formatted(pattern, n) for n in numbers]


def _number(value: Any) -> int:
    found = text(value)
    if not re.fullmatch(r"[+-]?[0-9]+", found):
        raise CallFailed(f'strconv.Atoi: parsing "{found}": invalid syntax')
    return int(found)


def _formatted(pattern: str, number: int) -> str:
    try:
        return str(rawjson.loads(f'"{sprintf(pattern, [number])}"'))
    except ExpressionError as error:
        raise CallFailed(str(error)) from error


# ------------------------------------------------------------------------------------------ items


def _item_step(step: Doc, index: int, item: Any, params: Params) -> Doc:
    names: dict[str, str | None] = dict(params)
    names["item"] = whole_text(item)
    if isinstance(item, dict):
        for key, value in item.items():
            names[f"item.{key}"] = printed(value)
    when = step.get("when") or ""
    try:
        lenient = not evaluate_when(when)
    except ExpressionError:
        lenient = False
    try:
        if lenient:
            made: Doc = substitute(step, {k: v for k, v in names.items() if v is not None})
        else:
            made = substitute(step, names, strict=("*",))
    except ExpressionError as error:
        raise CallFailed(str(error)) from error
    made["name"] = item_name(step["name"], index, item)
    if step.get("template"):
        made["template"] = step["template"]
    return made


def item_name(name: str, index: int, item: Any) -> str:
    """The node's name for an item: `train(0:lr:0.1)`."""
    if item is None:
        description = "[]"
    elif isinstance(item, dict):
        description = ",".join(sorted(f"{key}:{printed(value)}" for key, value in item.items()))
    elif isinstance(item, list):
        description = "[" + " ".join(printed(value) for value in item) + "]"
    else:
        description = printed(item)
    return f"{name}({index}:{description.replace('(', '').replace(')', '')})"


def whole_text(item: Any) -> str:
    """The value of `{{item}}`: text as it is, a map with sorted keys, nested values as written."""
    if isinstance(item, str):
        return item
    if isinstance(item, dict):
        inside = ",".join(f"{rawjson.quote(k, html=True)}:{_written(item[k])}" for k in sorted(item))
        return "{" + inside + "}"
    return _written(item)


def printed(value: Any) -> str:
    """The value of `{{item.key}}`, also in names: JSON; a string without its quotes (but with its escapes)."""
    written = _written(value).replace("\\u003c", "<").replace("\\u003e", ">").replace("\\u0026", "&")
    return written[1:-1] if isinstance(value, str) else written


def _written(value: Any) -> str:
    if isinstance(value, Number):
        return value.text
    return rawjson.dumps(value, html=True, sort=False)
