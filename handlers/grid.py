"""List the trials of a spec: `python -m handlers.grid --model M --spec JSON [--run NAME] --trials-out PATH`.

Each is {"id", "params"}: the parameters that the grid varies, and their digest, which stays the same when the grid grows. Whether the
estimator accepts them is known where its library is: `handlers.check` says it beforehand, and `handlers.train` refuses the whole grid.
"""

from __future__ import annotations

import argparse

from handlers.contracts import log, main, write_output
from handlers.modelspec.grid import expand
from handlers.modelspec.parse import load
from handlers.storage import canonical_json


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.grid", description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("model", "spec"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--run", default="")
    parser.add_argument("--trials-out", metavar="PATH")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    given = arguments(argv)
    found = expand(load(given.spec))
    write_output(given.trials_out, canonical_json([{"id": trial.id, "params": trial.params} for trial in found]))
    log("grid", model=given.model, trials=len(found))


if __name__ == "__main__":
    main(run)
