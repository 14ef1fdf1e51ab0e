"""List the trials of a spec: `python -m handlers.grid --model M --spec JSON --trials-out PATH`.

Each is {"id", "params"}: the parameters that the grid varies, and their digest, which stays the same when the grid grows. A parameter
that the estimator does not accept is refused here.
"""

from __future__ import annotations

import argparse

from handlers.contracts import log, main, write_output
from handlers.models.estimators import make
from handlers.modelspec.grid import Trial, expand
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load
from handlers.storage import canonical_json


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.grid", description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("model", "spec"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--trials-out", metavar="PATH")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    given = arguments(argv)
    found = trials(load(given.spec))
    write_output(given.trials_out, canonical_json([{"id": trial.id, "params": trial.params} for trial in found]))
    log("grid", model=given.model, trials=len(found))


def trials(spec: ModelSpec) -> list[Trial]:
    """The trials, each of which the estimator can be made with; raises BadSpec naming the parameter where it cannot."""
    found = expand(spec)
    for trial in found:
        make(spec.model.estimator, spec.task, {**spec.model.params, **trial.params}, seed=spec.model.seed, memory=spec.model.memory)
    return found


if __name__ == "__main__":
    main(run)
