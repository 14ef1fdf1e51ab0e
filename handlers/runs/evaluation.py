"""Asking a trained trial about rows it has not learned, and keeping what came out under the digest of what can change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handlers.contracts import BadSpec
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset, load_dataset
from handlers.data.read import batches
from handlers.metrics.bootstrap import interval
from handlers.metrics.metrics import metric
from handlers.metrics.ordered import roc_curve
from handlers.metrics.predictions import Grouped, Predictions
from handlers.models.estimators import Learner, needs_probability
from handlers.models.predict import ask
from handlers.modelspec.digests import code_digest, evaluation_digest
from handlers.modelspec.model import ModelSpec
from handlers.runs import trials
from handlers.storage import Store, digest, write_once

ROC_POINTS = 150


@dataclass(frozen=True, slots=True)
class Side:
    """A trained trial, ready to be asked: encoded by the manifest it learned from, whatever rows it is asked about."""

    trial: str
    request: dict[str, Any]
    learner: Learner
    spec: ModelSpec
    dataset: Dataset
    encoder: Encoder

    @classmethod
    def open(cls, store: Store, model: str, trial: str) -> Side:
        learner, request = trials.open_learner(store, model, trial)
        spec = trials.spec_of(request)
        dataset = load_dataset(store, model, request["dataset"])
        return cls(trial, request, learner, spec, dataset, Encoder(dataset, spec))

    def ask(self, store: Store, rows: Dataset, spec: ModelSpec, role: str) -> Predictions:
        """Answers for the rows that `role` has in the manifest `rows`; `spec` says what is true of them (target, weight, cluster)."""
        return ask(self.learner, batches(store, rows, spec, self.encoder, role), role)


def names(spec: ModelSpec, *first: str) -> list[str]:
    """The metrics to compute: `first`, what selects, what is reported; each once. BadSpec for one that the task does not have."""
    wanted = [*first, spec.evaluate.select_by, *(spec.evaluate.report or [])]
    found = list(dict.fromkeys(wanted))
    for name in found:
        metric(spec.task, name)
    return found


def rows_digest(dataset: Dataset, role: str) -> str:
    """Names the rows of a role: the parts that hold them."""
    return digest(sorted(part.key for part in dataset.parts if part.role == role))


def named(trial: str, rows: str, spec: ModelSpec, wanted: Sequence[str]) -> str:
    """The evaluation's digest: of the trial, the rows and how they are judged."""
    return evaluation_digest(trial, rows, {"metrics": list(wanted), "cluster": spec.evaluate.interval.cluster}, code_digest())


def document(trial: str, role: str, rows: str, spec: ModelSpec, said: Predictions, wanted: Sequence[str]) -> dict[str, Any]:
    """The evaluation: each metric with its interval over clusters, and the points of the ROC curve of a binary model."""
    found: dict[str, Any] = {
        "trial": trial,
        "role": role,
        "rows": rows,
        "digest": named(trial, rows, spec, wanted),
        "metrics": {name: interval(metric(spec.task, name), said).to_json() for name in wanted},
    }
    if spec.task == "binary":
        found["roc"] = [[round(x, 4), round(y, 4)] for x, y in roc_curve(Grouped.group(said), ROC_POINTS)]
    return found


def key(model: str, trial: str, evaluation: str) -> str:
    return f"{trials.folder(model, trial)}/evaluations/{evaluation}.json"


def keep(store: Store, model: str, found: dict[str, Any]) -> str:
    """Write an evaluation once; its key."""
    where = key(model, found["trial"], found["digest"])
    write_once(store, where, found)
    return where


def on_valid(store: Store, model: str, trial: str, spec: ModelSpec, dataset: Dataset) -> dict[str, Any]:
    """The trial's evaluation on `valid`: read when it is there, computed and kept when it is not."""
    wanted = names(spec)
    rows = rows_digest(dataset, "valid")
    known = trials.optional(store, key(model, trial, named(trial, rows, spec, wanted)))
    if known is not None:
        return known
    found = document(trial, "valid", rows, spec, Side.open(store, model, trial).ask(store, dataset, spec, "valid"), wanted)
    keep(store, model, found)
    return found


def check_metrics(spec: ModelSpec, estimator: Any) -> None:
    """BadSpec before anything is trained: an unknown metric, or one that needs probabilities of an estimator that has none."""
    gate = spec.promote.gate
    for name in names(spec, *([gate.metric] if gate is not None and gate.metric else [])):
        if metric(spec.task, name).needs_probability:
            needs_probability(estimator, name)
    if spec.task == "ranking":
        raise BadSpec("task: ranking is not supported yet")
