"""Which documents an answer about a run will read: known before, they can be fetched together."""

from __future__ import annotations

from collections.abc import Iterator

from handlers.data.manifest import dataset_key
from handlers.runs import live, trials
from handlers.runs.requests import read, run_folder
from handlers.storage import Store, optional_json

WITH_CURVES = ("result.json", "request.json", "failures.json", "curve.jsonl")


def of_run(store: Store, model: str, run: str, *, curves: bool) -> Iterator[str]:
    """The keys of a run's dataset and snapshot, and of its trials with their evaluations, and with their curves."""
    request, verdict = read(store, model, run) or {}, optional_json(store, f"{run_folder(model, run)}/verdict.json") or {}
    if request.get("snapshot"):
        yield f"snapshots/{model}/{request['snapshot']}.json"
    if verdict.get("dataset"):
        yield dataset_key(model, str(verdict["dataset"]))
    scores = verdict.get("trials", [])
    yield from (str(score["evaluation"]) for score in scores if score.get("evaluation"))
    names = [str(score["trial"]) for score in scores] or [str(each["trial"]) for each in live.of_run(store, model, run)]
    yield from (f"{trials.folder(model, name)}/{file}" for name in names for file in (WITH_CURVES if curves else ("result.json",)))
