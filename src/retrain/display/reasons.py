"""Why a Workflow ended, for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def reason(workflow: Mapping[str, Any]) -> str:
    """Why a Workflow ended as it did: of a retraining that failed the sentence of its verdict, else the Workflow's own message."""
    status = workflow.get("status") or {}
    message = str(status.get("message") or "")
    if status.get("phase") not in ("Failed", "Error"):
        return message
    for node in (status.get("nodes") or {}).values():
        for output in (node.get("outputs") or {}).get("parameters") or []:
            if output.get("name") == "verdict":
                try:
                    verdict = json.loads(str(output.get("value")))
                except ValueError:
                    continue
                if isinstance(verdict, dict) and verdict.get("outcome") == "failed":
                    return str(verdict.get("reason") or message)
    return message
