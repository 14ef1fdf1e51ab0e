"""Trials that end before their last epoch, by hand or by the rule over a run's trials: `runs/<model>/<run>/stops/<id>.json`.

The decision is written once, by conditional PUT, and every attempt obeys it. What a stopped trial leaves is the trial that a spec with so
many epochs would have: its own name says all that made it, so that the same state is never trained twice and no name hangs on what other
trials had reached. The trial that was asked for keeps its checkpoint: a run that does not stop it goes on from there.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from handlers.contracts import TryAgain, counted, log
from handlers.models.checkpoint import Progress
from handlers.modelspec.search_keys import Stop
from handlers.runs import live
from handlers.runs.live import Live
from handlers.runs.requests import run_folder
from handlers.storage import Conflict, Missing, Store, Temporary, write_json

ATTEMPTS = 20
LOOK_SECONDS = 2.0  # between two looks for a decision, and between two at the other trials
MEDIAN_OF = 3  # other trials; a median of fewer says little
Doc = dict[str, Any]


def key(model: str, run: str, name: str) -> str:
    return f"{run_folder(model, run)}/stops/{name}.json"


def decided(store: Store, model: str, run: str, name: str) -> Doc | None:
    """The decision about a trial; None where there is none. `epoch` is null until a process of the trial has obeyed."""
    return _read(store, model, run, name)[0]


def _read(store: Store, model: str, run: str, name: str) -> tuple[Doc | None, str | None]:
    try:
        data, etag = store.get_with_etag(key(model, run, name))
    except Missing:
        return None, None
    return json.loads(data), etag


def ask(store: Store, model: str, run: str, name: str, why: str) -> Doc:
    """Ask by hand; the decision that stands: another may have come first."""
    return _write_first(store, model, run, name, {"by": "hand", "why": why, "epoch": None, "at": store.server_time()})


def settle(store: Store, model: str, run: str, name: str, epoch: int, why: str) -> Doc:
    """Say up to which epoch a trial that ends now counts; the decision that stands. `why`: the rule's reason, where no hand has asked."""
    for _ in range(ATTEMPTS):
        known, etag = _read(store, model, run, name)
        if known is not None and known["epoch"] is not None:
            return known
        found = {**(known or {"by": "rule", "why": why, "at": store.server_time()}), "epoch": epoch}
        try:
            write_json(store, key(model, run, name), found, if_none_match=etag is None, if_match=etag)
        except Conflict:
            continue
        return found
    raise TryAgain(f"{key(model, run, name)} changes too often to be written; it is retried")


def _write_first(store: Store, model: str, run: str, name: str, wanted: Doc) -> Doc:
    try:
        write_json(store, key(model, run, name), wanted, if_none_match=True)
    except Conflict:
        return decided(store, model, run, name) or wanted
    return wanted


Values = Sequence[float | None]


def too_bad(rule: Stop, metric: str, mine: Values, others: Sequence[Values], *, higher: bool) -> str:
    """Why the rule stops a trial after its last epoch; "" while it does not. Compared are the best values that the trials had after as many
    epochs: a trial that has not come so far is not compared with."""
    epochs = len(mine)
    if epochs < rule.epochs:
        return ""
    own = _best(mine, higher=higher)
    reached = [value for each in others if len(each) >= epochs and (value := _best(each[:epochs], higher=higher)) is not None]
    if own is None or len(reached) < (MEDIAN_OF if rule.margin is None else 1):
        return ""
    sign = 1.0 if higher else -1.0
    told = f"after epoch {epochs} its best {metric} is {own:.6g}, worse than"
    after = f"{counted(len(reached), 'other trial')} after as many epochs"
    if rule.margin is None:
        middle = statistics.median(reached)
        return f"{told} {middle:.6g}, the median of {after}" if sign * own < sign * middle else ""
    best = max(reached) if higher else min(reached)
    limit = best - sign * rule.margin
    return f"{told} {best:.6g} {'-' if higher else '+'} {rule.margin:g}, the best of {after}" if sign * own < sign * limit else ""


def _best(values: Values, *, higher: bool) -> float | None:
    known = [value for value in values if value is not None]
    return None if not known else max(known) if higher else min(known)


class Judged:
    """The loop's `Watch`: tells how the trial goes, and ends it when a hand or the rule has decided so. `reason` is the rule's.

    A bucket that does not answer stops nothing.
    """

    def __init__(self, told: Live, rule: Stop | None, *, higher: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.reason = ""
        self._live = told
        self._rule = rule
        self._higher = higher
        self._clock = clock
        self._looked = self._compared = float("-inf")

    def within(self, lines: list[Doc]) -> None:
        self._live.within(lines)

    def seen(self, progress: Progress, *, epoch_ended: bool) -> bool:
        self._live.seen(progress, epoch_ended=epoch_ended)
        try:
            return self._decided() or (epoch_ended and self._is_too_bad(progress))
        except (Temporary, OSError) as error:
            log("whether the trial is to stop is not known", trial=self._live.asked.trial, error=str(error))
            return False

    def _decided(self) -> bool:
        now = self._clock()
        if now - self._looked < LOOK_SECONDS:
            return False
        self._looked = now
        told = self._live
        return decided(told.store, told.model, told.run, told.asked.id) is not None

    def _is_too_bad(self, progress: Progress) -> bool:
        now, told = self._clock(), self._live
        if self._rule is None or progress.epoch < self._rule.epochs or now - self._compared < LOOK_SECONDS:
            return False
        self._compared = now
        others = [each["values"] for each in live.of_run(told.store, told.model, told.run) if each["id"] != told.asked.id]
        mine = live.values(progress.history, told.asked.select_by)
        self.reason = too_bad(self._rule, told.asked.select_by, mine, others, higher=self._higher)
        return bool(self.reason)
