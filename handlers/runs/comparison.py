"""The winner of a run against the champion: who wins on `valid`, and the verdict on the rows of `test` that both may predict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from handlers.contracts import GaveUp, counted
from handlers.data.manifest import Dataset
from handlers.data.read import read_targets
from handlers.data.split import clusters
from handlers.metrics.baseline import DEFAULT, baseline
from handlers.metrics.bootstrap import interval, paired
from handlers.metrics.metrics import metric, metrics_of
from handlers.metrics.per_class import per_class
from handlers.metrics.predictions import Predictions
from handlers.metrics.slices import slices
from handlers.models.estimators import classes, libraries
from handlers.modelspec.code_digests import code_digest
from handlers.modelspec.digests import verdict_digest
from handlers.modelspec.grid import varied
from handlers.modelspec.model import ModelSpec
from handlers.runs import differences, trials
from handlers.runs import gate as gates
from handlers.runs.champion import Pointer
from handlers.runs.comparable import comparable
from handlers.runs.evaluation import TrainedTrial, decided, document, keep, key, on_valid, rows_digest, valid_name
from handlers.storage import Store


def choose(scores: Sequence[Mapping[str, Any]], task: str, select_by: str) -> Mapping[str, Any]:
    """The best trial on `valid`; of equal ones the one whose id comes first. GaveUp when no score is a number."""
    selecting = metric(task, select_by)
    usable = [s for s in scores if isinstance(s.get("value"), (int, float)) and math.isfinite(s["value"])]
    if not usable:
        raise GaveUp(f"no trial has a {select_by} on valid; change data.split so that valid has every class")
    return min(usable, key=lambda s: (-s["value"] if selecting.higher else s["value"], s["trial"]))


def verdict(
    store: Store, model: str, spec: ModelSpec, dataset: Dataset, run: str, scores: Sequence[Mapping[str, Any]], pointer: Pointer
) -> dict[str, Any]:
    """The verdict's document. Nothing is changed in the bucket but the evaluations, which are kept."""
    gate = gates.Gate.of(spec.promote.gate.model_dump() if spec.promote.gate else None, spec.evaluate.select_by)
    best = choose(scores, spec.task, spec.evaluate.select_by)
    winner = TrainedTrial.open(store, model, best["trial"], spec.code)
    same = pointer.record is not None and pointer.record["trial"] == winner.trial
    champion = TrainedTrial.open(store, model, pointer.record["trial"], spec.code) if pointer.record is not None and not same else None
    rows = comparable(store, dataset, spec, champion)
    # each is judged as it is used: with the threshold that was chosen for it
    chosen = on_valid(store, model, winner.trial, spec, dataset).get("threshold")
    before_chosen = (pointer.record or {}).get("threshold")
    ours = decided(winner.predict(store, rows.dataset, spec, "test"), chosen)
    compared = champion if rows.why_not is None else None
    theirs = decided(compared.predict(store, rows.dataset, spec, "test"), before_chosen) if compared else None
    found, metrics = _decide(gate, spec, ours, theirs, same=same, why_not=rows.why_not)
    wanted = list(metrics)
    evaluations = {"challenger": _keep(store, model, winner, rows.dataset, spec, ours, _of("challenger", metrics))}
    if compared and theirs is not None:
        evaluations["champion"] = _keep(store, model, compared, rows.dataset, spec, theirs, _of("champion", metrics))
    code = code_digest("verdicts", libraries(spec.model.estimator))
    before = pointer.record and {k: pointer.record.get(k) for k in ("number", "trial", "run", "dataset")}
    return {
        "model": model,
        "run": run,
        "digest": verdict_digest(sorted(evaluations.values()), spec, before["trial"] if before else None, code),
        "decision": found.decision,
        "reason": found.reason,
        "checks": list(found.checks),
        "gate": spec.tree()["promote"]["gate"] or {},
        "metric": gate.metric,
        "select_by": spec.evaluate.select_by,
        "winner": {"trial": winner.trial, "params": _varied(spec, winner.request["params"]), "valid": best["value"]},
        **({"threshold": chosen} if chosen else {}),
        "champion": before,
        "metrics": metrics,
        "slices": slices(spec, metric(spec.task, gate.metric), ours, theirs),
        "classes": per_class(spec, ours, theirs),
        "baseline": _baseline(store, dataset, spec, ours, wanted),
        "rows": ours.rows,
        "resampled": clusters(spec).noun,
        "compared": f"{counted(ours.rows, 'row')} of {rows.note}",
        "trials": [_scored(store, model, score, spec, dataset) for score in scores],
        "dataset": dataset.digest,
        "data": differences.of_run(store, dataset, run, model, pointer.record),
        "evaluations": evaluations,
        "at": store.server_time(),
    }


def _varied(spec: ModelSpec, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the search varies; all of them where it varies none."""
    return {name: params[name] for name in varied(spec.search) if name in params} or dict(params)


def _scored(store: Store, model: str, score: Mapping[str, Any], spec: ModelSpec, dataset: Dataset) -> dict[str, Any]:
    """A trial of the verdict: its score, its parameters and where its evaluation on `valid` is."""
    trial = score["trial"]
    params = (trials.result(store, model, trial) or {}).get("params", {})
    evaluation = key(model, trial, valid_name(trial, spec, dataset))
    return {"trial": trial, "value": score.get("value"), "params": _varied(spec, params), "evaluation": evaluation}


def _decide(
    gate: gates.Gate, spec: ModelSpec, ours: Predictions, theirs: Predictions | None, *, same: bool, why_not: str | None
) -> tuple[gates.Verdict, dict[str, Any]]:
    """The verdict, and every metric of both on the same rows."""
    metrics: dict[str, Any] = {}
    found: gates.Verdict | None = None
    for name in metrics_of(spec, gate.metric):
        computed = metric(spec.task, name)
        if theirs is None:
            alone = interval(computed, ours)
            metrics[name] = {"challenger": alone.to_json()}
            if name == gate.metric:
                found = _alone(gate, alone, same=same, why_not=why_not)
            continue
        both = paired(computed, ours, theirs)
        metrics[name] = {
            "challenger": both.challenger.to_json(),
            "champion": both.champion.to_json(),
            "difference": both.difference.to_json(),
        }
        if name == gate.metric:
            found = gates.against(gate, both)
    if found is None:
        raise ValueError(f"the gate's metric {gate.metric!r} was not computed")
    return found, metrics


def _alone(gate: gates.Gate, found: Any, *, same: bool, why_not: str | None) -> gates.Verdict:
    if same:
        return gates.kept(gate.metric, found)
    return gates.incomparable(gate, found, why_not) if why_not else gates.first(gate, found)


def _of(which: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The intervals of one of the two models."""
    return {name: both[which] for name, both in metrics.items()}


def _keep(
    store: Store, model: str, trained: TrainedTrial, rows: Dataset, spec: ModelSpec, predictions: Predictions, metrics: Mapping[str, Any]
) -> str:
    value = {"value": predictions.threshold} if predictions.threshold is not None else None
    return keep(store, model, document(trained, "test", rows_digest(rows, "test"), spec, predictions, metrics, value))


def _baseline(store: Store, dataset: Dataset, spec: ModelSpec, test: Predictions, wanted: list[str]) -> dict[str, Any]:
    name = spec.evaluate.baseline or DEFAULT[spec.task]
    return baseline(name, spec.task, classes(spec), read_targets(store, dataset, spec, "train"), test, wanted)
