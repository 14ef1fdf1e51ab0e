"""One trial's training: from a dataset to a model, from the last checkpoint or from the start.

What is learned follows from dataset, spec and parameters alone; the caller says where the checkpoint is and what happens with the curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from handlers.contracts import log
from handlers.data.manifest import Dataset
from handlers.data.unencoded import encoder as encoder_of
from handlers.metrics.metrics import METRICS, RANKING, metric, values
from handlers.metrics.predictions import Predictions
from handlers.models import checkpoint, saved
from handlers.models.checkpoint import CannotResume, Progress
from handlers.models.feed import DatasetFeed
from handlers.models.kinds import Estimator, Rounds
from handlers.models.loop import Ended, Plan, Score, Training, Watch, whole
from handlers.models.memory_check import enough_memory
from handlers.models.scratch import Scratch
from handlers.models.within import Often
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.quantities import batches_or_seconds, seconds
from handlers.storage import Store

Publish = Callable[[list[dict[str, Any]]], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """The model that is kept, and how it was learned; `epoch` is the one whose model it is."""

    made: Estimator
    progress: Progress
    epoch: int


def train(
    store: Store,
    folder: str,
    spec: ModelSpec,
    dataset: Dataset,
    made: Estimator,
    publish: Publish,
    after: str = "",
    watch: Watch | None = None,
) -> Trained:
    """Train `made` on the dataset. `folder` holds the checkpoint; `publish` gets the lines of the curve after each epoch, and `watch` looks
    on.

    `after` is the folder of the same trial for fewer epochs, where there is one: from its end the training goes on.
    """
    kind = made.recipe.kind
    encoder, lists = encoder_of(dataset, table=kind.table), kind.lists and spec.task == RANKING
    enough_memory(dataset, spec, encoder, dense=kind.dense)
    if spec.model.memory == "whole" and not kind.rounds:
        if watch is not None and watch.seen(Progress(), epoch_ended=False):
            raise Ended(made, Progress())
        return Trained(made, _fit(spec, made, DatasetFeed(store, dataset, spec, encoder, lists=lists), publish), 1)
    with Scratch() as scratch:
        feed = DatasetFeed(store, dataset, spec, encoder, scratch, lists=lists)
        done, progress = _stream(store, (folder, after), spec, made, feed, publish, watch)
    kept = progress.best["epoch"] if spec.training.early_stopping and progress.best else progress.epoch
    return Trained(done, progress, kept)


def counted(spec: ModelSpec, progress: Progress) -> int:
    """How many epochs count of a training that is ended before its last: up to the best one; with early stopping, which keeps the best by
    itself, all that are finished."""
    if progress.best is None:
        return 0
    return progress.epoch if spec.training.early_stopping is not None else int(progress.best["epoch"])


def shortened(spec: ModelSpec, ended: Ended, epochs: int) -> Trained | None:
    """What the same training for so many epochs would have come to; None where its state is gone by now."""
    made, progress, rounds = ended.made, ended.progress, ended.made.recipe.kind.rounds
    best = progress.best
    if best is None or not 0 < epochs <= progress.epoch:
        return None
    early = spec.training.early_stopping is not None
    if early and epochs != progress.epoch:
        return None
    kept = int(best["epoch"]) if early else epochs
    if rounds:
        cast(Rounds, made).keep(kept)
    elif kept == best["epoch"] and progress.best_model is not None:
        made = saved.loaded(made.recipe, progress.best_model, "the best epoch's model")
    elif kept != progress.epoch or progress.position is not None:
        return None
    history = progress.history[:epochs]
    return Trained(made, Progress(epoch=epochs, rows=history[-1]["rows"], history=history, best=best), kept)


def _score(spec: ModelSpec) -> Score:
    """Every metric that the task and the estimator allow: a trial's curve must not depend on what `evaluate` asks for."""

    def score(predictions: Predictions) -> dict[str, float | None]:
        wanted = [name for name, found in METRICS[spec.task].items() if predictions.kind != "decision" or not found.needs_probability]
        if spec.task == RANKING and not predictions.clustered:
            return dict.fromkeys(wanted)  # shuffled rows of train are no whole lists
        return _finite(values(spec.task, wanted, predictions))

    return score


def _finite(found: dict[str, float]) -> dict[str, float | None]:
    return {name: value if value == value else None for name, value in found.items()}


def _fit(spec: ModelSpec, made: Estimator, feed: DatasetFeed, publish: Publish) -> Progress:
    line = whole(made, feed.every(), feed, _score(spec))
    publish([line])
    return Progress(epoch=1, rows=line["rows"], history=[line], best={"epoch": 1, "value": line["valid"][spec.evaluate.select_by]})


def _stream(
    store: Store, folders: tuple[str, str], spec: ModelSpec, made: Estimator, feed: DatasetFeed, publish: Publish, watch: Watch | None
) -> tuple[Estimator, Progress]:
    """Learn from batches, from the checkpoint on. With early stopping the model of the best epoch comes back, else that of the last."""
    progress, folder = Progress(), folders[0]
    found = _resumed(store, folders, made)
    if found is not None:
        made, progress = found
        log("training goes on from its checkpoint", trial=folder.rpartition("/")[2], epoch=progress.epoch + 1, rows=progress.rows)
    training = Training(
        made,
        plan(spec),
        feed,
        _score(spec),
        save=lambda model, state: checkpoint.save(store, folder, model, state),
        publish=publish,
        watch=watch,
    )
    done = training.run(progress)
    publish(done.history)
    if spec.training.early_stopping is not None and done.best is not None:
        if made.recipe.kind.rounds:
            cast(Rounds, made).keep(done.best["epoch"])
        elif done.best_model is not None:
            made = saved.loaded(made.recipe, done.best_model, f"{folder}/checkpoint")
    return made, done


def _resumed(store: Store, folders: tuple[str, str], made: Estimator) -> tuple[Estimator, Progress] | None:
    """The first checkpoint of the folders that can be gone on from."""
    for folder in filter(None, folders):
        try:
            found = checkpoint.resume(store, folder, made.recipe)
        except CannotResume as why:
            log("checkpoint refused, training starts again", trial=folder.rpartition("/")[2], reason=str(why))
            continue
        if found is not None:
            return found
    return None


def plan(spec: ModelSpec) -> Plan:
    """The training's plan, from the spec."""
    stopping, validate = spec.training.early_stopping, spec.training.validate_
    select_by = spec.evaluate.select_by
    return Plan(
        epochs=spec.training.epochs,
        select_by=select_by,
        higher=metric(spec.task, select_by).higher,
        patience=stopping.patience if stopping else None,
        min_delta=stopping.min_delta if stopping else 0.0,
        checkpoint_seconds=seconds(spec.training.checkpoint.every),
        within=Often(*batches_or_seconds(validate.every), validate.rows) if validate else None,
    )
