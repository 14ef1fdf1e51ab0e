"""One trial's folder in the bucket: its request, its curve, and the model.

`trials/<model>/<trial>/` holds request.json (the spec, the dataset, the parameters), curve.jsonl (a line an epoch, rewritten whole from the
checkpoint's history, so that a resumed training leaves the same lines), within.jsonl (of validations within epochs), checkpoint/ while it
trains, failures.json, the model's files under model/ and, last of all, result.json: a trial whose result is there is never trained again.
"""

from __future__ import annotations

import json
from typing import Any

from handlers.contracts import GaveUp, TryAgain, log
from handlers.models import checkpoint
from handlers.models.saved import Files
from handlers.storage import Missing, Store, Temporary, canonical_json, optional_json, write_json, write_once

# how many failures of one trial a run retries
RETRIES = 2


def folder(model: str, trial: str) -> str:
    return f"trials/{model}/{trial}"


def result(store: Store, model: str, trial: str) -> dict[str, Any] | None:
    """The marker: None while the trial is not trained."""
    return optional_json(store, f"{folder(model, trial)}/result.json")


def publish_curve(store: Store, model: str, trial: str, lines: list[dict[str, Any]]) -> None:
    store.put(f"{folder(model, trial)}/curve.jsonl", "".join(canonical_json(line) + "\n" for line in lines).encode())


def publish_within(store: Store, model: str, trial: str, lines: list[dict[str, Any]]) -> None:
    """The lines of validations within epochs. A bucket that does not take them ends no training."""
    try:
        store.put(f"{folder(model, trial)}/within.jsonl", "".join(canonical_json(line) + "\n" for line in lines).encode())
    except (Temporary, OSError) as error:
        log("validations within epochs are not kept", trial=trial, error=str(error))


def within(store: Store, model: str, trial: str) -> list[dict[str, Any]]:
    """The lines of validations within epochs so far."""
    return _lines(store, f"{folder(model, trial)}/within.jsonl")


def curve(store: Store, model: str, trial: str) -> list[dict[str, Any]]:
    """The lines of the learning curve so far."""
    return _lines(store, f"{folder(model, trial)}/curve.jsonl")


def _lines(store: Store, key: str) -> list[dict[str, Any]]:
    try:
        data = store.get(key)
    except Missing:
        return []
    return [json.loads(line) for line in data.decode().splitlines() if line]


def finish(store: Store, model: str, trial: str, files: Files, document: dict[str, Any], *, goes_on: bool = False) -> None:
    """Write the model, then the marker, then delete the checkpoint: after a crash the training resumes from it, to the same model.

    A trial that `goes_on` in the next rung keeps it.
    """
    for name, data in files.items():
        store.put(f"{folder(model, trial)}/model/{name}", data)
    write_once(store, f"{folder(model, trial)}/result.json", {**document, "files": sorted(files)})
    if not goes_on:
        forget_checkpoint(store, model, trial)


def forget_checkpoint(store: Store, model: str, trial: str) -> None:
    store.delete(checkpoint.key(folder(model, trial)))


def model_files(store: Store, model: str, trial: str) -> dict[str, bytes]:
    """The files of the trained model; none where the trial is not trained, or one of them is gone."""
    found = result(store, model, trial)
    names = found.get("files", ["model.skops"]) if found is not None else []
    try:
        return {name: store.get(f"{folder(model, trial)}/model/{name}") for name in names}
    except Missing:
        return {}


def failures(store: Store, model: str, trial: str, run: str) -> list[dict[str, Any]]:
    """The failures of this trial in this run; each run has a budget of its own."""
    found = optional_json(store, f"{folder(model, trial)}/failures.json") or {}
    return [entry for entry in found.get("failures", []) if entry["run"] == run]


def failed(store: Store, model: str, trial: str, run: str, error: Exception, budget: int) -> GaveUp | TryAgain:
    """Record a failure; what to raise: try again (75) while there is budget, give up (70) when it is spent."""
    key = f"{folder(model, trial)}/failures.json"
    known = (optional_json(store, key) or {}).get("failures", [])
    text = f"{type(error).__name__}: {error}"[:500]
    write_json(store, key, {"failures": [*known, {"run": run, "error": text, "at": store.server_time()}]})
    count = sum(1 for entry in known if entry["run"] == run) + 1
    if count > budget:
        return GaveUp(f"trial {trial}: {text}; it has failed {count} times in run {run}; the limit of retries is {budget}")
    return TryAgain(f"trial {trial}: {text}; failure {count}, {budget - count + 1} of {budget} retries left")
