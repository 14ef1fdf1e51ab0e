"""An attempt that comes after one which was killed for its memory: it has more, or the step gives up and says what to raise.

`RETRAIN_LAST` says how the attempt before has ended (workflowtemplates/step.yaml). `runs/<model>/<run>/memory/<stage>-<trial>.json` says
how much the last attempt had; it is there only where one has had more than the first.
"""

from __future__ import annotations

import os

from handlers.contracts import OUT_OF_MEMORY, GaveUp, log
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.quantities import amount
from handlers.modelspec.resources import Sized, grows, pods
from handlers.storage import Store, optional_json, write_json


def enough(store: Store, model: str, run: str, stage: Sized, trial: str, spec: ModelSpec) -> None:
    """Note how much memory this attempt has; raises GaveUp when the last one was killed with the most that the spec allows."""
    settings = pods(stage, spec.resources.get(stage))
    killed = os.environ.get("RETRAIN_LAST") == OUT_OF_MEMORY
    key = f"runs/{model}/{run}/memory/{stage}-{trial}.json"
    known = optional_json(store, key) if grows(settings) else None
    if not killed:
        if known is not None:  # an attempt with more memory was lost, and this one has again what the first had
            write_json(store, key, {"memory": settings["limit"]})
        return
    had = known["memory"] if known is not None else settings["limit"]
    if amount(had) >= amount(settings["more"]):
        raise GaveUp(f"trial {trial} ran out of memory: it was killed at its limit of {had}; raise resources.{stage}.memory")
    log("more memory", trial=trial, had=had, memory=settings["more"])
    write_json(store, key, {"memory": settings["more"]})
