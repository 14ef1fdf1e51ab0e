"""How the trials of a run go while they are trained: `runs/<model>/<run>/trials/<id>.json`, for those who look on.

One object a trial, replaced every few seconds: the epoch, its metric on `valid` epoch by epoch, rows a second, the time that is left. `id`
is that of its parameters, so that the rungs of a search that halves replace each other. Nothing that is learned hangs on it, and a bucket
that does not take it ends no training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.contracts import log
from handlers.models.checkpoint import Progress
from handlers.runs import trials
from handlers.runs.requests import run_folder
from handlers.storage import Store, Temporary, optional_json, write_json

EVERY_SECONDS = 2.0
Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial as its run asks for it: its name, what the search varies, and how much it is to learn: `rows` an epoch."""

    id: str
    trial: str
    params: Mapping[str, Any]
    epochs: int
    rows: int
    select_by: str


def key(model: str, run: str, name: str) -> str:
    return f"{run_folder(model, run)}/trials/{name}.json"


def of_run(store: Store, model: str, run: str) -> list[Doc]:
    """What the trials of a run tell, in the order of their names."""
    found = (optional_json(store, info.key) for info in store.list(f"{run_folder(model, run)}/trials/"))
    return sorted((each for each in found if each is not None), key=lambda each: str(each["trial"]))


def document(asked: Asked, progress: Progress, learned: int, seconds: float) -> Doc:
    """What a training tells of itself; `learned`: the rows of this process, in so many `seconds`."""
    speed = learned / seconds if learned and seconds > 0 else None
    left = max(0, asked.rows * asked.epochs - progress.rows)
    return {
        **_named(asked),
        "state": "training",
        "epoch": progress.epoch,
        "rows": progress.rows,
        "rows_per_second": round(speed, 1) if speed else None,
        "seconds_left": round(left / speed) if speed else None,
        "values": [line["valid"].get(asked.select_by) for line in progress.history],
        "best": progress.best,
        "within": progress.within[-1] if progress.within else None,
        "stopped": None,
    }


def _named(asked: Asked) -> Doc:
    return {
        "id": asked.id,
        "trial": asked.trial,
        "params": dict(asked.params),
        "epochs": asked.epochs,
        "rows_of_epoch": asked.rows,
        "select_by": asked.select_by,
    }


def values(curve: Sequence[Mapping[str, Any]], select_by: str) -> list[float | None]:
    """A metric of each epoch of a curve."""
    return [line["valid"].get(select_by) for line in curve]


class Live:
    """Tells how one trial goes; the loop's `Watch`."""

    def __init__(self, store: Store, model: str, run: str, asked: Asked, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self.model = model
        self.run = run
        self.asked = asked
        self._clock = clock
        self._began: tuple[float, int] | None = None
        self._told = float("-inf")

    def within(self, lines: list[Doc]) -> None:
        trials.publish_within(self.store, self.model, self.asked.trial, lines)

    def seen(self, progress: Progress, *, epoch_ended: bool) -> bool:
        now = self._clock()
        began, before = self._began = self._began or (now, progress.rows)
        if now - self._told >= EVERY_SECONDS:
            self._told = now
            self._tell(document(self.asked, progress, progress.rows - before, now - began))
        return False

    def trained(self, result: Mapping[str, Any], stopped: Mapping[str, Any] | None = None) -> None:
        """The trial has its result; `stopped`: the decision that ended it before its last epoch."""
        curve = trials.curve(self.store, self.model, str(result["trial"]))
        found = values(curve, self.asked.select_by)
        best = {"epoch": result["epoch"], "value": (result.get("valid") or {}).get(self.asked.select_by)}
        of_result = {"result": result["trial"], "epoch": result["epochs"], "rows": result["rows"], "values": found, "best": best}
        state = {"state": "stopped" if stopped else "trained", "stopped": dict(stopped) if stopped else None}
        told = {**state, **of_result, "rows_per_second": None, "seconds_left": 0, "within": None}
        self._tell({**_named(self.asked), **told})

    def _tell(self, found: Doc) -> None:
        try:
            write_json(self.store, key(self.model, self.run, self.asked.id), {**found, "at": self.store.server_time()})
        except (Temporary, OSError) as error:
            log("how the trial goes is not told", trial=self.asked.trial, error=str(error))
