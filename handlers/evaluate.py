"""Score one trained trial on `valid`.

`python -m handlers.evaluate --model M --spec JSON --dataset DIGEST --result JSON --run NAME --scores-out PATH`.
The winner of a run is chosen among these scores; `test` is not looked at here. The evaluation, with an interval for every metric, is
kept in the trial's folder under the digest of trial, rows and metrics, so that a changed `evaluate` makes another one and trains nothing.
"""

from __future__ import annotations

import argparse

from handlers.contracts import json_argument, log, main, write_output
from handlers.data.manifest import load_dataset
from handlers.modelspec.parse import load
from handlers.runs import memory
from handlers.runs.claim import Heartbeat
from handlers.runs.evaluation import on_valid
from handlers.runs.spending import Measured
from handlers.storage import canonical_json, open_store


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.evaluate", description="Score one trained trial on the validation rows.")
    for name in ("model", "spec", "dataset", "result", "run"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--scores-out", required=True, metavar="PATH")
    return parser.parse_args(argv)


def run(argv: list[str] | None = None) -> None:
    given = arguments(argv)
    store = open_store()
    spec = load(given.spec)
    trial = json_argument(given.result, "--result")["trial"]
    memory.enough(store, given.model, given.run, "evaluate", trial, spec)
    measured = Measured(store, spec.trigger, given.model, given.run, "evaluate", trial=trial)
    with measured, Heartbeat(store, given.model, given.run):
        found = on_valid(store, given.model, trial, spec, load_dataset(store, given.model, given.dataset))
    select_by = spec.evaluate.select_by
    value = found["metrics"][select_by]["value"]
    log("trial is evaluated", trial=trial, select_by=select_by, value=value)
    write_output(given.scores_out, canonical_json({"trial": trial, "select_by": select_by, "value": value}))


if __name__ == "__main__":
    main(run, sized=True)
