"""What a trained trial predicts for rows that it has not learned, and the evaluation of it, kept under the digest of what can change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handlers.contracts import BadData
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset, load_dataset
from handlers.data.manifest import named as named_part
from handlers.data.read import batches
from handlers.data.split import clusters
from handlers.data.unencoded import encoder
from handlers.metrics.bootstrap import interval
from handlers.metrics.metrics import metric, metrics_of
from handlers.metrics.ordered import roc_curve
from handlers.metrics.pictures import pictures
from handlers.metrics.predictions import Predictions
from handlers.metrics.threshold import threshold
from handlers.models import kept, saved
from handlers.models.estimators import classes, libraries, recipe
from handlers.models.kinds import Estimator, Recipe
from handlers.models.predict import predict
from handlers.modelspec.code_digests import code_digest, of_source
from handlers.modelspec.digests import evaluation_digest
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load as load_spec
from handlers.runs import trials
from handlers.storage import Store, canonical_json, digest, optional_json, write_once

ROC_POINTS = 150


@dataclass(frozen=True, slots=True)
class TrainedTrial:
    """A trained trial, ready to predict. Rows are encoded by the manifest that it learned from."""

    trial: str
    request: dict[str, Any]
    made: Estimator | None
    spec: ModelSpec
    dataset: Dataset
    encoder: Encoder

    @classmethod
    def open(cls, store: Store, model: str, trial: str, code: str | None = None) -> TrainedTrial:
        """`code` is the file that may be run: of a trial made by another one `made` is None."""
        made, request, spec = open_model(store, model, trial, code)
        dataset = load_dataset(store, model, request["dataset"])
        return cls(trial, request, made, spec, dataset, encoder(dataset, table=made is not None and made.recipe.kind.table))

    @property
    def estimator(self) -> Estimator:
        """What predicts; BadData where a file made it that is not the spec's own now."""
        if self.made is None:
            path = self.spec.model.estimator.partition(":")[0]
            why = f"{path} of the digest {of_source(self.spec.code or '')} made this model, and code of a bucket is not run"
            raise BadData(f"trial {self.trial}: {why}; check out that version of {path}")
        return self.made

    def predict(self, store: Store, rows: Dataset, spec: ModelSpec, role: str) -> Predictions:
        """Predictions for the rows of `role` in the manifest `rows`; `spec` says what target, weight and cluster they have."""
        return predict(self.estimator, batches(store, rows, spec, self.encoder, role, columns=list(spec.evaluate.slices)), role)


def open_model(store: Store, model: str, trial: str, code: str | None = None) -> tuple[Estimator | None, dict[str, Any], ModelSpec]:
    """The trained model, the trial's request and the spec that it was trained with; BadData when there is no such trained trial.

    What an object of the bucket says is never run: a model of a file of one's own is None unless `code`, the spec's own, is that file, or
    the model needs no code (`handlers.models.kept`).
    """
    request = optional_json(store, f"{trials.folder(model, trial)}/request.json")
    files = trials.model_files(store, model, trial)
    where = f"{trials.folder(model, trial)}/model"
    if request is None or not files:
        raise BadData(f"{where}: there is no trained model; run `retrain runs {model}` to see which trials there are")
    spec = load_spec(canonical_json(request["spec"]))
    if spec.code is not None and (code is None or of_source(code) != of_source(spec.code)):
        if not kept.readable(files):
            return None, request, spec
        made = Recipe(kept.kind(spec.model.estimator), spec.task, request["params"], spec.model.seed, classes(spec), spec.model.memory)
        return saved.loaded(made, files, where), request, spec
    return saved.loaded(recipe(spec, request["params"]), files, where), request, spec


def rows_digest(dataset: Dataset, role: str) -> str:
    """Names the rows of a role: the parts that hold them."""
    return digest(sorted(named_part(part) for part in dataset.parts if part.role == role))


def named(trial: str, estimator: str, rows: str, spec: ModelSpec, wanted: Sequence[str], threshold: Mapping[str, Any] | None = None) -> str:
    """The evaluation's digest: of the trial, the rows and how they are judged. `threshold` is the rule that chooses it, or its value."""
    resampled = clusters(spec)
    asked: dict[str, Any] = {"metrics": list(wanted), "cluster": [resampled.how, *resampled.columns]}
    if threshold:
        asked["threshold"] = dict(threshold)
    return evaluation_digest(trial, rows, asked, code_digest("evaluations", libraries(estimator)))


def document(
    trained: TrainedTrial,
    role: str,
    rows: str,
    spec: ModelSpec,
    predictions: Predictions,
    metrics: Mapping[str, Any],
    threshold: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The evaluation of `trained`: `metrics` with their intervals over clusters, a binary model's ROC curve, and on `test`, where each run
    judges two models at most, what its report draws."""
    found: dict[str, Any] = {
        "trial": trained.trial,
        "role": role,
        "rows": rows,
        "digest": named(trained.trial, trained.spec.model.estimator, rows, spec, list(metrics), threshold),
        "metrics": dict(metrics),
    }
    if spec.task == "binary":
        found["roc"] = [[round(x, 4), round(y, 4)] for x, y in roc_curve(predictions.grouped, ROC_POINTS)]
    if role == "test":
        found["pictures"] = pictures(spec, predictions)
    return found


def key(model: str, trial: str, evaluation: str) -> str:
    return f"{trials.folder(model, trial)}/evaluations/{evaluation}.json"


def keep(store: Store, model: str, found: dict[str, Any]) -> str:
    """Write an evaluation once; its key."""
    where = key(model, found["trial"], found["digest"])
    write_once(store, where, found)
    return where


def valid_name(trial: str, spec: ModelSpec, dataset: Dataset) -> str:
    """The digest of a trial's evaluation on `valid`."""
    rule = spec.evaluate.threshold.rule if spec.evaluate.threshold else None
    return named(trial, spec.model.estimator, rows_digest(dataset, "valid"), spec, metrics_of(spec), rule)


def on_valid(store: Store, model: str, trial: str, spec: ModelSpec, dataset: Dataset) -> dict[str, Any]:
    """The trial's evaluation on `valid`: read when it is there, computed and kept when it is not. Where the spec has a rule for the
    threshold, it is chosen here, and the metrics are those of the model with it."""
    known = optional_json(store, key(model, trial, valid_name(trial, spec, dataset)))
    if known is not None:
        return known
    trained = TrainedTrial.open(store, model, trial, spec.code)
    predictions = trained.predict(store, dataset, spec, "valid")
    rule = spec.evaluate.threshold.rule if spec.evaluate.threshold else None
    chosen = threshold(rule, predictions) if rule else None
    predictions = decided(predictions, chosen)
    metrics = {name: interval(metric(spec.task, name), predictions).to_json() for name in metrics_of(spec)}
    found = document(trained, "valid", rows_digest(dataset, "valid"), spec, predictions, metrics, rule)
    keep(store, model, found := {**found, "threshold": chosen} if chosen else found)
    return found


def decided(predictions: Predictions, chosen: Mapping[str, Any] | None) -> Predictions:
    """The same predictions of a model that decides by its threshold, where it has one."""
    return replace(predictions, threshold=chosen["value"]) if chosen else predictions
