"""Make the parts of a snapshot that the bucket does not have, and the manifest that gives every part its role.

`python -m handlers.transform --model M --spec JSON --snapshot DIGEST --run NAME --dataset-out PATH --summary-out PATH`.
Adding a month of data makes the parts of that month: parts are named by what they are made of, so none is made twice.
"""

from __future__ import annotations

import argparse
from typing import Any

from handlers.contracts import BadData, log, main, write_output
from handlers.data import datasets, manifest
from handlers.data.manifest import Dataset
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load
from handlers.runs.claim import Heartbeat
from handlers.storage import Missing, Store, canonical_json, open_store, read_json


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.transform", description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("model", "spec", "snapshot", "run"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("dataset", "summary"):
        parser.add_argument(f"--{name}-out", metavar="PATH")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    given = arguments(argv)
    store = open_store()
    with Heartbeat(store, given.model, given.run):
        dataset, summary = transform(store, given.model, load(given.spec), given.snapshot)
    write_output(given.dataset_out, dataset.digest)
    write_output(given.summary_out, canonical_json(summary))


def transform(store: Store, model: str, spec: ModelSpec, snapshot: str) -> tuple[Dataset, dict[str, Any]]:
    """The dataset of a snapshot, and what was made for it."""
    key = f"snapshots/{model}/{snapshot}.json"
    try:
        sources = read_json(store, key)["objects"]
    except Missing:
        raise BadData(f"{key}: no such snapshot in the bucket") from None
    made, dataset = datasets.make(store, model, spec, sources)
    fresh = manifest.save(store, model, dataset)
    new = [one for one in made if one.fresh]
    summary = {
        "objects": len(made),
        "objects_read": len(new),
        "rows_made": sum(one.document["rows"] for one in new),
        "parts_reused": sum(len(one.document["parts"]) for one in made if not one.fresh),
        "rows": {role: sum(p.rows for p in dataset.of_role(role)) for role in ("train", "valid", "test")},
        "split": dataset.split,
        "unit": dataset.unit,
    }
    log("dataset", dataset=dataset.digest, fresh=fresh, **summary)
    return dataset, summary


if __name__ == "__main__":
    main(run)
