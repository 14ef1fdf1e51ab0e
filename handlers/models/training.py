"""One trial's training: from a dataset to a model, from the last checkpoint or from the start.

What is learned follows from dataset, spec and parameters alone; the caller says where the checkpoint is and what happens with the curve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handlers.contracts import BadSpec, log
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset
from handlers.metrics.metrics import METRICS, metric, values
from handlers.metrics.predictions import Predictions
from handlers.models import checkpoint
from handlers.models.checkpoint import CannotResume, Progress
from handlers.models.estimators import Learner, accepts_weight, check_metrics, classes, learner
from handlers.models.feed import DatasetFeed
from handlers.models.loop import Plan, Score, Training, whole
from handlers.models.memory_check import enough_memory
from handlers.models.model_file import load
from handlers.models.scratch import Scratch
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.quantities import seconds
from handlers.storage import Store

Publish = Callable[[list[dict[str, Any]]], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """The model that is kept, and how it was learned; `epoch` is the one whose model it is."""

    learner: Learner
    progress: Progress
    epoch: int


def fresh_learner(spec: ModelSpec, params: Mapping[str, Any]) -> Learner:
    """The spec's estimator with these parameters; raises BadSpec for what it cannot do."""
    model = spec.model
    made = learner(model.estimator, spec.task, params, seed=model.seed, classes=classes(spec), memory=model.memory)
    check_metrics(spec, made.estimator)
    if spec.data.weight and not accepts_weight(made.estimator):
        raise BadSpec(
            f"data.weight: {made.kind.name} does not accept weights of rows; choose another model.estimator, or remove data.weight"
        )
    return made


def train(store: Store, folder: str, spec: ModelSpec, dataset: Dataset, made: Learner, publish: Publish, after: str = "") -> Trained:
    """Train `made` on the dataset. `folder` holds the checkpoint; `publish` gets the lines of the curve after each epoch.

    `after` is the folder of the same trial for fewer epochs, where there is one: from its end the training goes on.
    """
    encoder = Encoder(dataset, spec)
    enough_memory(dataset, spec, encoder, dense=made.kind.dense)
    if spec.model.memory == "whole":
        return Trained(made, _fit(spec, made, DatasetFeed(store, dataset, spec, encoder), publish), 1)
    with Scratch() as scratch:
        done, progress = _stream(store, (folder, after), spec, made, DatasetFeed(store, dataset, spec, encoder, scratch), publish)
    kept = progress.best["epoch"] if spec.training.early_stopping and progress.best else progress.epoch
    return Trained(done, progress, kept)


def _score(spec: ModelSpec) -> Score:
    """Every metric that the task and the estimator allow: a trial's curve must not depend on what `evaluate` asks for."""

    def score(predictions: Predictions) -> dict[str, float | None]:
        wanted = [name for name, found in METRICS[spec.task].items() if predictions.kind != "decision" or not found.needs_probability]
        return _finite(values(spec.task, wanted, predictions))

    return score


def _finite(found: dict[str, float]) -> dict[str, float | None]:
    return {name: value if value == value else None for name, value in found.items()}


def _fit(spec: ModelSpec, made: Learner, feed: DatasetFeed, publish: Publish) -> Progress:
    line = whole(made, feed.ordered("train"), feed, _score(spec))
    publish([line])
    return Progress(epoch=1, rows=line["rows"], history=[line], best={"epoch": 1, "value": line["valid"][spec.evaluate.select_by]})


def _stream(
    store: Store, folders: tuple[str, str], spec: ModelSpec, made: Learner, feed: DatasetFeed, publish: Publish
) -> tuple[Learner, Progress]:
    """Learn from batches, from the checkpoint on. With early stopping the model of the best epoch comes back, else that of the last."""
    progress, folder = Progress(), folders[0]
    found = _resumed(store, folders, made)
    if found is not None:
        made, progress = Learner(made.kind, found[0], made.classes), found[1]
        log("training goes on from its checkpoint", trial=folder.rpartition("/")[2], epoch=progress.epoch + 1, rows=progress.rows)
    training = Training(
        made,
        plan(spec),
        feed,
        _score(spec),
        save=lambda estimator, state: checkpoint.save(store, folder, estimator, state),
        publish=publish,
    )
    done = training.run(progress)
    publish(done.history)
    if spec.training.early_stopping is None or done.best_model is None:
        return training.learner, done
    return Learner(made.kind, load(done.best_model, made.kind, f"{folder}/checkpoint"), made.classes), done


def _resumed(store: Store, folders: tuple[str, str], made: Learner) -> tuple[Any, Progress] | None:
    """The first checkpoint of the folders that can be gone on from."""
    for folder in filter(None, folders):
        try:
            found = checkpoint.resume(store, folder, made.kind)
        except CannotResume as why:
            log("checkpoint refused, training starts again", trial=folder.rpartition("/")[2], reason=str(why))
            continue
        if found is not None:
            return found
    return None


def plan(spec: ModelSpec) -> Plan:
    """The training's plan, from the spec."""
    stopping = spec.training.early_stopping
    select_by = spec.evaluate.select_by
    return Plan(
        epochs=spec.training.epochs,
        select_by=select_by,
        higher=metric(spec.task, select_by).higher,
        patience=stopping.patience if stopping else None,
        min_delta=stopping.min_delta if stopping else 0.0,
        checkpoint_seconds=seconds(spec.training.checkpoint.every),
    )
