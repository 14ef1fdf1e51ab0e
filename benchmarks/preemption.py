"""python -m benchmarks.preemption [--seed 0] [--out benchmarks/results/preemption.json]

Five trials of five days each on machines that are taken away, in simulated time: the training loop and the checkpoints are the real ones,
a batch stands for 30 seconds of work. Each hour a machine is taken with a given chance, and after 24 hours for certain; most are told
before (SIGTERM), some vanish without a word. Reported: batches that were learned twice, hours that were paid, the bill beside that of
machines on demand, and whether each model is the one that it would have been, to the last bit. More than 3 % learned twice, a bill that is
not three to four times lower or another model is said, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from handlers.contracts import Stopped, logged_by
from handlers.data.batch import Batch, Position
from handlers.metrics.predictions import Predictions
from handlers.models import checkpoint, loop
from handlers.models.checkpoint import Progress
from handlers.models.estimators import kind
from handlers.models.kinds import Recipe
from handlers.models.loop import Plan, Training
from handlers.storage import FolderStore

ESTIMATOR = "sklearn.linear_model.SGDClassifier"
DAYS, BATCH_SECONDS, ROWS = 5, 30, 16
BATCHES = 24 * 3600 // BATCH_SECONDS  # of an epoch, which takes a day
CHECKPOINT_SECONDS = 600.0
MOST_REDONE, CHEAPER = 0.03, (3.0, 4.0)


@dataclass(frozen=True)
class Machines:
    """`hourly`: the chance that a machine is taken in an hour; `silent`: of those taken, without a word. A machine is paid from its start,
    before the training goes on; nobody pays while one is waited for. Prices of an hour."""

    hourly: float = 0.05
    silent: float = 0.2
    longest_hours: float = 24.0
    start_seconds: float = 180.0
    wait_seconds: float = 600.0
    on_demand: float = 0.54
    spot: float = 0.16


class Gone(Exception):
    """The machine has vanished without a word."""


@dataclass
class Clock:
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Rows:
    """Made-up rows, of each batch its own; time passes as they are learned. `taken_at`: when the machine goes, `told`: it says so."""

    clock: Clock
    taken_at: float = float("inf")
    told: bool = True
    learned: int = 0

    def _batch(self, number: int, position: Position) -> Batch:
        made = np.random.default_rng(number)
        X = made.normal(size=(ROWS, 6))
        y = (X[:, 0] + X[:, 1] + made.normal(size=ROWS) > 0).astype(float)
        return Batch(X, y, None, np.zeros(ROWS, np.int64), position, {})

    def train(self, epoch: int, start: Position | None) -> Iterator[Batch]:
        for number in range(start.offset + 1 if start else 0, BATCHES):
            self.clock.now += BATCH_SECONDS
            if self.clock.now >= self.taken_at and self.told:
                os.kill(os.getpid(), signal.SIGTERM)
            elif self.clock.now >= self.taken_at:
                raise Gone
            self.learned += 1
            yield self._batch(epoch * BATCHES + number, Position(epoch, 0, number))

    def every(self) -> Iterator[Batch]:
        return self.train(0, None)

    def valid(self) -> Iterable[Batch]:
        return [self._batch(-number - 1 & 0xFFFFFF, Position(0, 0, number)) for number in range(40)]

    def sample(self) -> Iterable[Batch]:
        return self.valid()

    def some_valid(self, rows: int) -> Iterable[Batch]:
        return self.valid()


def score(found: Predictions) -> dict[str, float | None]:
    return {"accuracy": float(((found.score > 0.5) == found.truth).mean())}


def attempt(store: FolderStore, trial: int, rows: Rows) -> str:
    """Train on one machine, from the last checkpoint: the digest of what was learned."""
    recipe = Recipe(kind(ESTIMATOR, "binary"), "binary", {"loss": "log_loss", "alpha": 10.0 ** -(trial + 2)}, trial, 2, "stream")
    folder = f"trials/m/{trial}"
    made, progress = checkpoint.resume(store, folder, recipe) or (recipe.kind.make(recipe), Progress())
    training = Training(
        made,
        Plan(epochs=DAYS, select_by="accuracy", higher=True, checkpoint_seconds=CHECKPOINT_SECONDS),
        rows,
        score,
        save=lambda model, state: checkpoint.save(store, folder, model, state),
        publish=lambda lines: None,
    )
    training.run(progress)
    return training.made.digest()


def on_demand(trial: int, clock: Clock) -> tuple[str, int]:
    """What a trial learns where nothing is taken away, and in how many batches."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Rows(clock)
        return attempt(FolderStore(Path(folder)), trial, rows), rows.learned


