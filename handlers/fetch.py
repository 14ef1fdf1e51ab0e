"""Read the spec, wait until the sources are quiet, and take the snapshot that decides what a run does.

`python -m handlers.fetch spec|look|snapshot --help`. Exit codes: 0; 2 wrong usage; 65 bad data; 75 the bucket does not answer; 78 bad spec.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from typing import Any

from handlers.contracts import RetrainRequest, WrongUsage, log, main, write_output
from handlers.data import scopes
from handlers.models.estimators import libraries
from handlers.modelspec.code_digests import code_digest
from handlers.modelspec.digests import identity, promote_digest, run_digest, snapshot_digest
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load, parse
from handlers.modelspec.quantities import seconds
from handlers.runs import claim as claims
from handlers.runs import trained
from handlers.storage import Missing, ObjectInfo, Store, open_store, read_json, write_once

WINDOW_SECONDS = 10  # as the Sensors name their Workflows
MARGIN_SECONDS = 1.0  # the bucket's clock is read in whole seconds
READY = "_READY"


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.fetch", description=__doc__.splitlines()[0] if __doc__ else None)
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("spec", help="check a spec and pass it on")
    _options(step, ["model", "spec"], {"query": "", "quiet": "", "run": ""}, ["model", "spec", "quiet", "at-most", "cpu", "memory"])
    step = steps.add_parser("look", help="how long until the sources have been quiet")
    _options(step, ["model", "spec", "quiet", "at-most", "since"], {"window": "", "run": ""}, ["quiet", "wait"])
    step = steps.add_parser("snapshot", help="take a snapshot of the sources and decide")
    _options(step, ["model", "spec", "run"], {"event": ""}, ["decision", "snapshot", "reason"])
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
    spec = checked(given.spec, f"models/{given.model}.yaml", given.query or None)
    train = spec.resources.get("train")
    outputs = {
        "model": spec.name,
        "spec": spec.text(),
        "quiet": given.quiet or spec.trigger.quiet,
        "at_most": spec.trigger.at_most,
        "cpu": (train.cpu if train else None) or "1",
        "memory": (train.memory if train else None) or "2Gi",
    }
    for name, value in outputs.items():
        write_output(getattr(given, f"{name}_out"), str(value))
    log("spec read", model=spec.name, task=spec.task, quiet=outputs["quiet"])


def checked(text: str, file: str, sql: str | None) -> ModelSpec:
    """The spec of a text, its statement included; raises BadSpec."""
    spec = parse(text, file, sql)
    scopes.check(spec)
    return spec


def objects(store: Store, spec: ModelSpec) -> list[ObjectInfo]:
    """The objects of the triggering source; of batches only those that are complete.

    A file or folder whose name begins with `_` or `.` is not data, as for Spark, Hive and Arrow: `_SUCCESS`, `.part.crc`, `_temporary/`.
    """
    prefix = spec.data.sources[spec.data.trigger].prefix
    found = list(store.list(prefix))
    if prefix.startswith("batches/"):
        ready = {info.key.removesuffix(READY) for info in found if info.key.endswith(f"/{READY}")}
        found = [info for info in found if any(info.key.startswith(folder) for folder in ready)]
    return [info for info in found if not any(name[:1] in ("_", ".") for name in info.key.removeprefix(prefix).split("/"))]


def look(given: argparse.Namespace) -> None:
    """Whether the event's window is over and the sources have been quiet, and if not, how long to wait."""
    spec = load(given.spec)
    store = open_store()
    waits = missing_wait(objects(store, spec), given, store.server_time())
    quiet = waits <= 0
    write_output(given.quiet_out, "yes" if quiet else "no")
    write_output(given.wait_out, "0s" if quiet else f"{math.ceil(waits)}s")
    log("looked", quiet=quiet, wait=max(0.0, round(waits, 1)))


