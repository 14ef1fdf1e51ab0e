"""Reading what runs have left in the bucket: requests, verdicts, results, trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from handlers.runs.champion import pointer_key
from handlers.runs.requests import run_folder
from handlers.storage import Store, optional_json

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run's documents; None for those that are not there (yet)."""

    model: str
    run: str
    request: Doc | None
    verdict: Doc | None
    result: Doc | None

    @property
    def at(self) -> float:
        """When it ended, or else was requested, in seconds since 1970; 0 when nothing is recorded."""
        for document in (self.result, self.verdict, self.request):
            if document is not None and document.get("at") is not None:
                return float(document["at"])
        return 0.0

    @property
    def outcome(self) -> str:
        """What came of it: promoted, refused, kept, backfilled, already-trained, busy, joined, deferred, skipped, superseded, duplicate,
        no-data or failed; else running."""
        return str(self.result["outcome"]) if self.result is not None else "running"


def read_run(store: Store, model: str, run: str) -> RunRecord:
    where = run_folder(model, run)
    documents = [optional_json(store, f"{where}/{name}.json") for name in ("request", "verdict", "result")]
    return RunRecord(model, run, *documents)


def _names(store: Store, prefix: str) -> list[str]:
    """The folders right below a prefix."""
    found = {info.key[len(prefix) :].split("/", 1)[0] for info in store.list(prefix) if "/" in info.key[len(prefix) :]}
    return sorted(found)


def models(store: Store) -> list[str]:
    """Every model that has a champion or a run which has found its spec: of a name without a spec no step runs that could say anything
    of itself, and its run leaves its end alone."""
    with_champion = [name for name in _names(store, "models/") if store.head(pointer_key(name)) is not None]
    left = (info.key.removeprefix("runs/").split("/", 2) for info in store.list("runs/"))
    return sorted({*with_champion, *(way[0] for way in left if len(way) > 2 and _by_a_step(way[2]))})


def _by_a_step(name: str) -> bool:
    """Whether a step before the run's end has left this object: a request, a verdict, or why it failed."""
    return name in ("request.json", "verdict.json") or (name.startswith("failures/") and not name.startswith("failures/promote"))


def runs(store: Store, model: str) -> list[RunRecord]:
    """The model's runs, the newest first."""
    found = [read_run(store, model, name) for name in _names(store, f"runs/{model}/")]
    known = [record for record in found if record.request or record.verdict or record.result]
    return sorted(known, key=lambda record: (-record.at, record.run))


def find_run(store: Store, run: str) -> RunRecord | None:
    """The run of that name, of any model."""
    for model in _names(store, "runs/"):
        found = read_run(store, model, run)
        if found.request or found.verdict or found.result:
            return found
    return None


def find_trials(store: Store, trial: str) -> Iterator[tuple[str, str]]:
    """(model, trial) of every trial whose id begins with that text."""
    for model in _names(store, "trials/"):
        for name in _names(store, f"trials/{model}/"):
            if name.startswith(trial):
                yield model, name


def evaluated(store: Store, score: Mapping[str, Any]) -> Doc:
    """The evaluation of a trial that a verdict's list names; empty where none is named, or there is none any more."""
    key = score.get("evaluation")
    return (optional_json(store, str(key)) if key else None) or {}