@dataclass
class Bill:
    learned: int = 0
    paid: float = 0.0
    waited: float = 0.0
    told: int = 0
    silent: int = 0
    state: str = ""


def on_spot(trial: int, clock: Clock, machines: Machines, chance: random.Random) -> Bill:
    """The same trial on machines that are taken away."""
    bill = Bill()
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder))
        while not bill.state:
            lives = min(chance.expovariate(-np.log1p(-machines.hourly)), machines.longest_hours) * 3600
            began = clock.now
            clock.now += machines.start_seconds
            rows = Rows(clock, taken_at=began + lives, told=chance.random() >= machines.silent)
            try:
                bill.state = attempt(store, trial, rows)
            except Stopped:
                bill.told += 1
            except Gone:
                bill.silent += 1
            bill.learned += rows.learned
            bill.paid += clock.now - began
            if not bill.state:
                clock.now += machines.wait_seconds
                bill.waited += machines.wait_seconds
    return bill


def simulated(machines: Machines, clock: Clock, trials: int, seed: int) -> dict[str, Any]:
    needed = DAYS * BATCHES
    bills, same = [], True
    for trial in range(trials):
        expected, learned = on_demand(trial, clock)
        bills.append(on_spot(trial, clock, machines, random.Random(seed * 1000 + trial)))
        same = same and bills[-1].state == expected and learned == needed
        print(f"trial {trial}: {bills[-1]}", flush=True)
    hours = trials * needed * BATCH_SECONDS / 3600 + trials * machines.start_seconds / 3600
    paid = sum(bill.paid for bill in bills) / 3600
    return {
        "trials": trials,
        "interruptions": {"told": sum(bill.told for bill in bills), "silent": sum(bill.silent for bill in bills)},
        "redone": round(sum(bill.learned for bill in bills) / (trials * needed) - 1, 5),
        "hours": {"on_demand": round(hours, 1), "spot": round(paid, 1), "waited": round(sum(bill.waited for bill in bills) / 3600, 1)},
        "bill": {"on_demand": round(hours * machines.on_demand, 2), "spot": round(paid * machines.spot, 2)},
        "cheaper": round(hours * machines.on_demand / (paid * machines.spot), 2),
        "same_models": same,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    machines = Machines()
    clock = Clock()
    with logged_by(lambda _event, _facts: None), mock.patch.object(loop, "time", clock):
        found = simulated(machines, clock, given.trials, given.seed)
    told = {"machines": asdict(machines), "days": DAYS, "checkpoint_seconds": CHECKPOINT_SECONDS, "batch_seconds": BATCH_SECONDS, **found}
    told |= {"python": platform.python_version(), "seed": given.seed}
    print(json.dumps(told, indent=2))
    if given.out:
        given.out.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    missed = [
        text
        for text, met in (
            (f"{found['redone']:.1%} was learned twice, more than {MOST_REDONE:.0%}", found["redone"] <= MOST_REDONE),
            (f"the bill is {found['cheaper']} times lower, not {CHEAPER}", CHEAPER[0] <= found["cheaper"] <= CHEAPER[1]),
            ("a model is another one", found["same_models"]),
        )
        if not met
    ]
    sys.exit("; ".join(missed) or 0)


if __name__ == "__main__":
    main()
