"""When a model was trained, `runs/<model>/trainings.json`: what `trigger.cooldown`, `daily_budget` and `min_new_rows` look back on.

Changed only by conditional PUT. A run is counted under its name before it trains, so that a step that is repeated counts it once, and two
runs never both take the last place of a day. The last finished training is written down before the run's result.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from handlers.contracts import TryAgain
from handlers.runs.admission import Answer, History, day_of
from handlers.storage import Conflict, Missing, Store, write_json

ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Training:
    """A finished training: when it ended, the snapshot and the `rows` of the dataset that it learned, and its spec and code (a digest).
    `as_of`: the moment of its snapshot; 0 of those that were written before there was one."""

    run: str
    at: float
    snapshot: str
    rows: int
    spec: str
    as_of: float = 0.0


@dataclass(frozen=True, slots=True)
class Trainings:
    """The last finished training, and the runs that were counted on the day (UTC) of the newest of them."""

    last: Training | None = None
    day: str = ""
    counted: tuple[str, ...] = ()

    @property
    def history(self) -> History:
        return History(self.last.run, self.last.at, self.day, self.counted) if self.last else History("", 0.0, self.day, self.counted)

    def to_json(self) -> dict[str, Any]:
        return {"last": asdict(self.last) if self.last else None, "day": self.day, "counted": list(self.counted)}


def key(model: str) -> str:
    return f"runs/{model}/trainings.json"


def read(store: Store, model: str) -> Trainings:
    return _read(store, model)[0]


def _read(store: Store, model: str) -> tuple[Trainings, str | None]:
    try:
        data, etag = store.get_with_etag(key(model))
    except Missing:
        return Trainings(), None
    found = json.loads(data)
    return Trainings(Training(**found["last"]) if found["last"] else None, found["day"], tuple(found["counted"])), etag


def count(store: Store, model: str, run: str, clock: Callable[[], float], ask: Callable[[Trainings, float], Answer]) -> Answer:
    """Count the run among those of its day where the answer over what has been trained is to start; the answer.

    The clock is looked at after that, so that nothing was trained later than now; and what was answered counts only while nothing else is
    counted or trained.
    """
    for _ in range(ATTEMPTS):
        known, etag = _read(store, model)
        now = clock()
        answer = ask(known, now)
        if answer.kind != "start":
            return answer
        counted = known.counted if known.day == day_of(now) else ()
        if run in known.counted or _write(store, model, replace(known, day=day_of(now), counted=(*counted, run)), etag):
            return answer
    raise TryAgain(f"{key(model)} changes too often to count a run; it is retried")


def finished(store: Store, model: str, training: Training) -> None:
    """Write down that the run's training is finished; the first time counts, and of several trainings the one of the newest snapshot: a
    process may come to this long after its run, when others have followed."""
    for _ in range(ATTEMPTS):
        known, etag = _read(store, model)
        if known.last and (known.last.run == training.run or known.last.as_of > training.as_of):
            return
        if _write(store, model, replace(known, last=training), etag):
            return
    raise TryAgain(f"{key(model)} changes too often to be written; it is retried")


def _write(store: Store, model: str, found: Trainings, etag: str | None) -> bool:
    try:
        write_json(store, key(model), found.to_json(), if_none_match=etag is None, if_match=etag)
    except Conflict:
        return False
    return True
