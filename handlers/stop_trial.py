"""Stop a trial of a run by hand: `python -m handlers.stop_trial RUN TRIAL --reason TEXT [-o text|json]`.

TRIAL is the beginning of a trial's name, as `python -m handlers.why trials RUN` lists it. The training looks for the decision in the bucket
every few seconds, so that this needs no rights but the bucket's. What is stopped counts up to its best epoch.
"""

from __future__ import annotations

import argparse
from typing import Any

from handlers.contracts import WrongUsage, main
from handlers.runs import live, stops
from handlers.runs.records import find_run
from handlers.storage import Store, canonical_json, open_store

Doc = dict[str, Any]


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.stop_trial", description="Stop a trial of a run by hand.")
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("trial", metavar="TRIAL")
    parser.add_argument("--reason", metavar="TEXT", required=True)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    given = arguments(argv)
    answer = stop(open_store(), given.run, given.trial, given.reason)
    print(canonical_json(answer) if given.output == "json" else _text(answer))


def stop(store: Store, name: str, trial: str, reason: str) -> Doc:
    """Write the decision, unless there is one; raises WrongUsage where there is nothing to stop."""
    if not reason.strip():
        raise WrongUsage("--reason: say why; `retrain trials` shows it")
    found = find_run(store, name)
    if found is None:
        raise WrongUsage(f"there is no run {name!r}; `retrain runs` lists them")
    if found.result is not None:
        raise WrongUsage(f"run {name} has ended: {found.outcome}")
    told = _named(store, found.model, name, trial)
    if told["state"] == "trained":
        raise WrongUsage(f"trial {told['trial']} is trained: there is nothing to stop")
    decision = stops.ask(store, found.model, name, told["id"], reason.strip())
    return {"model": found.model, "run": name, "trial": told["trial"], "stop": decision}


def _named(store: Store, model: str, run: str, trial: str) -> Doc:
    begun = live.of_run(store, model, run)
    found = [each for each in begun if str(each["trial"]).startswith(trial)]
    if len(found) != 1:
        known = ", ".join(str(each["trial"]) for each in begun) or "none yet"
        what = f"{len(found)} trials that have begun" if found else "no trial that has begun"
        raise WrongUsage(f"run {run} has {what} with a name like {trial!r}; there are: {known}")
    return found[0]


def _text(answer: Doc) -> str:
    decision, trial = answer["stop"], answer["trial"]
    if decision["epoch"] is not None:
        return f"Trial {trial} was stopped by {decision['by']} after epoch {decision['epoch']}: {decision['why']}"
    return (
        f"Trial {trial} is asked to stop: {decision['why']}. It ends in seconds, after its batch or round, and counts up to its best "
        f"epoch; `retrain trials {answer['run']}` shows it"
    )


if __name__ == "__main__":
    main(run)
