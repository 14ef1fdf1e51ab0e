"""Read the spec, wait until the sources are quiet, and take the snapshot that decides what a run does.

`python -m handlers.fetch spec|look|snapshot --help`. Exit codes: 0; 2 wrong usage; 65 bad data; 75 the bucket does not answer; 78 bad spec.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from handlers.contracts import BadData, EventContext, RetrainRequest, WrongUsage, log, long_argument, main, shown, write_output
from handlers.data import scopes
from handlers.events import incoming, seen
from handlers.modelspec import grid_values
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load, parse
from handlers.modelspec.quantities import seconds
from handlers.modelspec.resources import USUAL, Resources, pods
from handlers.runs import batches, pacing, past, requests, snapshots, taken_up, trained, waiting
from handlers.runs import claim as claims
from handlers.storage import Store, canonical_json, open_store

WINDOW_SECONDS = 10  # as the Sensors name their Workflows
MAKING = ["transform-cpu", "transform-memory", "transform-limit"]
LOOK_AGAIN_SECONDS = 3.0  # while another run is about to take its snapshot
NO_EVENT = EventContext()
MARGIN_SECONDS = 1.0  # the bucket's clock is read in whole seconds


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.fetch", description=__doc__.splitlines()[0] if __doc__ else None)
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("spec", help="check a spec and pass it on")
    optional = dict.fromkeys(("query", "code", "grid", "quiet", "run"), "")
    _options(step, ["model", "spec"], optional, ["model", "spec", "quiet", "at-most", *USUAL, *MAKING, "image"])
    step = steps.add_parser("look", help="how long until the sources have been quiet")
    _options(step, ["model", "spec", "run", "quiet", "at-most", "since"], {"window": "", "event": "", "context": ""}, ["quiet", "wait"])
    step = steps.add_parser("snapshot", help="take a snapshot of the sources and decide")
    _options(step, ["model", "spec", "run"], {"event": "", "context": "", "uid": ""}, ["decision", "snapshot", "reason", "batches"])
    return parser.parse_args(argv)


def _options(step: argparse.ArgumentParser, needed: Iterable[str], optional: dict[str, str], outputs: Iterable[str]) -> None:
    for name in needed:
        step.add_argument(f"--{name}", required=True)
    for name, default in optional.items():
        step.add_argument(f"--{name}", default=default)
    for name in outputs:
        step.add_argument(f"--{name}-out", metavar="PATH")


def run(argv: list[str]) -> None:
    given = arguments(argv)
    {"spec": read_spec, "look": look, "snapshot": take}[given.step](given)


def read_spec(given: argparse.Namespace) -> None:
    """Parse and check the spec; what later steps need of it becomes outputs, so that none reads it again."""
    text = long_argument(given.spec, "--spec")
    spec = checked(text, f"models/{given.model}.yaml", given.query or None, given.code or None)
    spec = grid_values.replaced(spec, long_argument(given.grid, "--grid"), os.environ)
    sized: dict[str, str] = {stage: canonical_json(pods(stage, spec.resources.get(stage))) for stage in USUAL}
    making = spec.resources.get("transform") or Resources()
    outputs = {
        "model": spec.name,
        "spec": spec.text(),
        "quiet": given.quiet or spec.trigger.quiet,
        "at_most": spec.trigger.at_most,
        **sized,
        "transform_cpu": making.cpu or "500m",
        "transform_memory": making.asked_memory or "1Gi",
        "transform_limit": making.most_memory or "4Gi",
        "image": spec.model.image or "",
    }
    for name, value in outputs.items():
        write_output(getattr(given, f"{name}_out"), str(value))
    log("spec read", model=spec.name, task=spec.task, quiet=outputs["quiet"])


def checked(text: str, file: str, sql: str | None, code: str | None = None) -> ModelSpec:
    """The spec of a text, its statement included; raises BadSpec."""
    spec = parse(text, file, sql, code)
    scopes.check(spec)
    return spec


def look(given: argparse.Namespace) -> None:
    """Whether the run may take its snapshot: the event's window is over and the sources have been quiet; if not, how long to wait.

    One run of a model waits for all: one that finds another waiting joins it, and has nothing to wait for. Who submitted with `--now`
    neither joins nor waits.
    """
    spec, asked = load(given.spec), _readable(given.event)
    wanted = Wanted.of(given)
    store = open_store()
    if asked.as_of:  # the past is quiet
        write_output(given.quiet_out, "yes")
        write_output(given.wait_out, "0s")
        return
    now = store.server_time()
    there, joined = waiting.Waiting(), False
    if not asked.now:
        there, joined = waiting.enter(store, spec.name, wanted.waiting(given.run, now), now)
    if joined:
        reason = f"joined run {there.run}, which waits until the sources are quiet"
        request = _request(store, spec, given.run, asked, _which(given.context), "", now)
        requests.keep(store, {**request, "decision": "joined", "reason": reason, "by": there.run})
    waits = 0.0
    if there.run == given.run:
        waits = _waits(store, spec, wanted, there)
    elif there.run and not joined:
        waits = max(there.until - now, LOOK_AGAIN_SECONDS)
    quiet = waits <= 0
    write_output(given.quiet_out, "yes" if quiet else "no")
    write_output(given.wait_out, "0s" if quiet else f"{math.ceil(waits)}s")
    log("looked", quiet=quiet, wait=max(0.0, round(waits, 1)), joined=there.run if joined else None)


def _readable(event: str) -> RetrainRequest:
    """The event; an empty request of one that cannot be read: `snapshot` says what is wrong with it."""
    try:
        return incoming.read(event)
    except BadData:
        return RetrainRequest()


def _which(context: str) -> EventContext:
    """Which event it was; no event of a context that cannot be read, as with the event itself."""
    try:
        return incoming.context(context)
    except BadData:
        return NO_EVENT


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a run wants to wait, in seconds: from `since` on at most `at_most`, until nothing has landed for `quiet`, and beyond `window`."""

    since: float
    quiet: float
    at_most: float
    window: float

    @classmethod
    def of(cls, given: argparse.Namespace) -> Wanted:
        try:
            window = (int(given.window) + 1) * WINDOW_SECONDS + MARGIN_SECONDS if given.window else 0.0
            return cls(float(given.since), seconds(given.quiet), seconds(given.at_most), window)
        except ValueError as error:
            raise WrongUsage(f"look: {error}") from error

    def waiting(self, run: str, now: float) -> waiting.Waiting:
        """As who waits for the others."""
        until = max(self.since + self.at_most, self.window)
        return waiting.Waiting(run, max(until, now) + waiting.DEAD_AFTER_SECONDS, until, self.window)

    def more(self, newest: float, window: float, now: float) -> float:
        """Seconds until the snapshot may be taken; not above 0 when it may. `window` ends the windows of all who have joined."""
        quiet_at = newest + self.quiet + MARGIN_SECONDS
        return max(window, min(quiet_at, self.since + self.at_most)) - now


