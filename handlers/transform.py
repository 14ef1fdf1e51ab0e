"""Make the parts of a snapshot that the bucket does not have, and the manifest that gives every part its role.

`python -m handlers.transform --model M --spec JSON --snapshot DIGEST --run NAME --dataset-out PATH --summary-out PATH --decision-out PATH`.
Adding a month of data makes the parts of that month: parts are named by what they are made of, so none is made twice.

`python -m handlers.transform make --model M --spec JSON --run NAME --batch NUMBER` makes the parts of one of the batches that `fetch` cut,
before and beside others; the command above then finds them.
"""

from __future__ import annotations

import argparse
from typing import Any

from handlers.contracts import BadData, BadSpec, GaveUp, TryAgain, log, main, write_output
from handlers.data import datasets, manifest
from handlers.data.manifest import Dataset
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load
from handlers.runs import batches, pacing, requests, retried, snapshots
from handlers.runs.claim import Heartbeat, go_on
from handlers.runs.spending import Measured
from handlers.storage import Changed, Store, canonical_json, open_store


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.transform", description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("model", "spec", "snapshot", "run"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("dataset", "summary", "decision"):
        parser.add_argument(f"--{name}-out", metavar="PATH")
    return parser.parse_args(argv)


def make_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.transform make", description="Make the parts of a batch of objects.")
    for name in ("model", "spec", "run"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--batch", required=True, type=int, metavar="NUMBER")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    if argv[:1] == ["make"]:
        make(make_arguments(argv[1:]))
        return
    given = arguments(argv)
    store, spec = open_store(), load(given.spec)
    with Measured(store, spec.trigger, given.model, given.run, "transform"), Heartbeat(store, given.model, given.run):
        dataset, summary, read = of_run(store, spec, given.run, given.snapshot)
        go_on(store, given.model, given.run)
        decision = pacing.counted(store, spec, given.run, dataset, read)
    write_output(given.dataset_out, dataset.digest)
    write_output(given.summary_out, canonical_json(summary))
    write_output(given.decision_out, decision)


def make(given: argparse.Namespace) -> None:
    """Make a batch. What the one who follows will meet again, and say, ends it without an error: so a person reads it once."""
    store, spec = open_store(), load(given.spec)
    with Measured(store, spec.trigger, given.model, given.run, "make"), Heartbeat(store, given.model, given.run):
        try:
            retried.again(store, given.model, given.run)
            made = batches.make(store, spec, given.run, given.batch)
        except (BadData, BadSpec, GaveUp, Changed) as error:
            log("left to the step that follows", batch=given.batch, error=type(error).__name__, message=str(error))
            return
    log("batch made", batch=given.batch, objects_made=made)


def of_run(store: Store, spec: ModelSpec, run: str, given: str) -> tuple[Dataset, dict[str, Any], pacing.Read]:
    """The dataset of a run's snapshot, what was made and what was read: of the snapshot that its request names, or else of the given one.

    Where an object was put again since, what is there now is snapshotted and made: what was made already of the other objects stays.
    """
    if retried.again(store, spec.name, run):
        # somebody may have put the data right
        given = snapshots.renew(store, spec, run, again=True).digest
    for _ in range(snapshots.ROUNDS):
        snapshot, as_of = _learned(store, spec.name, run, given)
        try:
            found = transform(store, spec.name, spec, snapshot, as_of)
        except Changed as error:
            log("changed while it was read", key=str(error), snapshot=snapshot)
            changed = str(error)
        else:
            if requests.made(store, spec.name, run, snapshot):
                return found
            changed = f"the snapshot of run {run}"
            continue
        given = snapshots.renew(store, spec, run).digest
    raise TryAgain(f"{changed}: changed while it was read, as {snapshots.ROUNDS} snapshots in a row have seen; the step is tried again")


def _learned(store: Store, model: str, run: str, given: str) -> tuple[str, float]:
    """The snapshot that a run learns and the instant that it is seen from, as its request says; without one, what is given, and now.

    So a step that goes on the next day gives the dataset that it would have given.
    """
    request = requests.read(store, model, run)
    return (given, store.server_time()) if request is None else (str(request["snapshot"]), requests.as_of(request))


def transform(store: Store, model: str, spec: ModelSpec, snapshot: str, as_of: float) -> tuple[Dataset, dict[str, Any], pacing.Read]:
    """The dataset of a snapshot, what was made for it, and the rows of each object; `as_of` is the instant that says which days are over.

    Raises Changed when the bucket does not hold the snapshot's content any more.
    """
    read, made, dataset = datasets.make(store, model, spec, snapshots.load(store, model, snapshot).tree(), as_of)
    fresh = manifest.save(store, model, dataset)
    new = [one for one in made if one.fresh]
    summary = {
        "objects": len(read),
        "objects_read": sum(one.fresh for one in read),
        "rows_made": sum(one.document["rows"] for one in new),
        "parts_reused": sum(len(one.document["parts"]) for one in made if not one.fresh),
        "rows": {role: sum(p.rows for p in dataset.of_role(role)) for role in ("train", "valid", "test")},
        "split": dataset.split,
        "unit": dataset.unit,
        "left_out": dataset.left_out,
    }
    log("dataset", dataset=dataset.digest, fresh=fresh, **summary)
    return dataset, summary, [(one.content, one.rows) for one in read]


if __name__ == "__main__":
    main(run)
