"""Find what was left undone.

`python -m handlers.heal --models FOLDER --window N [--poll] [--model M --ended RUN] --starts-out PATH --silent-out PATH --notify-out PATH`.

FOLDER holds the specs of all models (the ConfigMap `models` as files). For each model the bucket says what should have been trained and was
not: a notification was lost, a trigger failed, a run or a trial died, an event was told that the model is busy by a run that then died, or
by one whose follower died. A champion's change that was cut off between its entry and the pointer is finished.
With --poll no notification is waited for: new data starts a run at once, and the run waits until the data is quiet.
The output is a JSON list of {"model", "name", "event"}, one Workflow to start each, empty where nothing is left; and whether events wait to
be delivered. And a list of {"model", "run"}: whose claims have been silent between two steps, and whether they wait for a place or were
terminated is not seen in the bucket. Who has asked, and knows that such a run has ended, calls again with its model and --ended: its claim
is free then, and that model alone is looked at. Nothing else is written but what was learned of objects' contents. Exit codes: 0; 75 the
bucket does not answer. A spec that is wrong is named in the log, and the others are looked at.
"""

from __future__ import annotations

import argparse
import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handlers import failures
from handlers.contracts import BadSpec, WrongUsage, log, main, write_output
from handlers.events import outbox
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.own_file import beside
from handlers.modelspec.parse import parse
from handlers.modelspec.quantities import seconds
from handlers.runs import champion as champions
from handlers.runs import claim as claims
from handlers.runs import pacing, requests, snapshots, taken_up, trained, waiting
from handlers.storage import Store, canonical_json, open_store, optional_json

GRACE = 120.0  # seconds beyond trigger.at_most in which the run of an upload takes its snapshot
NO_ATTEMPT = ("busy", "duplicate", "joined")  # decisions of runs that were not at the data that they saw
ATTEMPTS = 3  # runs over one state of data, spec and code, the first included
BETWEEN = 900.0  # seconds before the second attempt; twice as long before the third
READ = 50  # requests that are read, the newest first
NOT_TRIED = ("deferred", "skipped")
LASTING = (2, 65, 78)  # exit codes of what fails again however often it is tried


