"""Markers that say whether a run has decided on data, spec and gate: `trained/<model>/<run digest>[-<gate digest>].json`.

A marker is written just before the run's result.json and counts only when that is there: result.json alone means trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from handlers.models.estimators import libraries
from handlers.modelspec.code_digests import code_digest
from handlers.modelspec.digests import promote_digest, run_digest
from handlers.modelspec.model import ModelSpec
from handlers.runs import requests
from handlers.storage import Missing, Store, read_json, write_json


@dataclass(frozen=True, slots=True)
class Named:
    """What a run over a snapshot is named by: the digests of its code, of what it trains, and of its gate."""

    code: str
    digest: str
    gate: str


def named(spec: ModelSpec, snapshot: str) -> Named:
    """The names of a run over the snapshot of this digest."""
    of_estimator = libraries(spec.model.estimator)
    code = code_digest("evaluations", of_estimator)
    return Named(code, run_digest(snapshot, spec, code), promote_digest(spec, code_digest("verdicts", of_estimator)))


def _key(model: str, digest: str, gate: str = "") -> str:
    return f"trained/{model}/{digest}{'-' + gate if gate else ''}.json"


def mark(store: Store, request: dict[str, Any]) -> None:
    """Record that the request's run has decided on the trials of its digest by its gate."""
    for gate in ("", request["gate"]):
        write_json(store, _key(request["model"], request["digest"], gate), {"run": request["run"]})


def run_of(store: Store, model: str, digest: str, gate: str = "") -> str | None:
    """The run that trained `digest` (and decided it by `gate`), None when there is none whose result says so.

    The result may be an old one: of a run that failed and is tried again.
    """
    try:
        run = str(read_json(store, _key(model, digest, gate))["run"])
    except Missing:
        return None
    result = requests.result(store, model, run)
    return run if result is not None and result["outcome"] != "failed" else None


def decided(store: Store, model: str, digest: str, gate: str) -> tuple[str, str, str | None]:
    """(decision, reason, the run that has trained `digest`) for who would train it and decide it by `gate`."""
    run = run_of(store, model, digest, gate)
    if run is not None:
        return "already-trained", f"already trained by run {run}", run
    run = run_of(store, model, digest)
    if run is not None:
        return "redecide", f"trained by run {run}; only the gate has changed", run
    return "train", "new data, spec or code", None
