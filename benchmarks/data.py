"""python benchmarks/data.py [--rows 300000] [--more 10] [--verdict-rows 1000000] [--rounds 3] [--out benchmarks/results/data.json]

From files to a verdict, each stage beside its peer or floor in the same run, in processes of their own:
`transform` beside PyArrow that reads, cuts by day and writes the same rows; the first epoch of a linear model, which reads Parquet, and a
later one, which reads encoded rows from disk, beside `partial_fit` on batches that are encoded already, and as the most that the first can
reach the same plus the time until its first batch is there, which needs its whole first group of parts; intervals of metrics from 1,000
resamples beside one exact computation of the same metrics; and the peak memory of transform and of two epochs with `--more` times as many
rows (and days) beside that with `--rows`. Of epochs the seconds of processor time are kept too, since they overlap with other threads.
A target that is missed is said, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

DAYS = 50  # of `--rows`; more rows are more days
FILE_DAYS = 10
CARRIERS, PLACES = 16, 300
VERDICT = ["roc_auc", "log_loss", "brier", "accuracy", "f1"]
EPOCHS = ("first_epoch", "later_epoch", "partial_fit")
# a ratio at least, or at most
TARGETS = {
    "transform": (0.5, True),
    "first_epoch": (0.8, True),
    "later_epoch": (0.8, True),
    "verdict": (3.0, False),
    "memory": (1.2, False),
}
PATIENCE = 1800.0


def spec(days: int) -> dict[str, Any]:
    columns = {"day": "timestamp", "carrier": "string", "origin": "string", "goal": "string", "late": "boolean"}
    numbers = {f"x{i}": "float" for i in range(6)}
    apart = f"{days // 10}d"
    category, number = {"type": "category", "hash": 256, "default": "other"}, {"type": "number", "scale": "standard"}
    return {
        "task": "binary",
        "data": {
            "sources": {"incoming": {"prefix": "incoming/late/", "format": "parquet", "columns": {**columns, **numbers}}},
            "target": {"column": "late", "classes": [False, True], "positive": True},
            "split": {"by": "time", "column": "day", "gap": "1d", "valid": apart, "test": apart},
        },
        "features": dict.fromkeys(("carrier", "origin", "goal"), category) | dict.fromkeys(numbers, number),
        "model": {"estimator": "sklearn.linear_model.SGDClassifier", "params": {"loss": "log_loss", "average": True}, "seed": 1},
        "training": {"epochs": 2, "batch_rows": 8192, "shuffle": {"parts": 4}},
        "evaluate": {"select_by": "roc_auc", "report": VERDICT},
    }


def write_sources(folder: Path, rows: int, days: int) -> None:
    """Files of FILE_DAYS days each."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    random = np.random.default_rng(5)
    (folder / "incoming" / "late").mkdir(parents=True)
    each = rows // days * FILE_DAYS
    carriers, places = (np.asarray([f"{c}{i}" for i in range(n)]) for c, n in (("c", CARRIERS), ("p", PLACES)))
    for number, first in enumerate(range(0, days, FILE_DAYS)):
        begin = np.datetime64("2020-01-01", "us") + np.timedelta64(first, "D")
        numbers = {f"x{i}": random.normal(size=each) for i in range(6)}
        at = begin + (np.arange(each) * (FILE_DAYS * 86_400_000_000 // each)).astype("timedelta64[us]")
        named = {
            "day": pa.array(at).cast(pa.timestamp("us", tz="UTC")),
            "carrier": random.choice(carriers, each),
            "origin": random.choice(places, each),
            "goal": random.choice(places, each),
            "late": numbers["x0"] + random.normal(size=each) > 1.0,
        }
        parquet.write_table(pa.table({**named, **numbers}), folder / "incoming" / "late" / f"{number:04}.parquet")


def loaded(days: int) -> Any:
    from handlers.fetch import checked

    text = json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": spec(days)})
    return checked(text, "late.yaml", None)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def transform(folder: Path, days: int) -> dict[str, float]:
    from handlers.data import contents, datasets, manifest
    from handlers.modelspec.code_digests import code_digest
    from handlers.storage import FolderStore

    store = FolderStore(folder)
    # what loads once loads before
    importlib.import_module("pyarrow.compute")
    importlib.import_module("pyarrow.parquet")
    objects = contents.identities(store, "late", store.list("incoming/late/"))
    wanted = loaded(days)
    for stage in ("parts", "datasets"):
        code_digest(stage)
    seconds, (_, _, dataset) = timed(lambda: datasets.make(store, "late", wanted, {"objects": objects}, store.server_time()))
    manifest.save(store, "late", dataset)
    (folder / "dataset").write_text(dataset.digest)
    return {"seconds": seconds}


def floor(folder: Path, days: int) -> dict[str, float]:
    """PyArrow alone: each file read, cut by day and written."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import parquet

    def work() -> None:
        (folder / "floor").mkdir(exist_ok=True)
        for path in sorted((folder / "incoming" / "late").iterdir()):
            table = parquet.read_table(path, use_threads=False)
            day = table.column("day").cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
            for value in pc.unique(day):
                parquet.write_table(
                    table.filter(pc.equal(day, value)), folder / "floor" / f"{path.stem}-{value}.parquet", compression="zstd"
                )

    return {"seconds": timed(work)[0], "days": days}


def epoch(folder: Path, days: int, *, kept: bool) -> dict[str, float]:
    """The seconds of the first epoch over Parquet and of a later one; with `kept` beside `partial_fit` on the same batches in memory."""
    from handlers.data.encode import Encoder
    from handlers.data.manifest import load_dataset
    from handlers.models.estimators import make
    from handlers.models.feed import DatasetFeed
    from handlers.models.scratch import Scratch
    from handlers.storage import FolderStore

    store, wanted = FolderStore(folder), loaded(days)
    dataset = load_dataset(store, "late", (folder / "dataset").read_text())
    encoder = Encoder(dataset, wanted)

    def learn(batches: Any) -> int:
        made, rows = make(wanted, wanted.model.params), 0
        for batch in batches:
            made.learn(batch)
            rows += len(batch.y)
        return rows

    # what loads once loads before
    learn(islice(DatasetFeed(store, dataset, wanted, encoder).train(0, None), 1))
    found: dict[str, float] = {}

    def measured(name: str, batches: Any) -> None:
        began = time.process_time()
        found[name], rows = timed(lambda: learn(batches))
        found.update({f"{name}_processor": time.process_time() - began, "rows": float(rows)})

    with Scratch() as scratch:
        feed = DatasetFeed(store, dataset, wanted, encoder, scratch)
        measured("first_epoch", feed.train(0, None))
        measured("later_epoch", feed.train(1, None))
        if kept:
            measured("partial_fit", list(feed.train(1, None)))
    if kept:
        with Scratch() as scratch:
            batches = DatasetFeed(store, dataset, wanted, encoder, scratch).train(0, None)
            found["first_batch"] = timed(lambda: next(batches))[0]
            found["reading"] = found["first_batch"] + timed(lambda: sum(1 for _ in batches))[0]
    return found


def verdict(rows: int) -> dict[str, Any]:
    import numpy as np

    from handlers.metrics.bootstrap import interval
    from handlers.metrics.metrics import metric, values
    from handlers.metrics.predictions import Predictions

    random = np.random.default_rng(7)
    truth = (random.random(rows) < 0.2).astype(float)
    score = 1.0 / (1.0 + np.exp(1.5 - truth - random.normal(size=rows)))

    def fresh(clusters: int) -> Predictions:
        return Predictions(truth, score, np.ones(rows), np.arange(rows) * clusters // rows, "probability")

    def intervals(names: list[str], predictions: Predictions) -> None:
        for name in names:
            interval(metric("binary", name), predictions)

    found: dict[str, Any] = {}
    for what, clusters in (("30_days", 30), ("each_row_apart", rows)):
        for names in (VERDICT, ["average_precision"]):
            first, second = fresh(clusters), fresh(clusters)
            once = timed(partial(values, "binary", names, first))[0]
            many = timed(partial(intervals, names, second))[0]
            found[f"{what}, {' '.join(names)}"] = {"exact_seconds": once, "intervals_seconds": many, "ratio": many / once}
    return found


def alone(stage: str, folder: Path, number: int) -> dict[str, Any]:
    """A stage in a process of its own, with one thread as in a pod."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, __file__, "--stage", stage, "--folder", str(folder), "--number", str(number)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment)
    if told.returncode:
        raise SystemExit(f"{stage}: {told.stderr}")
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def staged(stage: str, folder: Path, number: int) -> dict[str, Any]:
    if stage == "verdict":
        return verdict(number)
    if stage in ("transform", "floor"):
        return {"transform": transform, "floor": floor}[stage](folder, number)
    return epoch(folder, number, kept=stage == "kept_epoch")


def measure(folder: Path, rows: int, more: int, rounds: int) -> dict[str, Any]:
    """The ratios of transform and epochs, medians of the rounds, and memory with more rows."""
    small, large = folder / "small", folder / "large"
    write_sources(small, rows, DAYS)
    seconds: dict[str, list[float]] = {}
    peaks: dict[str, list[float]] = {}
    for _ in range(rounds):
        for part in ("parts", "floor"):
            subprocess.run(["rm", "-rf", str(small / part)], check=True)
        for stage in ("floor", "transform"):
            seconds.setdefault(stage, []).append(alone(stage, small, DAYS)["seconds"])
        both = alone("kept_epoch", small, DAYS)
        for name in [*(f"{what}{kind}" for what in EPOCHS for kind in ("", "_processor")), "first_batch", "reading"]:
            seconds.setdefault(name, []).append(both[name])
    subprocess.run(["rm", "-rf", str(small / "parts")], check=True)
    write_sources(large, rows * more, DAYS * more)
    for place, days in ((small, DAYS), (large, DAYS * more)):
        for stage in ("transform", "epoch"):
            peaks.setdefault(stage, []).append(alone(stage, place, days)["peak_mib"])
    middle = {name: statistics.median(found) for name, found in seconds.items()}
    return {
        "seconds": {name: round(value, 3) for name, value in middle.items()},
        "peak_mib": peaks,
        "ratios": {
            "transform": middle["floor"] / middle["transform"],
            "first_epoch": middle["partial_fit"] / middle["first_epoch"],
            "first_epoch_most": middle["partial_fit"] / (middle["first_batch"] + middle["partial_fit"]),
            "later_epoch": middle["partial_fit"] / middle["later_epoch"],
            "memory": max(last / first for first, last in peaks.values()),
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--more", type=int, default=10)
    parser.add_argument("--verdict-rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "data.json")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        found = staged(given.stage, given.folder, given.number)
        print(json.dumps({**found, "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))
        return 0
    with tempfile.TemporaryDirectory(prefix="retrain-") as name:
        found = measure(Path(name), given.rows, given.more, given.rounds)
        judged = alone("verdict", Path(name), given.verdict_rows)
    found["verdict"] = {key: {k: round(v, 3) for k, v in one.items()} for key, one in judged.items() if isinstance(one, dict)}
    found["ratios"]["verdict"] = max(one["ratio"] for one in found["verdict"].values())
    found["ratios"] = {key: round(value, 2) for key, value in found["ratios"].items()}
    met = {key: (found["ratios"][key] >= at) if least else (found["ratios"][key] <= at) for key, (at, least) in TARGETS.items()}
    for key, (at, least) in TARGETS.items():
        bound = "at least" if least else "at most"
        print(f"{key}: {found['ratios'][key]} (target: {bound} {at}, {'met' if met[key] else 'missed'})")
    print(f"first_epoch_most: {found['ratios']['first_epoch_most']} (if nothing waited after the first batch)")
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}
    sizes = {"rows": given.rows, "more": given.more, "verdict_rows": given.verdict_rows, "rounds": given.rounds}
    given.out.write_text(json.dumps({"machine": machine, **sizes, **found, "met": met}, indent=2) + "\n")
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
