"""Runs over past states of the data: what may be asked for, and a verdict that moves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.contracts import BadData, BadSpec, RetrainRequest, shown
from handlers.data.labels import by_day
from handlers.modelspec.model import ModelSpec
from handlers.storage import digest

KEPT_APART = "backfilled"  # the decision of a verdict that moves nothing


def check(spec: ModelSpec, asked: RetrainRequest, now: float) -> None:
    """Raise BadData or BadSpec for a past state that cannot be had; nothing for the present."""
    if asked.moment is None:
        return
    if asked.moment > now:
        raise BadData(f"the event's as_of is {shown(asked.as_of)}, which is in the future")
    if by_day(spec) and spec.data.query is not None and spec.data.query.scope == "all":
        raise BadSpec(
            "data.query.scope: all reads the rows of every day, so a past state would know the days after it; use lookback or row"
        )


def gate(asked: RetrainRequest, name: str) -> str:
    """The name of a run's gate: one that moves nothing is another, so that the same state can still be promoted."""
    return name if asked.promotes else digest({"gate": name, "promotes": False})


def verdict(document: Mapping[str, Any], asked: RetrainRequest) -> dict[str, Any]:
    """The verdict of a run that may promote, or of one that may not: that was judged alone, on all test rows of its past state, of which
    the champion of today has learned most."""
    if not asked.as_of:
        return dict(document)
    if asked.promotes:
        return {**document, "as_of": asked.as_of}
    passes = "passes" if document["decision"] == "promoted" else "does not pass"
    reason = f"as of {asked.as_of} the winner {passes} the gate, judged alone; no champion is moved: {document['reason']}"
    return {**document, "as_of": asked.as_of, "decision": KEPT_APART, "reason": reason}
