"""Markers that say whether a run has decided on data, spec and gate: `trained/<model>/<run digest>[-<gate digest>].json`.

A marker is written before the run's result.json and counts only when that is there, or when the run's winner is in the history of
champions: a run that has promoted has decided, though it may have come no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from handlers.models.estimators import libraries
from handlers.modelspec.code_digests import code_digest
from handlers.modelspec.digests import promote_digest, run_digest
from handlers.modelspec.model import ModelSpec
from handlers.runs import champion as champions
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


def mark(store: Store, request: dict[str, Any], champion: int | None) -> None:
    """Record that the request's run has decided on the trials of its digest by its gate. `champion`: the number under which its winner is
    about to enter the history; None where it does not."""
    found = {"run": request["run"], **({"champion": champion} if champion else {})}
    for gate in ("", request["gate"]):
        write_json(store, _key(request["model"], request["digest"], gate), found)


def entered(request: dict[str, Any]) -> dict[str, str]:
    """What a champion's entry says of the training that it is of, where no trial was lost."""
    return {"digest": request["digest"], "gate": request["gate"]}


def run_of(store: Store, model: str, digest: str, gate: str = "") -> str | None:
    """The run that trained `digest` (and decided it by `gate`), None when there is none whose result says so, or that has promoted.

    The result may be an old one: of a run that failed and is tried again.
    """
    try:
        marker = read_json(store, _key(model, digest, gate))
    except Missing:
        return None
    result = requests.result(store, model, marker["run"])
    if result is not None and result["outcome"] != "failed":
        return str(marker["run"])
    entry = champions.entry(store, model, marker["champion"]) if "champion" in marker else None
    # two runs may have been about to promote the same: the entry says which did
    of = (entry or {}).get("decided") or {}
    return str(entry["run"]) if entry and of.get("digest") == digest and gate in ("", of["gate"]) else None


def decided(store: Store, model: str, digest: str, gate: str) -> tuple[str, str, str | None]:
    """(decision, reason, the run that has trained `digest`) for who would train it and decide it by `gate`."""
    run = run_of(store, model, digest, gate)
    if run is not None:
        return "already-trained", f"already trained by run {run}", run
    run = run_of(store, model, digest)
    if run is not None:
        return "redecide", f"trained by run {run}; only the gate has changed", run
    return "train", "new data, spec or code", None