def missing_wait(found: list[ObjectInfo], given: argparse.Namespace, now: float) -> float:
    """Seconds until the run may take its snapshot by the bucket's clock; not above 0 when it may."""
    try:
        since, window = float(given.since), int(given.window) if given.window else None
        quiet, at_most = seconds(given.quiet), seconds(given.at_most)
    except ValueError as error:
        raise WrongUsage(f"look: {error}") from error
    window_end = (window + 1) * WINDOW_SECONDS + MARGIN_SECONDS - now if window is not None else 0.0
    newest = max((info.modified for info in found), default=0.0)
    quiet_at = newest + quiet + MARGIN_SECONDS - now
    return max(window_end, min(quiet_at, since + at_most - now))


def take(given: argparse.Namespace) -> None:
    """Write the snapshot and the request; claim the model where something is to be trained."""
    spec = load(given.spec)
    asked = RetrainRequest.from_event(given.event)
    store = open_store()
    decision, snapshot, reason, request = decide(store, spec, given.run, asked)
    write_once(store, f"runs/{spec.name}/{given.run}/request.json", request)
    write_output(given.decision_out, decision)
    write_output(given.snapshot_out, snapshot)
    write_output(given.reason_out, reason)
    log("decided", run=given.run, decision=decision, snapshot=snapshot, reason=reason)


def decide(store: Store, spec: ModelSpec, run: str, asked: RetrainRequest) -> tuple[str, str, str, dict[str, Any]]:
    """(decision, snapshot digest, reason, the run's request).

    train: something is new. already-trained: the same data, spec and gate have been decided on. redecide: only the gate is new. busy:
    another run is training the model, and its claim now says that more is wanted. no-data: there is no object.
    """
    found = objects(store, spec)
    identities = sorted(identity(info) for info in found)
    snapshot = snapshot_digest(identities)
    of_estimator = libraries(spec.model.estimator)
    code = code_digest("evaluations", of_estimator)
    name, gate = run_digest(snapshot, spec, code), promote_digest(spec, code_digest("verdicts", of_estimator))
    request: dict[str, Any] = {
        "at": store.server_time(),
        "model": spec.name,
        "run": run,
        "event": {key: getattr(asked, key) for key in RetrainRequest.__slots__},
        "snapshot": snapshot,
        "digest": name,
        "gate": gate,
        "code": code,
        "spec": spec.tree(),
    }
    there = resumed(store, spec.name, run)
    if there is not None:
        decision, reason, request, snapshot = there["decision"], there["reason"], there, there["snapshot"]
        name, gate = there["digest"], there["gate"]
    elif not found:
        decision, reason = "no-data", f"no object under {spec.data.sources[spec.data.trigger].prefix}"
    else:
        write_once(store, f"snapshots/{spec.name}/{snapshot}.json", {"objects": identities})
        decision, reason = _compare(store, spec.name, name, gate, request)
    if decision in ("train", "redecide"):
        busy = _claim(store, spec.name, run, name, gate)
        if busy:
            decision, reason = "busy", busy
    request.update(decision=decision, reason=reason)
    return decision, snapshot, reason, request


def resumed(store: Store, model: str, run: str) -> dict[str, Any] | None:
    """What this run decided before it was interrupted."""
    try:
        found: dict[str, Any] = read_json(store, f"runs/{model}/{run}/request.json")
    except Missing:
        return None
    return found


def _compare(store: Store, model: str, name: str, gate: str, request: dict[str, Any]) -> tuple[str, str]:
    run = trained.run_of(store, model, name, gate)
    if run is not None:
        return "already-trained", f"already trained by run {run}"
    run = trained.run_of(store, model, name)
    if run is not None:
        request["earlier"] = run
        return "redecide", f"trained by run {run}; only the gate has changed"
    return "train", "new data, spec or code"


def _claim(store: Store, model: str, run: str, name: str, gate: str) -> str:
    """ "" when the run holds the claim; else why it does not. A run that trains the same data and spec gets no request for more."""
    holder, _ = claims.read(store, model)
    if holder.run != run and holder.held(store.server_time()):
        there = resumed(store, model, holder.run)
        if there is not None and (there.get("digest"), there.get("gate")) == (name, gate):
            return f"run {holder.run} is training the same data and spec"
    by = claims.take(store, model, run, {"run": run, "digest": name})
    return f"run {by} is training this model; another run follows it" if by else ""


if __name__ == "__main__":
    main(run)
