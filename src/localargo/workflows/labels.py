"""Labels and annotations from a spec's `workflowMetadata`, with its expressions. Pure."""

from __future__ import annotations

from typing import Any

from localargo.expressions import ExpressionError, exprlang, gotext
from localargo.expressions.tags import explode, substitute
from localargo.expressions.values import go_type
from localargo.manifests.metadata import LONGEST_PART, PART, VALUE_RULE
from localargo.workflows.scope import global_params
from localargo.workflows.work import CallFailed, Pass

_TOO_LONG = f"must be no more than {LONGEST_PART} characters"


def give(p: Pass) -> None:
    """Set them as changes of this reconcile. Raises CallFailed with Argo's message."""
    wanted = p.spec.get("workflowMetadata") or {}
    sources: dict[str, Any] = wanted.get("labelsFrom") or {}
    params = global_params(p)
    try:
        labels = substitute({n: str(v) for n, v in (wanted.get("labels") or {}).items()}, params)
        annotations = substitute({n: str(v) for n, v in (wanted.get("annotations") or {}).items()}, params)
    except ExpressionError as error:
        raise CallFailed(str(error)) from error
    for name, value in labels.items():
        _proven(value, f"label {gotext.go_quote(name)}")
    p.labels.update(labels)
    p.annotations.update(annotations)
    params.update({f"workflow.labels.{n}": v for n, v in labels.items()})
    params.update({f"workflow.annotations.{n}": v for n, v in annotations.items()})
    env = explode(params)
    made = {name: _evaluated(name, str(source.get("expression") or ""), env) for name, source in sources.items()}
    p.labels.update(made)


def _proven(value: str, where: str) -> str:
    wrong = [_TOO_LONG] if len(value) > LONGEST_PART else []
    if value and not PART.fullmatch(value):
        wrong.append(VALUE_RULE)
    if wrong:
        raise CallFailed(f"invalid label value {gotext.go_quote(value)} for {where}: {';'.join(wrong)}")
    return value


def _evaluated(name: str, expression: str, env: dict[str, Any]) -> str:
    label, shown = gotext.go_quote(name), gotext.go_quote(expression)
    try:
        program = exprlang.compile(expression)
        program.check(env)
    except ExpressionError as error:
        raise CallFailed(f"failed to compile function for expression {shown}: {exprlang.pointed(error, expression)}") from error
    try:
        value = program.evaluate(env)
    except ExpressionError as error:
        raise CallFailed(f"failed to evaluate label {label} expression {shown}: {exprlang.pointed(error, expression)}") from error
    if not isinstance(value, str):
        raise CallFailed(f"failed to evaluate label {label} expression {shown} evaluted to {go_type(value)} but must be a string")
    return _proven(value, f"label {label} and expression {shown}")