def _waits(store: Store, spec: ModelSpec, wanted: Wanted, there: waiting.Waiting) -> float:
    """Seconds until the waiter looks again; 0 when it has let go: its snapshot has what was there for all who joined."""
    while True:
        landed = (info.modified for found in snapshots.objects(store, spec).values() for info in found)
        now = store.server_time()
        waits = wanted.more(max(landed, default=0.0), there.window, now)
        if waits > 0:
            waiting.stay(store, spec.name, there.run, now + waits + waiting.DEAD_AFTER_SECONDS)
            return waits
        if waiting.let_go(store, spec.name, there):
            return 0.0
        found, _ = waiting.read(store, spec.name)
        if found.run != there.run:
            return 0.0  # a process of this run that was thought dead has let go
        there = found


def take(given: argparse.Namespace) -> None:
    """Write the snapshot and the request; claim the model where something is to be trained."""
    spec = load(given.spec)
    asked = incoming.read(given.event)
    context = incoming.context(given.context)
    store = open_store()
    decision, snapshot, reason = "elsewhere", "", "a Workflow of this name does this run on another engine"
    if not requests.of_another(store, spec.name, given.run, given.uid):
        request = decide(store, spec, given.run, asked, context)
        requests.keep(store, {**request, "uid": given.uid} if given.uid else request)
        # another may have kept its own meanwhile: a Workflow on another engine, or a process of this run, which goes on with what counts
        request = requests.read(store, spec.name, given.run) or request
        if not requests.is_another(request, given.uid):
            decision, snapshot, reason = request["decision"], request["snapshot"], request["reason"]
            taken_up.note(store, request)
            if decision != "duplicate":
                seen.mark(store, spec.name, given.run, asked)
    write_output(given.decision_out, decision)
    write_output(given.snapshot_out, snapshot)
    write_output(given.reason_out, reason)
    write_output(given.batches_out, canonical_json(batches.planned(store, spec, given.run, snapshot) if decision == "train" else []))
    log("decided", run=given.run, decision=decision, snapshot=snapshot, reason=reason)


def decide(store: Store, spec: ModelSpec, run: str, asked: RetrainRequest, context: EventContext = NO_EVENT) -> dict[str, Any]:
    """The run's request: its decision, the reason of it and the snapshot.

    train: something is new. already-trained: the same data, spec and gate have been decided on. redecide: only the gate is new. busy:
    another run is training the model, and its claim now says that more is wanted. no-data: there is no object. duplicate: a run has
    taken this event before. joined: another run of the model waited until the sources were quiet when this one came (`look` has said so).
    deferred: `trigger` allows no training now. skipped: another run is training the model, and `trigger.in_flight` is skip.

    The bucket is looked at again when the run gets the claim: since the first look another run may have trained this state, or a newer one.
    """
    kept = requests.read(store, spec.name, run)
    request = kept or _first(store, spec, run, asked, context)
    if request["decision"] in ("train", "redecide"):
        by, busy, seen_since = _claim(store, spec.name, run, request, asked, kept is not None)
        if not seen_since:
            request = {**request, **_looked(store, spec, run, asked, context), "at": request["at"]}
        if busy and request["decision"] in ("train", "redecide"):
            request = {**request, "decision": "busy", "reason": busy, "by": by, "took_up": []}
    changes = {name: value for name, value in request.items() if kept is not None and kept.get(name) != value}
    if kept is not None and changes:
        older = [kept["snapshot"]] if "snapshot" in changes else []
        requests.change(store, spec.name, run, **changes, before=[*kept.get("before", []), *older])
    return request


