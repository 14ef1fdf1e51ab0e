"""Markers that say whether a run has decided on data, spec and gate: `trained/<model>/<run digest>[-<gate digest>].json`.

A marker is written just before the run's result.json and counts only when that is there: result.json alone means trained.
"""

from __future__ import annotations

from typing import Any

from handlers.storage import Missing, Store, optional_json, read_json, write_json


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
    result = optional_json(store, f"runs/{model}/{run}/result.json")
    return run if result is not None and result["outcome"] != "failed" else None
