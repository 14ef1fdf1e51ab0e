"""python benchmarks/page.py [--runs 1000] [--rounds 15] [--pictures FOLDER] [--out benchmarks/results/page.json]

Fills the bucket of a real S3 server with made-up runs of three models, serves the live pages about it, and times each page: asked again,
which is what a reader of a page that follows its runs does, and of runs that nobody has asked for yet. The floor is a page of the same
server that reads nothing (an address that there is not). `--pictures` writes the pages' pictures for the docs; it needs Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

MODELS = (
    ("flight-delay", 0.71, "sklearn.linear_model.SGDClassifier"),
    ("churn", 0.83, "xgboost.XGBClassifier"),
    ("demand", 0.66, "lightgbm"),
)
GRID: list[dict[str, Any]] = [
    {"alpha": alpha, "eta0": eta0, "loss": loss}
    for alpha in (0.0001, 0.001, 0.01)
    for eta0 in (0.01, 0.1)
    for loss in ("log_loss", "hinge")
]
EPOCHS = 8
HOUR = 3600.0
WHOLE = 4  # of the newest runs of a model: with every trial
METRIC = "roc_auc"


def fill(store: Any, runs: int) -> None:
    """Write what so many runs leave."""
    for number, (model, start, estimator) in enumerate(MODELS):
        chance = random.Random(number)
        count = runs // len(MODELS) + (number < runs % len(MODELS))
        _model(store, model, start, estimator, count, chance)


def _model(store: Any, model: str, start: float, estimator: str, count: int, chance: random.Random) -> None:
    from handlers.runs.champion import history_key, pointer_key
    from handlers.storage import write_json

    best, champion, now = 0.0, dict[str, Any](), time.time()
    for i in range(count):
        run, at = f"retrain-{model}-{1760000000 + i * 1000}", now - (count - i) * 6 * HOUR + 40 * 60
        value = start + 0.12 * (1 - math.exp(-4 * i / max(1, count))) + chance.gauss(0, 0.008)
        outcome = "promoted" if value > best + 0.006 else "failed" if chance.random() < 0.05 else "refused"
        reason = _reason(outcome, value, best)
        verdict = None if outcome == "failed" else _verdict(model, run, at, value, best, outcome, reason, champion, chance)
        if outcome == "promoted" and verdict is not None:
            best = value
            champion = _champion(model, run, at, verdict, champion.get("number", 0) + 1, estimator)
            write_json(store, history_key(model, champion["number"]), champion)
        for name, document in _documents(model, run, at, outcome, reason, verdict).items():
            if document is not None:
                write_json(store, f"runs/{model}/{run}/{name}.json", document)
        if verdict is not None and i >= count - WHOLE:
            for trial in verdict["trials"]:
                _trial(store, model, run, trial, chance)
    if champion:
        write_json(store, pointer_key(model), champion)


def _reason(outcome: str, value: float, best: float) -> str:
    if outcome == "failed":
        return "train failed: trial 0d0e3128d9f8060a: incoming/2026-03.csv: row 1,204: column distance is 'n/a', accepted: a number"
    if not best:
        return f"first champion: {METRIC} {value:.4f} on test meets the threshold (at least 0.55)"
    return f"{METRIC} {value:.4f} against the champion's {best:.4f} on the same 12,400 rows: better by {value - best:.4f}"


def _around(value: float, wide: float = 0.02) -> dict[str, Any]:
    return {"value": value, "low": value - wide, "high": value + wide, "rows": 12400, "clusters": 14, "confidence": 0.95, "se": wide / 2}


def _verdict(
    model: str,
    run: str,
    at: float,
    value: float,
    best: float,
    outcome: str,
    reason: str,
    champion: dict[str, Any] | None,
    chance: random.Random,
) -> dict[str, Any]:
    from handlers.storage import digest

    def compared(challenger: float, other: float) -> dict[str, Any]:
        found = {"challenger": _around(challenger)}
        return found | ({"champion": _around(other), "difference": _around(challenger - other, 0.006)} if champion else {})

    trials: list[dict[str, Any]] = []
    for i, params in enumerate(GRID):
        score = value - 0.03 * abs(math.log10(params["alpha"]) + 3) - 0.02 * (params["eta0"] > 0.05) + chance.gauss(0, 0.004)
        trials.append({"trial": digest([run, i]), "params": params, "value": score})
    winner = max(trials, key=lambda trial: trial["value"])
    slices = [
        {"column": "carrier", "value": name, "rows": 900 + 37 * i, **compared(value - 0.01 * i, best - 0.012 * i)}
        for i, name in enumerate(("AA", "B6", "DL", "UA", "WN"))
    ]
    return {
        "model": model,
        "run": run,
        "at": at,
        "decision": outcome,
        "reason": reason,
        "metric": METRIC,
        "select_by": METRIC,
        "rows": 12400,
        "compared": "12,400 rows of 14 test days",
        "dataset": "503487120a6b5587",
        "digest": "02823163021f1224",
        "metrics": {METRIC: compared(value, best), "log_loss": compared(0.58 - value / 10, 0.58 - best / 10)},
        "baseline": {"name": "majority", "values": {METRIC: 0.5, "log_loss": 0.6931}},
        "gate": {"metric": METRIC, "at_least": 0.55, "at_most": None, "improve_by": 0.002, "confidence": 0.9, "all_trials": False},
        "slices": slices,
        "classes": [],
        "evaluations": {},
        "trials": trials,
        "data": {},
        "checks": [],
        "winner": {"trial": winner["trial"], "params": winner["params"], "valid": winner["value"]},
    }


def _champion(model: str, run: str, at: float, verdict: dict[str, Any], number: int, estimator: str) -> dict[str, Any]:
    metrics = {name: found["challenger"] for name, found in verdict["metrics"].items()}
    winner = verdict["winner"]
    return {
        "model": model,
        "number": number,
        "predecessor": number - 1 or None,
        "kind": "promotion",
        "run": run,
        "at": at,
        "trial": winner["trial"],
        "params": winner["params"],
        "metric": METRIC,
        "metrics": metrics,
        "test": metrics[METRIC],
        "reason": verdict["reason"],
        "estimator": estimator,
        "dataset": verdict["dataset"],
        "learned": {"first": "2026-01-01", "last": "2026-03-31", "rows": 184_000 + 900 * number},
    }


def _documents(model: str, run: str, at: float, outcome: str, reason: str, verdict: dict[str, Any] | None) -> dict[str, Any]:
    from handlers.storage import digest

    known = digest(run) * 2
    context = {
        "id": known,
        "source": "bucket",
        "subject": "put",
        "type": "minio",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at - 900)),
    }
    event = {"model": model, "key": f"incoming/{model}/{run[-6:]}.csv", "reason": "upload", "source": "bucket", "etag": known}
    spec = {"evaluate": {"select_by": METRIC}, "model": {"params": {}}, "search": {"grid": {}}, "features": {}, "data": {}}
    request = {
        "model": model,
        "run": run,
        "at": at - 900,
        "decision": "train",
        "reason": "new data",
        "event": event,
        "context": context,
        "spec": spec,
    }
    result = {"model": model, "run": run, "at": at, "outcome": outcome, "reason": reason}
    return {"request": request, "verdict": verdict, "result": result}


def _trial(store: Any, model: str, run: str, trial: dict[str, Any], chance: random.Random) -> None:
    from handlers.runs import trials
    from handlers.storage import write_json

    lines = []
    for epoch in range(1, EPOCHS + 1):
        value = trial["value"] - 0.12 * math.exp(-0.7 * epoch) + chance.gauss(0, 0.001)
        scores = {METRIC: value, "log_loss": 0.7 - value / 5}
        lines.append(
            {"epoch": epoch, "rows": 184_000 * epoch, "seconds": 4.1, "valid": scores, "train": {METRIC: value + 0.02}, "best": True}
        )
    folder = trials.folder(model, trial["trial"])
    write_json(store, f"{folder}/request.json", {"model": model, "trial": trial["trial"], "run": run, "params": trial["params"]})
    trials.publish_curve(store, model, trial["trial"], lines)
    more = {"epochs": EPOCHS, "epoch": EPOCHS, "stopped": None, "seconds": round(chance.uniform(20, 60), 1), "rows": 184_000 * EPOCHS}
    write_json(store, f"{folder}/result.json", {"trial": trial["trial"], "params": trial["params"], "valid": lines[-1]["valid"], **more})


# ------------------------------------------------------------------------------------------------ times


def pages(store: Any) -> tuple[dict[str, str], list[str]]:
    """A page of each kind, and the pages of runs that nobody has asked for."""
    model = MODELS[0][0]
    names = sorted(info.key.split("/")[2] for info in store.list(f"runs/{model}/") if info.key.endswith("/verdict.json"))
    once = [f"/runs/{model}/{name}" for name in names[: len(names) // 2 : max(1, len(names) // 40)]]
    again = {
        "overview": "/",
        "runs": "/runs",
        "events": "/events",
        "queue": "/queue",
        "model": f"/models/{model}",
        "run": f"/runs/{model}/{names[-1]}",
        "trials": f"/runs/{model}/{names[-1]}/trials",
    }
    return again, once


def asked(client: Any, path: str) -> float:
    began = time.perf_counter()
    client.get(path).read()
    return (time.perf_counter() - began) * 1000


def times(address: str, store: Any, rounds: int) -> dict[str, Any]:
    import httpx

    again, once = pages(store)
    with httpx.Client(base_url=address, timeout=120) as client:
        first = asked(client, "/")
        for path in again.values():
            asked(client, path)
        measured: dict[str, list[float]] = {name: [] for name in (*again, "floor", "run, asked for the first time")}
        for number in range(rounds):  # in turns, so that what else the machine does meets all of them
            measured["floor"].append(asked(client, "/nothing"))
            for name, path in again.items():
                measured[name].append(asked(client, path))
            measured["run, asked for the first time"].append(asked(client, once[number % len(once)]))
    floor = statistics.median(measured["floor"])
    found = {}
    for name, all_of in measured.items():
        median = statistics.median(all_of)
        found[name] = {"median_ms": round(median, 1), "worst_ms": round(max(all_of), 1), "times_the_floor": round(median / floor, 1)}
    return {"first_page_ms": round(first, 1), "pages": found}


def pictures(address: str, store: Any, to: Path) -> None:
    """The pages' pictures for the docs."""
    from tests import browser

    again, _ = pages(store)
    with browser.launched() as chromium:
        for name, wide, scheme in _pictures():
            with browser.page(chromium, wide, scheme) as opened:
                opened.goto(address + again[name])
                opened.screenshot(path=to / f"page-{name}{'-phone' if wide < 500 else ''}.png")


def _pictures() -> Iterator[tuple[str, int, Any]]:
    yield "overview", 1280, "light"
    yield "run", 1280, "light"
    yield "trials", 1280, "dark"
    yield "model", 1280, "light"
    yield "model", 360, "dark"


def main() -> None:
    from handlers.storage import open_store
    from localargo.bucket.seaweedfs import SeaweedFS
    from retrain.page import serve
    from tests.unit.retrain.page.written import served

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/page.json")
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'src'}"
    with tempfile.TemporaryDirectory() as temporary:
        server = SeaweedFS(Path(temporary), "models", "RETRAIN_BUCKET")
        environment = asyncio.run(server.start())
        os.environ.update(environment)
        try:
            store = open_store()
            fill(store, given.runs)
            with served(serve.site(None, environment, "s3://models")) as address:
                if given.pictures:
                    pictures(address, store, given.pictures)
                    return
                found = {"runs": given.runs, "rounds": given.rounds, **times(address, store, given.rounds)}
        finally:
            asyncio.run(server.stop())
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
