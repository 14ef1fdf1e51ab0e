"""Whether the receivers of runs' events have been told."""

from __future__ import annotations

import json
from collections.abc import Mapping

from localargo import LocalArgoError
from retrain.doctor.check import Check
from retrain.project.questions import ask

SHOWN = 3  # sentences


def notifications(bucket: Mapping[str, str]) -> Check:
    """What was given up counts as a fault; what waits may still arrive."""
    try:
        found = json.loads(ask(bucket, "list", handler="notify"))
    except LocalArgoError as error:
        return Check("notifications", True, f"not checked: {error}")
    given_up, waiting = found["undelivered"], found["outbox"]
    if given_up:
        remedy = "correct the Secret `notify`, then `python -m handlers.notify again`; or delete them in undelivered/"
        return Check("notifications", False, f"{_some(given_up)} {remedy}")
    return Check("notifications", True, _some(waiting) if waiting else "every event is delivered")


def _some(sentences: list[str]) -> str:
    more = f" ... and {len(sentences) - SHOWN} more." if len(sentences) > SHOWN else ""
    return " ".join(sentences[:SHOWN]) + more
