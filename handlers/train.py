"""Train one trial: `python -m handlers.train --model M --spec JSON --dataset DIGEST --trial JSON --run NAME --result-out PATH`.

A trial that is trained already ends at once. One that was interrupted goes on from its checkpoint and ends in the same model as if nothing
had happened. Exit codes: 0; 65 and 78 for data or a spec that will fail again; 75 while the trial's failure budget lasts, 70 when it is
spent or the training diverged; 143 after SIGTERM, with the state saved.
"""

from __future__ import annotations

import argparse
from typing import Any

from handlers.contracts import BadSpec, GaveUp, HandlerError, json_argument, log, main, write_output
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset, load_dataset
from handlers.metrics.metrics import METRICS, metric, values
from handlers.metrics.predictions import Predictions
from handlers.models import checkpoint
from handlers.models.checkpoint import Progress, Refused
from handlers.models.estimators import Learner, accepts_weight, learner
from handlers.models.feed import DatasetFeed
from handlers.models.kernel import kernel, versions
from handlers.models.loop import Plan, Score, Training, whole
from handlers.models.memory_check import enough_memory
from handlers.models.model_file import dump, load, state_digest
from handlers.modelspec.digests import code_digest, trial_digest
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load as load_spec
from handlers.modelspec.quantities import seconds
from handlers.runs import trials
from handlers.runs.claim import Heartbeat
from handlers.runs.evaluation import check_metrics
from handlers.storage import Store, Temporary, canonical_json, open_store, write_once


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.train", description="Train one trial of a model.")
    for name in ("model", "spec", "dataset", "trial", "run"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--result-out", required=True, metavar="PATH")
    return parser.parse_args(argv)


def run(argv: list[str] | None = None) -> None:
    given = arguments(argv)
    store = open_store()
    spec = load_spec(given.spec)
    asked = json_argument(given.trial, "--trial")
    dataset = load_dataset(store, given.model, given.dataset)
    params = {**spec.model.params, **asked.get("params", {})}
    trial = trial_digest(dataset.digest, spec, params, code_digest())
    found = trials.result(store, given.model, trial)
    if found is None:
        with Heartbeat(store, given.model, given.run):
            found = _guarded(store, given.model, spec, dataset, trial, given.run, {**asked, "params": params})
    else:
        log("trial is trained already", trial=trial)
    write_output(given.result_out, canonical_json({"trial": trial}))


def _guarded(store: Store, model: str, spec: ModelSpec, dataset: Dataset, trial: str, name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Train, and count what goes wrong unexpectedly against the trial's budget."""
    budget = trials.RETRIES
    before = trials.failures(store, model, trial, name)
    if len(before) > budget:
        raise GaveUp(f"trial {trial} has failed {len(before)} times in run {name}, the last time with: {before[-1]['error']}")
    try:
        return train(store, model, spec, dataset, trial, asked)
    except (HandlerError, Temporary, ConnectionError, TimeoutError):
        raise
    except Exception as error:
        raise trials.failed(store, model, trial, name, error, budget) from error


def train(store: Store, model: str, spec: ModelSpec, dataset: Dataset, trial: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Train the trial from its last checkpoint, or from the start; its result's document, which is written last."""
    encoder = Encoder(dataset, spec)
    kind = spec.model
    made = learner(kind.estimator, spec.task, asked["params"], seed=kind.seed, classes=trials.classes(spec), memory=kind.memory)
    check_metrics(spec, made.estimator)
    if spec.data.weight and not accepts_weight(made.estimator):
        raise BadSpec(f"data.weight: {made.kind.name} cannot weigh rows; take another model.estimator, or leave data.weight out")
    request = {"model": model, "trial": trial, "dataset": dataset.digest, "spec": spec.tree(), "params": asked["params"]}
    write_once(store, f"{trials.folder(model, trial)}/request.json", {**request, "varied": asked.get("id", "")})
    feed = DatasetFeed(store, dataset, spec, encoder)
    if kind.memory == "whole":
        done, progress = made, _fit(store, model, trial, spec, dataset, made, feed)
    else:
        done, progress = _stream(store, model, trial, spec, made, feed)
    document = _document(trial, spec, dataset, done, progress, asked["params"])
    trials.finish(store, model, trial, dump(done.estimator), document)
    log("trial is trained", trial=trial, epochs=document["epochs"], epoch=document["epoch"], valid=document["valid"])
    return document


def _score(spec: ModelSpec) -> Score:
    """Every metric that the task and the estimator allow: a trial's curve must not depend on what `evaluate` asks for."""

    def score(said: Predictions) -> dict[str, float | None]:
        wanted = [name for name, found in METRICS[spec.task].items() if said.kind != "decision" or not found.needs_probability]
        return _finite(values(spec.task, wanted, said))

    return score


def _finite(found: dict[str, float]) -> dict[str, float | None]:
    return {name: value if value == value else None for name, value in found.items()}


def _fit(store: Store, model: str, trial: str, spec: ModelSpec, dataset: Dataset, made: Learner, feed: DatasetFeed) -> Progress:
    enough_memory(dataset, spec, feed.encoder.width, dense=made.kind.dense)
    line = whole(made, feed.ordered("train"), feed, _score(spec))
    trials.publish_curve(store, model, trial, [line])
    return Progress(epoch=1, rows=line["rows"], history=[line], best={"epoch": 1, "value": line["valid"][spec.evaluate.select_by]})


def _stream(store: Store, model: str, trial: str, spec: ModelSpec, made: Learner, feed: DatasetFeed) -> tuple[Learner, Progress]:
    """Learn from batches, from the checkpoint on. With early stopping the model of the best epoch comes back, else that of the last."""
    where = trials.folder(model, trial)
    progress = Progress()
    try:
        found = checkpoint.resume(store, where, made.kind)
    except Refused as why:
        log("checkpoint refused, training starts again", trial=trial, reason=str(why))
        found = None
    if found is not None:
        made, progress = Learner(made.kind, found[0], made.classes), found[1]
        log("training goes on from its checkpoint", trial=trial, epoch=progress.epoch + 1, rows=progress.rows)
    training = Training(
        made,
        plan(spec),
        feed,
        _score(spec),
        save=lambda estimator, state: checkpoint.save(store, where, estimator, state),
        publish=lambda lines: trials.publish_curve(store, model, trial, lines),
    )
    done = training.run(progress)
    trials.publish_curve(store, model, trial, done.history)
    if spec.training.early_stopping is None or done.best_model is None:
        return training.learner, done
    return Learner(made.kind, load(done.best_model, made.kind, f"{where}/checkpoint"), made.classes), done


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


def _document(trial: str, spec: ModelSpec, dataset: Dataset, made: Learner, progress: Progress, params: dict[str, Any]) -> dict[str, Any]:
    kept = progress.best["epoch"] if spec.training.early_stopping and progress.best else progress.epoch
    days = dataset.days("train")
    return {
        "trial": trial,
        "dataset": dataset.digest,
        "estimator": spec.model.estimator,
        "params": params,
        "state": state_digest(made.estimator),
        "epochs": progress.epoch,
        "epoch": kept,
        "stopped": progress.stopped,
        "rows": progress.rows,
        "seconds": round(sum(line["seconds"] for line in progress.history), 3),
        "valid": progress.history[kept - 1]["valid"],
        "learned": {"first": days[0], "last": days[-1], "rows": sum(p.rows for p in dataset.parts if p.role == "train")},
        "kernel": kernel(),
        "versions": versions(),
    }


if __name__ == "__main__":
    main(run)
