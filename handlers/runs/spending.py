"""What a model's trainings use: processor seconds, measured by the processes of its steps, where `trigger.price` says what they cost.

Each process of `transform`, `train` and `evaluate` keeps its own in `runs/<model>/<run>/spent/`, again and again while it works: who is
killed loses the last seconds alone, and a step that is repeated has used them twice.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from handlers.contracts import log
from handlers.modelspec.trigger import Price, Trigger
from handlers.runs import requests
from handlers.storage import Store, Temporary, optional_json, write_json

EVERY_SECONDS = 20.0


def processor_seconds() -> float:
    """Of this process, all its threads, and the processes that it has waited for."""
    return sum(os.times()[:4])


class Measured:
    """Keeps the processor seconds of this process while this lasts; nothing without a price."""

    def __init__(
        self, store: Store, trigger: Trigger, model: str, run: str, step: str, every: float = EVERY_SECONDS, *, trial: str = ""
    ) -> None:
        self._store = store
        self._price = trigger.price
        self._of = {"step": step, "trial": trial}
        self._began = time.monotonic()
        self._key = f"{_folder(model, run)}{step}-{uuid.uuid4().hex[:12]}.json" if trigger.price else ""
        self._every = every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._repeats, name="spending", daemon=True)

    def __enter__(self) -> Measured:
        if self._key:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._key:
            self._done.set()
            self._thread.join()
            self._keep()

    def _repeats(self) -> None:
        while not self._done.wait(self._every):
            self._keep()

    def _keep(self) -> None:
        """A bucket that does not take it ends no step."""
        used = round(processor_seconds(), 3)
        price = self._price.model_dump(mode="json") if self._price else None
        lasted = round(time.monotonic() - self._began, 3)
        try:
            write_json(self._store, self._key, {"processor_seconds": used, "seconds": lasted, "price": price, **self._of})
        except (Temporary, OSError) as error:
            log("processor seconds are not kept", seconds=used, error=str(error))


def _folder(model: str, run: str) -> str:
    return f"{requests.run_folder(model, run)}/spent/"


def of_steps(store: Store, model: str, run: str) -> float:
    """Processor seconds that the run's steps have kept."""
    return sum(float(each["processor_seconds"]) for each in of_processes(store, model, run))


def of_processes(store: Store, model: str, run: str) -> list[dict[str, Any]]:
    """What each process of the run's steps has kept."""
    kept = (optional_json(store, info.key) for info in store.list(_folder(model, run)))
    return [each for each in kept if each is not None]


def of_runs(store: Store, model: str, runs: Iterable[str]) -> float:
    """Processor seconds of several runs, as far as they have come."""
    return sum(_of_run(store, model, run) for run in runs)


def _of_run(store: Store, model: str, run: str) -> float:
    """A failed run may be tried again, and then uses more than its result says."""
    result = requests.result(store, model, run) or {}
    if "cost" in result and result["outcome"] != "failed":
        return float(result["cost"]["processor_seconds"])
    return of_steps(store, model, run)


def cost(store: Store, price: Price | None, model: str, run: str) -> dict[str, Any]:
    """What the run's result says of its cost; empty without a price, and of a run whose steps used nothing."""
    used = of_steps(store, model, run) if price else 0.0
    if price is None or not used:
        return {}
    return {"cost": {"processor_seconds": round(used, 3), "money": price.of(used), "currency": price.currency}}
