"""Why a Workflow ended, for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# outcomes whose reason a person is told, by the phase of their Workflow
TOLD = {"Failed": ("failed",), "Error": ("failed",), "Succeeded": ("deferred", "skipped", "superseded")}


def reason(workflow: Mapping[str, Any]) -> str:
    """Why a Workflow ended as it did: of a retraining that failed or was refused the sentence of its verdict, else the Workflow's message.

    Argo gives a Workflow that succeeded no message, and a run that may not train yet has done what it should.
    """
    status = workflow.get("status") or {}
    message = str(status.get("message") or "")
    told = TOLD.get(str(status.get("phase")), ())
    if not told:
        return message
    for node in (status.get("nodes") or {}).values():
        for output in (node.get("outputs") or {}).get("parameters") or []:
            if output.get("name") == "verdict":
                try:
                    verdict = json.loads(str(output.get("value")))
                except ValueError:
                    continue
                if isinstance(verdict, dict) and verdict.get("outcome") in told:
                    return str(verdict.get("reason") or message)
    return message