def _first(store: Store, spec: ModelSpec, run: str, asked: RetrainRequest, context: EventContext) -> dict[str, Any]:
    """What a run that has no request yet would do, before it has the claim."""
    past.check(spec, asked, store.server_time())
    # before the look: what is asked for after it is not in this snapshot
    busy_before = [] if asked.as_of else taken_up.waiting(store, spec.name, run)
    request = _looked(store, spec, run, asked, context)
    before = seen.by(store, spec.name, run, asked)
    if before:
        told = f"run {before} has taken this event: id {shown(asked.id)} of {shown(asked.sender)}"
        request.update(decision="duplicate", reason=told, by=before)
    if request["decision"] in ("train", "redecide"):
        pacing.entering(store, spec, request)
    request["took_up"] = busy_before if request["decision"] in ("train", "redecide", "already-trained") else []
    return request


def _looked(store: Store, spec: ModelSpec, run: str, asked: RetrainRequest, context: EventContext) -> dict[str, Any]:
    """What the run is asked, and what it decides over the sources as they are now."""
    taken = snapshots.look(store, spec, asked.moment)
    request = _request(store, spec, run, asked, context, taken.digest, taken.at)
    decision, reason = _compared(store, spec, taken, request)
    return {**request, "decision": decision, "reason": reason}


def _request(
    store: Store, spec: ModelSpec, run: str, asked: RetrainRequest, context: EventContext, snapshot: str, as_of: float
) -> dict[str, Any]:
    named = trained.named(spec, snapshot)
    return {
        "at": store.server_time(),
        "model": spec.name,
        "run": run,
        "event": {key: getattr(asked, key) for key in RetrainRequest.__slots__},
        "context": asdict(context),
        "snapshot": snapshot,
        "as_of": as_of,
        "digest": named.digest,
        "gate": past.gate(asked, named.gate),
        "code": named.code,
        "spec": spec.tree(),
    }


def _compared(store: Store, spec: ModelSpec, taken: snapshots.Snapshot, request: dict[str, Any]) -> tuple[str, str]:
    """What to do about a snapshot, which is kept unless it is empty, and why."""
    if taken.without:
        return "no-data", f"no object under {taken.without}"
    snapshots.keep(store, spec.name, taken)
    decision, reason, by = trained.decided(store, spec.name, request["digest"], request["gate"])
    if by is not None:
        request["by"] = by
    if decision == "redecide":
        request["earlier"] = by
    return decision, reason


def _claim(store: Store, model: str, run: str, request: dict[str, Any], asked: RetrainRequest, kept: bool) -> tuple[str, str, bool]:
    """(who has had the claim instead, why this run does not, whether the bucket was looked at early enough for that).

    The first two are "" when the run holds it. It looks again when it gets the claim, and when another has had it in between; and where its
    request is not `kept`: the claim may be one that another process of this run got after this one had looked.

    A run that trains the same data and spec gets no request for more, and none is asked for a past state: the run that follows it would
    know nothing of that.
    """
    name, gate = request["digest"], request["gate"]
    holder, _ = claims.read(store, model)
    if holder.run != run and holder.held(store.server_time()):
        there = requests.read(store, model, holder.run)
        if there is not None and (there.get("digest"), there.get("gate")) == (name, gate):
            return holder.run, f"run {holder.run} is training the same data and spec", True
        if asked.as_of:
            return holder.run, f"run {holder.run} is training this model; ask for the past state again when it has ended", True
    now = {"now": asked.reason} if asked.now else {}
    stop = {"stop": True} if request.get("supersedes") else {}
    found = claims.taken(store, model, run, {"run": run, "digest": name, **now, **stop}, lambda: _claimed_before(store, model, run))
    if found.since:
        return found.since, f"run {found.since} has had the model since this run lost its claim of it", False
    if found.by and stop:
        return found.by, f"run {found.by} is asked to stop (trigger.in_flight is supersede); another run follows it", True
    if found.by:
        return found.by, f"run {found.by} is training this model; another run follows it", True
    return "", "", found.had and kept


def _claimed_before(store: Store, model: str, run: str) -> bool:
    """Whether a process of this run had the claim: its request, which is kept after that, says that it trains."""
    kept = requests.read(store, model, run)
    return kept is not None and kept["decision"] in ("train", "redecide")


if __name__ == "__main__":
    main(run)
