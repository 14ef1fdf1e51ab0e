"""Train one trial: `python -m handlers.train --model M --spec JSON --dataset DIGEST --trial JSON --run NAME --result-out PATH`.

A trial that is trained already ends at once. One that was interrupted goes on from its checkpoint and ends in the same model as if nothing
had happened. One that is stopped before its last epoch (`handlers.runs.stops`) leaves the trial of fewer epochs. Exit codes: 0; 65 and 78
for data or a spec that will fail again; 75 while the trial's failure budget lasts, 70 when it is spent, or the training diverged or was
stopped before its first epoch had ended; 143 after SIGTERM, with the state saved.
"""

from __future__ import annotations

import argparse
from typing import Any

from handlers.contracts import GaveUp, HandlerError, Stopped, Superseded, json_argument, log, main, no_space, write_output
from handlers.data.manifest import Dataset, load_dataset
from handlers.metrics.metrics import metric
from handlers.models import rehearsal, saved, training
from handlers.models.estimators import libraries, make
from handlers.models.kernel import kernel, versions
from handlers.models.loop import Ended, Watch
from handlers.models.own import Own
from handlers.models.training import Trained
from handlers.modelspec.code_digests import code_digest
from handlers.modelspec.digests import trial_digest
from handlers.modelspec.grid import probes
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load as load_spec
from handlers.runs import memory, retried, rounds, stops, trials
from handlers.runs.claim import Heartbeat, go_on, told
from handlers.runs.live import Asked, Live
from handlers.runs.spending import Measured
from handlers.runs.stops import Judged
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
    whole = load_spec(given.spec)
    check_grid(whole)
    asked = rounds.asked(store, given.model, given.run, json_argument(given.trial, "--trial"))
    spec = _until_epoch(whole, asked.get("epochs"))
    dataset = load_dataset(store, given.model, given.dataset)
    params = {**spec.model.params, **asked.get("params", {})}
    trial = name(spec, dataset, params)
    after = name(_until_epoch(whole, asked["after"]), dataset, params) if asked.get("after") else ""
    # the next rung goes on from its end
    ends = spec.training.epochs == whole.training.epochs
    asked = {**asked, "params": params, "after": after, "ends": ends, "run": given.run}
    live = Live(store, given.model, given.run, _asked(asked, trial, spec, dataset))
    stop = stops.decided(store, given.model, given.run, live.asked.id)
    shorter = name(_until_epoch(whole, stop["epoch"]), dataset, params) if stop and stop["epoch"] else trial
    found = trials.result(store, given.model, shorter)
    if found is None:
        memory.enough(store, given.model, given.run, "train", trial, spec)
        retried.again(store, given.model, given.run)
        go_on(store, given.model, given.run)
        measured = Measured(store, spec.trigger, given.model, given.run, "train")
        with measured, Heartbeat(store, given.model, given.run, stops=True) as beats:
            try:
                found = _guarded(store, given.model, spec, dataset, trial, asked, live)
            except Stopped as error:
                if not beats.superseded:
                    raise
                raise Superseded(f"{told(beats.superseded)}; {error}") from error
    else:
        log("trial is trained already", trial=trial)
    stopped = found["trial"] != trial
    live.trained(found, stops.decided(store, given.model, given.run, live.asked.id) if stopped else None)
    write_output(given.result_out, canonical_json({"trial": found["trial"]}))


def check_grid(spec: ModelSpec) -> None:
    """Raise BadSpec when any trial of the grid cannot be trained: the winner of a run is the best of everything that the spec asks for."""
    for trial in probes(spec):
        make(spec, {**spec.model.params, **trial.params})


def name(spec: ModelSpec, dataset: Dataset, params: dict[str, Any]) -> str:
    """The digest that names the trial."""
    stage = "early_stopped_trials" if spec.training.early_stopping else "trials"
    return trial_digest(dataset.digest, spec, params, code_digest(stage, libraries(spec.model.estimator)))


def _until_epoch(spec: ModelSpec, epochs: int | None) -> ModelSpec:
    """The spec of a trial that ends after so many epochs: the same trial as that of a spec which says so."""
    return spec.model_copy(update={"training": spec.training.model_copy(update={"epochs": epochs})}) if epochs else spec


def _asked(asked: dict[str, Any], trial: str, spec: ModelSpec, dataset: Dataset) -> Asked:
    rows = sum(part.rows for part in dataset.of_role("train"))
    return Asked(asked.get("id") or trial, trial, asked["params"], spec.training.epochs, rows, spec.evaluate.select_by)


def _guarded(store: Store, model: str, spec: ModelSpec, dataset: Dataset, trial: str, asked: dict[str, Any], live: Live) -> dict[str, Any]:
    """Train, and count what goes wrong unexpectedly against the trial's budget."""
    name = asked["run"]
    resources = spec.resources.get("train")
    budget = trials.RETRIES if resources is None or resources.retries is None else resources.retries
    before = trials.failures(store, model, trial, name)
    if len(before) > budget:
        raise GaveUp(f"trial {trial} has failed {len(before)} times in run {name}, the last time with: {before[-1]['error']}")
    try:
        return _train(store, model, spec, dataset, trial, asked, live)
    except (HandlerError, Temporary, ConnectionError, TimeoutError):
        raise
    except Exception as error:
        if no_space(error):
            raise
        raise trials.failed(store, model, trial, name, error, budget) from error


