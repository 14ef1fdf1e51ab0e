"""The rehearsal of losses: every step that is tried again is told when to be taken away (`handlers/preempted.py` does it)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from localargo import Document

ACCEPTED = "every 20s, at batch 7, and each with ` kill` at its end"
_RULE = re.compile(r"(every \d+(\.\d+)?[smh]|at batch [1-9]\d*)( kill)?")
_TRIED_AGAIN = "RETRAIN_LAST"  # the variable of a step that knows how its attempt before has ended


def is_rule(text: str) -> bool:
    """Whether the text is a rule by which pods are taken away."""
    return _RULE.fullmatch(text) is not None


def rehearsed(documents: Sequence[Document], rule: str) -> list[Document]:
    """The documents, with the rule in every step that is tried again."""
    return [replace(each, doc=_told(each.doc, rule)) if each.kind == "WorkflowTemplate" else each for each in documents]


def _told(doc: dict[str, Any], rule: str) -> dict[str, Any]:
    told = deepcopy(doc)
    for template in told["spec"].get("templates") or []:
        variables = (template.get("container") or {}).get("env") or []
        if any(each["name"] == _TRIED_AGAIN for each in variables):
            variables.append({"name": "RETRAIN_PREEMPT", "value": rule + "; attempt {{retries}}"})
    return told
