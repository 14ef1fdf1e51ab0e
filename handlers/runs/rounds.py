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

from handlers.contracts import BadData, GaveUp, counted
from handlers.metrics.metrics import metric
from handlers.modelspec.grid import Trial, distinct, expand
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.space import ATTEMPTS, drawn
from handlers.runs import tpe, trials
from handlers.runs.narrowing import narrowed
from handlers.runs.rungs import rungs
from handlers.storage import Store, canonical_json, optional_json, read_json, write_json

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


def begin(spec: ModelSpec) -> list[Item]:
    """The trials of the first round."""
    found = expand(spec)
    return _items(found, *((rungs(spec, len(found))[0].epochs, 0) if spec.search.halving else (0, 0)))


def _items(trials: Sequence[Trial], epochs: int = 0, after: int = 0) -> list[Item]:
    """`epochs` and `after` only where they are not those of the spec."""
    more = {**({"epochs": epochs} if epochs else {}), **({"after": after} if after else {})}
    return [{"id": trial.id, "params": trial.params, **more} for trial in trials]


def go_on(store: Store, model: str, run: str, spec: ModelSpec, number: int, trained: Sequence[str]) -> tuple[list[Item], list[str]]:
    """Record round `number` after the trials that the one before has trained; its trials, and those that are to be evaluated now."""
    earlier = [read_json(store, key(model, run, n)) for n in range(number)]
    wanted = [spec.evaluate.select_by, *((spec.search.until and spec.search.until.metric and [spec.search.until.metric]) or [])]
    before = _results(store, model, spec, earlier[-1]["trials"], trained, wanted)
    rounds = [*_rounds(earlier), before]
    trials, end = _next_rung(spec, number, rounds) if spec.search.halving else _next_round(spec, number, rounds)
    keep(store, model, run, number, trials, before, end)
    # of rungs only the last is judged
    return trials, [] if spec.search.halving and trials else [result.trial for result in before]


def _results(
    store: Store, model: str, spec: ModelSpec, items: Sequence[Item], trained: Sequence[str], wanted: Sequence[str]
) -> list[Result]:
    """What came of the items of a round, in their order; those that failed are not among them."""
    named = {}
    for trial in trained:
        found = read_json(store, f"trials/{model}/{trial}/result.json")
        named[canonical_json(found["params"])] = (trial, {name: found["valid"].get(name) for name in wanted})
    of = ((item, named.get(canonical_json({**spec.model.params, **item["params"]}))) for item in items)
    return [Result(item, *found) for item, found in of if found is not None]


def _rounds(records: Sequence[Mapping[str, Any]]) -> Iterator[list[Result]]:
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


def _next_rung(spec: ModelSpec, number: int, rounds: Sequence[Sequence[Result]]) -> tuple[list[Item], str]:
    plan = rungs(spec, len(expand(spec)))
    if number >= len(plan):
        return [], f"the last of {counted(len(plan), 'rung')} is trained"
    best = ranked(spec, rounds[-1])[: plan[number].trials]
    if not best:
        raise GaveUp(f"no trial of rung {number} has a {spec.evaluate.select_by} on valid; change data.split so that valid has every class")
    trials = [Trial(result.item["id"], result.item["params"]) for result in best]
    return _items(trials, plan[number].epochs, plan[number - 1].epochs), ""


def _next_round(spec: ModelSpec, number: int, rounds: Sequence[Sequence[Result]]) -> tuple[list[Item], str]:
    until, wanted = spec.search.until, spec.search.drawn
    if until is None or wanted is None:
        return [], "the search has one round"
    results = [result for found in rounds for result in found]
    enough = _enough(spec, results)
    if enough:
        return [], enough
    if number >= until.rounds:
        return [], f"all {counted(until.rounds, 'round')} are trained"
    known = {result.item["id"] for result in results}
    best = ranked(spec, results)
    higher = metric(spec.task, spec.evaluate.select_by).higher
    if spec.search.sampler == "tpe":
        values = [(result.item["params"], result.value(spec.evaluate.select_by)) for result in results]
        proposed = tpe.proposed(spec.search.ranges, values, higher=higher, seed=wanted.seed, turn=number)
    else:
        ranges = narrowed(spec.search.ranges, [result.item["params"] for result in best], number)
        proposed = drawn(ranges, wanted.seed, number)
    trials = distinct(itertools.islice(proposed, wanted.n * ATTEMPTS), most=wanted.n, but=known)
    return _items(trials), "" if trials else "the space is exhausted: every trial of it is trained"


def _enough(spec: ModelSpec, results: Sequence[Result]) -> str:
    """Why the best trial is good enough; "" while it is not."""
    until, best = spec.search.until, ranked(spec, results)[:1]
    if until is None or not best:
        return ""
    name = until.metric or spec.evaluate.select_by
    value = best[0].value(name)
    if value is None:
        return ""
    if until.at_least is not None and value >= until.at_least:
        return f"{name} {value:.6g} on valid of trial {best[0].trial} is at least {until.at_least}"
    if until.at_most is not None and value <= until.at_most:
        return f"{name} {value:.6g} on valid of trial {best[0].trial} is at most {until.at_most}"
    return ""


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
        """For the verdict of a run whose search had rounds: each of them, and why no more followed."""
        if not spec.search.has_rounds or not self.asked:
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
    return Searched(list(_rounds(records)), with_trials, records[-1]["end"] if records else "")


def forget_checkpoints(store: Store, model: str, run: str) -> None:
    """Delete what rungs have left to go on from, once nothing of the run is missing."""
    found = searched(store, model, run)
    if found.lost:
        return
    for results in found.rounds:
        for result in results:
            if "epochs" in result.item:
                trials.forget_checkpoint(store, model, result.trial)
