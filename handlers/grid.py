"""List the trials of a spec, and those of each later round of its search.

`python -m handlers.grid --model M --spec JSON [--run NAME] --trials-out PATH [--more-out PATH]` gives those that a run begins with;
`python -m handlers.grid next --model M --spec JSON --run NAME --round N --results JSON --trials-out PATH --more-out PATH --judged-out PATH`
those of round N, after what the one before has trained, and which trials are to be evaluated now.
A trial is {"id", "params"}: the parameters that the search varies, and their digest, which stays the same when the search grows. Of many
trials only ids and the round's number are listed: their parameters are in the round's record. Whether the estimator accepts them is known
where its library is: `handlers.check` says it beforehand, and `handlers.train` refuses the whole search.
"""

from __future__ import annotations

import argparse

from handlers.contracts import WrongUsage, json_items, log, main, write_output
from handlers.modelspec.parse import load
from handlers.runs import next_round, rounds
from handlers.storage import canonical_json, open_store

# characters of a list of trials; beyond it they are passed by reference. An argument can have 128 KiB, and a Workflow holds all of them
LONGEST = 65_536


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.grid", description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("model", "spec"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--run", default="")
    parser.add_argument("--round", type=int, default=0)
    parser.add_argument("--results", default="[]")
    for name in ("trials", "more", "judged"):
        parser.add_argument(f"--{name}-out", metavar="PATH")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    if argv[:1] == ["next"]:
        go_on(arguments(argv[1:]))
    else:
        begin(arguments(argv))


def begin(given: argparse.Namespace) -> None:
    spec = load(given.spec)
    found = next_round.begin(spec)
    if spec.search.has_rounds or _is_long(found):
        if not given.run:
            raise WrongUsage("--run: required for a search that has rounds or many trials; they are recorded in the run's folder")
        rounds.keep(open_store(), given.model, given.run, 0, found)
    write_output(given.trials_out, _listed(found, 0))
    write_output(given.more_out, "yes" if spec.search.has_rounds else "no")
    log("grid", model=given.model, trials=len(found))


def go_on(given: argparse.Namespace) -> None:
    if not given.run or given.round < 1:
        raise WrongUsage("next: --run and a --round from 1 are required")
    trained = [str(each["trial"]) for each in json_items(given.results, "--results")]
    found, judged = next_round.go_on(open_store(), given.model, given.run, load(given.spec), given.round, trained)
    write_output(given.trials_out, _listed(found, given.round))
    write_output(given.more_out, "yes" if found else "no")
    write_output(given.judged_out, canonical_json([{"trial": trial} for trial in judged]))
    log("grid", model=given.model, round=given.round, trials=len(found))


def _is_long(found: list[rounds.Item]) -> bool:
    return len(canonical_json(found)) > LONGEST


def _listed(found: list[rounds.Item], number: int) -> str:
    return canonical_json([{"id": each["id"], "round": number} for each in found] if _is_long(found) else found)


if __name__ == "__main__":
    main(run)
