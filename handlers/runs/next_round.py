"""Which trials the next round of a search trains: rungs of halving, narrower ranges, or what Optuna proposes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from handlers.contracts import GaveUp, counted
from handlers.metrics.metrics import metric
from handlers.modelspec.grid import Trial, distinct, expand
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.space import ATTEMPTS, drawn
from handlers.runs import tpe
from handlers.runs.narrowing import narrowed
from handlers.runs.rounds import Item, Result, keep, key, of_records, ranked
from handlers.runs.rungs import rungs
from handlers.storage import Store, canonical_json, read_json


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
    until = spec.search.until
    wanted = [spec.evaluate.select_by, *([until.metric] if until and until.metric else [])]
    before = _results(store, model, spec, earlier[-1]["trials"], trained, wanted)
    rounds = [*of_records(earlier), before]
    trials, end = _next_rung(spec, number, rounds) if spec.search.halving else following(spec, number, rounds)
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


def _next_rung(spec: ModelSpec, number: int, rounds: Sequence[Sequence[Result]]) -> tuple[list[Item], str]:
    plan = rungs(spec, len(expand(spec)))
    if number >= len(plan):
        return [], f"the last of {counted(len(plan), 'rung')} is trained"
    best = ranked(spec, rounds[-1])[: plan[number].trials]
    if not best:
        raise GaveUp(f"no trial of rung {number} has a {spec.evaluate.select_by} on valid; change data.split so that valid has every class")
    trials = [Trial(result.item["id"], result.item["params"]) for result in best]
    return _items(trials, plan[number].epochs, plan[number - 1].epochs), ""


def following(spec: ModelSpec, number: int, rounds: Sequence[Sequence[Result]]) -> tuple[list[Item], str]:
    """The trials of round `number` of `search.until`, from the results of each round before; or why there are none."""
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
