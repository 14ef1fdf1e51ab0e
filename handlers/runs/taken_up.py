"""Events whose runs found the model busy, and the run that took them up: both requests name each other.

A run that finds the model busy leaves its name in the claim. The run whose snapshot is taken after that has what the event was about, so it
names those runs in its request (`took_up`), and itself in theirs (`taken_up_by`). Nothing is decided by this: it is for people who ask.
"""

from __future__ import annotations

from typing import Any

from handlers.contracts import TryAgain, log
from handlers.runs import claim as claims
from handlers.runs import requests
from handlers.storage import Missing, Store


def waiting(store: Store, model: str, run: str) -> list[str]:
    """The runs that found the model busy and have not been taken up, the first first."""
    claim, _ = claims.read(store, model)
    names = [*claims.before(claim), *(str(each["run"]) for each in claim.wanted if each.get("run"))]
    return [name for name in dict.fromkeys(names) if name != run and requests.waits(store, model, name)]


def note(store: Store, request: dict[str, Any]) -> None:
    """Name the run of this request in those of the runs that it has taken up."""
    for name in request.get("took_up") or []:
        try:
            if requests.waits(store, request["model"], name):
                requests.change(store, request["model"], name, taken_up_by=request["run"])
        except (Missing, TryAgain) as error:
            log("not noted in the request of a run that was taken up", run=name, why=str(error))
