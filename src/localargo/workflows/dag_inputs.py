"""Inputs of ended tasks: Argo reads their ConfigMaps again whenever it assesses the task."""

from __future__ import annotations

from localargo.ports import Doc
from localargo.workflows.arguments import process
from localargo.workflows.execute import Frame
from localargo.workflows.resolve import resolve
from localargo.workflows.scope import params_at
from localargo.workflows.work import CallFailed, Pass


def unread(p: Pass, frame: Frame, task: Doc, at: str) -> str:
    """Why a ConfigMap that the task's template needs cannot be read; empty when all can. `at`: the dag's node name."""
    reads = frame.reads.get(task["name"])
    if reads is None:
        reads = frame.reads[task["name"]] = _reads(p, frame, task)
    try:
        if reads:
            process(reads, task.get("arguments") or {}, params_at(p, at), {}, p.world)
    except CallFailed as error:
        return str(error)
    return ""


def _reads(p: Pass, frame: Frame, task: Doc) -> Doc:
    try:
        _, template = resolve(p, frame.base, task)
    except CallFailed:
        return {}
    declared = (template.get("inputs") or {}).get("parameters") or []
    found = any((each.get("valueFrom") or {}).get("configMapKeyRef") for each in declared)
    return {"inputs": {"parameters": declared}} if found else {}
