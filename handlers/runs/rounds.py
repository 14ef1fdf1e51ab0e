"""The rounds of a search: which trials each one trains, chosen by what came of those before.

`runs/<model>/<run>/search/<round>.json` holds {"round", "before", "trials", "end"}: what came of the trials of the round before, the trials
of this one, and why there are none. It follows from the records before it and from the trials' results, so a step that is repeated writes
the same.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.contracts import BadData
from handlers.metrics.metrics import metric
from handlers.modelspec.model import ModelSpec
from handlers.runs import trials
from handlers.storage import Store, optional_json, write_json

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """A trained trial of a round: what it was asked as, its name, and its metrics on valid."""

    item: Item
    trial: str
    valid: Mapping[str, float | None]

    def value(self, name: str) -> float | None:
        """A metric of it; None where it has none."""
        found = self.valid.get(name)
        return found if found is not None and math.isfinite(found) else None

    def to_json(self) -> dict[str, Any]:
        return {"id": self.item["id"], "trial": self.trial, "valid": dict(self.valid)}


def key(model: str, run: str, number: int) -> str:
    return f"runs/{model}/{run}/search/{number}.json"


def keep(store: Store, model: str, run: str, number: int, trials: list[Item], before: Sequence[Result] = (), end: str = "") -> None:
    """Write the record of a round."""
    found = [result.to_json() for result in before]
    write_json(store, key(model, run, number), {"round": number, "before": found, "trials": trials, "end": end})


def asked(store: Store, model: str, run: str, item: Item) -> Item:
    """The trial that an item of a workflow's list means: itself, or the one that the record of its round has under its id."""
    if "params" in item or "round" not in item:
        return item
    where = key(model, run, item["round"])
    found = [each for each in (optional_json(store, where) or {}).get("trials", []) if each["id"] == item["id"]]
    if not found:
        raise BadData(f"{where}: has no trial {item['id']}, which the run asks for; start the run again")
    return dict(found[0])


def of_records(records: Sequence[Mapping[str, Any]]) -> Iterator[list[Result]]:
    """The results of each round that the records know."""
    for record, later in itertools.pairwise(records):
        items = {item["id"]: item for item in record["trials"]}
        yield [Result(items[found["id"]], found["trial"], found["valid"]) for found in later["before"]]


def ranked(spec: ModelSpec, results: Sequence[Result], by: str = "") -> list[Result]:
    """The results that have the metric, the best first; of equal ones the one whose name comes first."""
    by = by or spec.evaluate.select_by
    sign = -1.0 if metric(spec.task, by).higher else 1.0
    known = [(value, result) for result in results if (value := result.value(by)) is not None]
    return [result for _, result in sorted(known, key=lambda pair: (sign * pair[0], pair[1].trial))]


@dataclass(frozen=True, slots=True)
class Searched:
    """What a run's search has left: the results of each round, and how many trials were asked for and not trained."""

    rounds: list[list[Result]]
    asked: list[list[Item]]
    end: str

    @property
    def lost(self) -> int:
        return sum(map(len, self.asked)) - sum(map(len, self.rounds))

    def scores(self, spec: ModelSpec) -> list[dict[str, Any]]:
        """The trials among which the winner is: all of them, or those of the last rung that has any."""
        trained = [found for found in self.rounds if found]
        chosen = trained[-1:] if spec.search.halving else trained
        select_by = spec.evaluate.select_by
        return [{"trial": r.trial, "select_by": select_by, "value": r.value(select_by)} for found in chosen for r in found]

    def told(self, spec: ModelSpec) -> dict[str, Any]:
        """For the verdict: each round, and why no more followed."""
        if not self.asked:
            return {}
        rows = []
        for number, items in enumerate(self.asked):
            found = self.rounds[number] if number < len(self.rounds) else []
            best = ranked(spec, found)[:1]
            row = {"round": number, "trials": len(items), "trained": len(found)}
            value = best[0].value(spec.evaluate.select_by) if best else None
            rows.append({**row, "epochs": items[0].get("epochs", spec.training.epochs), "best": value})
        return {"search": {"rounds": rows, "end": self.end}}


def searched(store: Store, model: str, run: str) -> Searched:
    """What the records of a run say."""
    records: list[dict[str, Any]] = []
    while (record := optional_json(store, key(model, run, len(records)))) is not None:
        records.append(record)
    with_trials = [record["trials"] for record in records if record["trials"]]
    return Searched(list(of_records(records)), with_trials, records[-1]["end"] if records else "")


def forget_checkpoints(store: Store, model: str, run: str, spec: ModelSpec) -> None:
    """Delete what rungs have left to go on from, once nothing of the run is missing."""
    if spec.search.halving is None:
        return
    found = searched(store, model, run)
    if found.lost:
        return
    for results in found.rounds:
        for result in results:
            trials.forget_checkpoint(store, model, result.trial)