def _train(store: Store, model: str, spec: ModelSpec, dataset: Dataset, trial: str, asked: dict[str, Any], live: Live) -> dict[str, Any]:
    """Train the trial, to its end or until it is stopped; the document of what there is then."""
    judged = Judged(live, spec.search.stop, higher=metric(spec.task, spec.evaluate.select_by).higher)
    try:
        return train(store, model, spec, dataset, trial, asked, judged)
    except Ended as error:
        ended = error
    epochs = training.counted(spec, ended.progress)
    stop = stops.settle(store, model, asked["run"], live.asked.id, epochs, judged.reason)
    if not stop["epoch"]:
        raise GaveUp(
            f"trial {trial} was stopped by {stop['by']} ({stop['why']}) before its first epoch had ended: there is nothing to judge"
        )
    return _shorter(store, model, _until_epoch(spec, stop["epoch"]), dataset, {**asked, "after": "", "ends": True}, ended, live)


def _shorter(
    store: Store, model: str, spec: ModelSpec, dataset: Dataset, asked: dict[str, Any], ended: Ended, live: Live
) -> dict[str, Any]:
    """The trial of fewer epochs that a stopped one leaves: known, kept from what it has learned, or, where that has gone on, trained."""
    trial = name(spec, dataset, asked["params"])
    known = trials.result(store, model, trial)
    if known is not None:
        return known
    done = training.shortened(spec, ended, spec.training.epochs)
    if done is None:
        return train(store, model, spec, dataset, trial, asked, live)
    _request(store, model, spec, dataset, trial, asked)
    trials.publish_curve(store, model, trial, done.progress.history)
    return _finish(store, model, spec, dataset, trial, asked, done)


def train(store: Store, model: str, spec: ModelSpec, dataset: Dataset, trial: str, asked: dict[str, Any], watch: Watch) -> dict[str, Any]:
    """Train the trial from its last checkpoint, or from the start; its result's document, which is written last."""
    made = make(spec, asked["params"])
    fresh = make(spec, asked["params"])
    if isinstance(fresh, Own):
        rehearsal.tried(fresh, spec, rehearsal.Columns(dataset.features, {name: dataset.schema[name] for name in dataset.features}))
    _request(store, model, spec, dataset, trial, asked)
    after = asked.get("after")
    done = training.train(
        store,
        trials.folder(model, trial),
        spec,
        dataset,
        made,
        lambda lines: trials.publish_curve(store, model, trial, lines),
        trials.folder(model, after) if after else "",
        watch,
    )
    return _finish(store, model, spec, dataset, trial, asked, done)


def _request(store: Store, model: str, spec: ModelSpec, dataset: Dataset, trial: str, asked: dict[str, Any]) -> None:
    request = {"model": model, "trial": trial, "dataset": dataset.digest, "spec": spec.tree(), "params": asked["params"]}
    more = {"varied": asked.get("id", ""), "run": asked.get("run", "")}
    write_once(store, f"{trials.folder(model, trial)}/request.json", {**request, **more})


def _finish(
    store: Store, model: str, spec: ModelSpec, dataset: Dataset, trial: str, asked: dict[str, Any], done: Trained
) -> dict[str, Any]:
    document = _document(trial, spec, dataset, done, asked["params"])
    trials.finish(store, model, trial, saved.files(done.made), document, goes_on=not asked.get("ends", True))
    if asked.get("after"):
        trials.forget_checkpoint(store, model, asked["after"])
    log("trial is trained", trial=trial, epochs=document["epochs"], epoch=document["epoch"], valid=document["valid"])
    return document


def _document(trial: str, spec: ModelSpec, dataset: Dataset, done: Trained, params: dict[str, Any]) -> dict[str, Any]:
    progress, rows = done.progress, sum(part.rows for part in dataset.of_role("train"))
    first, last = dataset.split["train"]
    between = {} if dataset.unit == "place" else {"first": first, "last": last}
    return {
        "trial": trial,
        "dataset": dataset.digest,
        "estimator": spec.model.estimator,
        "params": params,
        "state": done.made.digest(),
        "epochs": progress.epoch,
        "epoch": done.epoch,
        "stopped": progress.stopped,
        "rows": progress.rows,
        "seconds": round(sum(line["seconds"] for line in progress.history), 3),
        "valid": progress.history[done.epoch - 1]["valid"],
        "learned": {**between, "rows": rows},
        "kernel": kernel(),
        "versions": versions(done.made.recipe.kind.requirements),
    }


if __name__ == "__main__":
    main(run, sized=True)