@dataclass(frozen=True, slots=True)
class Undone:
    """Why a run should be started, and the requests of the runs that were refused over the same state, the newest first. `now`: it is
    started for a run that was submitted with `--now`, so no rule of `trigger` holds it back."""

    reason: str
    deferred: list[dict[str, Any]]
    now: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What a model would be trained on now: the digests of its data, spec and gate, and when its newest object landed."""

    digest: str
    gate: str
    newest: float


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.heal", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--window", required=True, help="the ten seconds that the Workflows are named after")
    parser.add_argument("--poll", action="store_true", help="the bucket tells of no upload: start a run for new data at once")
    parser.add_argument("--model", default="", help="look at this model only")
    parser.add_argument("--ended", default="", metavar="RUN", help="a run of the model that has ended, and may hold its claim")
    for name in ("starts-out", "silent-out", "notify-out"):
        parser.add_argument(f"--{name}", metavar="PATH")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    given = arguments(argv)
    if not given.window.isdigit():
        raise WrongUsage(f"--window: {given.window!r} is not a number")
    store = open_store()
    now = store.server_time()
    if given.ended:
        claims.ended(store, given.model, given.ended)
    starts, silent = [], []
    for spec in specs(given.models):
        if given.model not in ("", spec.name):
            continue
        claim, _ = claims.read(store, spec.name)
        if claim.silent(now):
            silent.append({"model": spec.name, "run": claim.run})
        champions.current(store, spec.name)  # who reads it finishes a change that was cut off; nobody else may come to read it
        undone = startable(store, spec, now, poll=given.poll)
        log("model is looked at", model=spec.name, start=bool(undone), reason=undone.reason if undone else "nothing is left undone")
        if undone:
            event = {"model": spec.name, "reason": f"heal: {undone.reason}", "source": "heal", **({"now": "yes"} if undone.now else {})}
            encoded = base64.b64encode(canonical_json(event).encode()).decode()
            starts.append({"model": spec.name, "name": f"retrain-{spec.name}-{given.window}", "event": encoded})
    write_output(given.starts_out, canonical_json(starts))
    write_output(given.silent_out, canonical_json(silent))
    write_output(given.notify_out, "yes" if outbox.waiting(store) else "no")


def specs(folder: Path) -> Iterator[ModelSpec]:
    """The models of a folder, each once: one whose data lands under another name is there under both."""
    known = set()
    for path in sorted(folder.glob("*.yaml")):
        try:
            spec = parse(path.read_text(encoding="utf-8"), path.name, *beside(path))
        except BadSpec as error:
            log("spec is wrong", file=path.name, message=str(error))
            continue
        if spec.name not in known:
            known.add(spec.name)
            yield spec


def startable(store: Store, spec: ModelSpec, now: float, *, poll: bool = False) -> Undone | None:
    """What a run should be started for now; None when none should, or `trigger` does not allow it yet."""
    undone = left_undone(store, spec, now, poll=poll)
    if undone is None or undone.now:
        return undone
    refused = pacing.refused_now(store, spec, undone.deferred, now)
    if refused is not None:
        log("not started yet", model=spec.name, undone=undone.reason, reason=refused.reason)
    return undone if refused is None else None


def left_undone(store: Store, spec: ModelSpec, now: float, *, poll: bool = False) -> Undone | None:
    """What is to be made good; None when nothing is: nothing is new, a run is at it or will be, or trying again would not help.

    `poll`: no upload is told of, so new data is nobody else's to start a run for.
    """
    claim, _ = claims.read(store, spec.name)
    if claim.held(now):
        return None  # who trains starts what is wanted after it
    if waiting.read(store, spec.name)[0].there(now):
        return None  # who waits has not taken its snapshot yet
    state = state_of(spec, snapshots.look(store, spec))
    if state is None or trained.run_of(store, spec.name, state.digest, state.gate) is not None:
        return None
    asked = _not_followed(store, spec.name)
    kept = list(attempts(store, spec.name, state))
    deferred = [each for each in kept if each["decision"] == "deferred"]
    tried = [each for each in kept if each["decision"] not in NOT_TRIED]
    if asked and now >= claim.heartbeat + BETWEEN:
        reason = f"run {asked} was submitted with --now and found the model busy, and no run has followed it"
    elif tried:
        reason = _again(store, spec.name, tried, now)
    elif claim.run:
        reason = f"run {claim.run} has died"
    elif deferred:
        reason = f"run {deferred[0]['run']} was deferred ({deferred[0]['refused']['rule']})"
    elif kept:
        reason = _skipped(store, spec.name, kept[0])
    else:
        waits = not poll and state.newest + seconds(spec.trigger.at_most) + GRACE > now
        reason = "" if waits else "no run has taken the data, spec and code that are there now"
    return Undone(reason, deferred, bool(asked)) if reason else None


def _not_followed(store: Store, model: str) -> str:
    """A run that was submitted with --now, found the model busy, and that no run has taken up: the one that follows it has not begun, or
    has ended before it could. "" when there is none."""
    waits = taken_up.waiting(store, model, "")
    return next((run for run in waits if requests.asked(requests.read(store, model, run)).now), "")


def _skipped(store: Store, model: str, request: dict[str, Any]) -> str:
    """A state that was skipped while a run trained is left to the next event, unless that run came to nothing."""
    result = requests.result(store, model, request["by"])
    nothing = result is None or result["outcome"] == "failed"
    return f"run {request['run']} was skipped for run {request['by']}, which has failed" if nothing else ""


def state_of(spec: ModelSpec, taken: snapshots.Snapshot) -> State | None:
    """None where a source has no object."""
    if taken.without:
        return None
    named = trained.named(spec, taken.digest)
    return State(named.digest, named.gate, taken.newest)


def attempts(store: Store, model: str, state: State) -> Iterator[dict[str, Any]]:
    """The requests of the runs that have been at this state, the newest first."""
    kept = [info for info in store.list(f"runs/{model}/") if info.key.endswith("/request.json")]
    for info in sorted(kept, key=lambda each: -each.modified)[:READ]:
        found = optional_json(store, info.key)
        if found is not None and (found["digest"], found["gate"]) == (state.digest, state.gate) and found["decision"] not in NO_ATTEMPT:
            yield found


def _again(store: Store, model: str, tried: list[dict[str, Any]], now: float) -> str:
    """Why a state that runs have been at should have another one."""
    last = tried[0]["run"]
    result = requests.result(store, model, last)
    ended = float(result["at"]) if result is not None else float(tried[0]["at"])
    if len(tried) >= ATTEMPTS or now < ended + BETWEEN * 2 ** (len(tried) - 1):
        return ""
    if result is None:
        return f"run {last} has died"
    if any(each["exit_code"] in LASTING for each in failures.of_run(store, model, last)):
        return ""
    what = {"failed": "has failed", "superseded": "was superseded"}.get(result["outcome"], "has lost trials")
    return f"run {last} {what}; attempt {len(tried) + 1} of {ATTEMPTS}"


if __name__ == "__main__":
    main(run)
