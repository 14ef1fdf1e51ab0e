"""Reports of made-up runs, one of each task, from real figures of made-up predictions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from handlers.data import statistics
from handlers.explore import profile
from handlers.metrics.bootstrap import interval
from handlers.metrics.metrics import metric
from handlers.metrics.per_class import per_class
from handlers.metrics.pictures import pictures
from handlers.metrics.predictions import Predictions
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import parse
from handlers.report import drift
from handlers.report.facts import Facts

METRICS = {
    "binary": ("roc_auc", "log_loss", "average_precision"),
    "multiclass": ("log_loss", "accuracy", "f1_macro"),
    "regression": ("rmse", "mae", "r2"),
    "ranking": ("ndcg@3", "mean_rank", "mrr"),
}
CLASSES = ["early", "on time", "late", "very late"]
ROWS = 600


def spec(task: str) -> dict[str, Any]:
    """A spec of the task, as the envelope that is read."""
    target: dict[str, Any] = {"column": "late"}
    if task == "binary":
        target |= {"classes": ["in time", "late"], "positive": "late"}
    if task == "multiclass":
        target["classes"] = CLASSES
    kind = "string" if "classes" in target else "float"
    columns = {"day": "date", "carrier": "string", "distance": "float", "late": kind}
    data: dict[str, Any] = {
        "sources": {"incoming": {"prefix": "incoming/late/", "format": "csv", "columns": columns}},
        "target": target,
        "split": {"by": "time", "column": "day", "valid": "6d", "test": "6d"},
        **({"group": "carrier"} if task == "ranking" else {}),
    }
    estimator = "SGDClassifier" if "classes" in target else "SGDRegressor"
    return {
        "task": task,
        "data": data,
        "features": {"carrier": {"type": "category"}, "distance": {"type": "number"}},
        "model": {"estimator": f"sklearn.linear_model.{estimator}"},
        "evaluate": {"select_by": METRICS[task][0]},
    }


def predictions(task: str, skill: float) -> Predictions:
    """The better the skill, the nearer to the truth."""
    random = np.random.default_rng(7)
    told = random.normal(size=ROWS)
    number = skill * told + random.normal(size=ROWS) * 0.6
    weight, cluster = np.ones(ROWS), np.arange(ROWS) // 10
    if task == "binary":
        return Predictions((number > 0.5).astype(float), 1 / (1 + np.exp(-told)), weight, cluster, "probability", threshold=0.6)
    if task == "multiclass":
        scores = np.exp(-((told[:, None] - np.asarray([-1.2, -0.3, 0.5, 1.4])) ** 2))
        truth = np.digitize(number, [-0.8, 0.1, 1.0])
        return Predictions(truth, scores / scores.sum(axis=1, keepdims=True), weight, cluster, "probability")
    if task == "regression":
        return Predictions(20 + 30 * number, 20 + 30 * skill * told, weight, cluster, "value")
    return Predictions((number > 1).astype(float), told, weight, cluster, "value")


def envelope(task: str) -> ModelSpec:
    """The spec of the task, read."""
    return parse(json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": spec(task)}))


def of_task(task: str, trials: int = 12, text: str = "first") -> Facts:
    """The facts of a run that promoted the second champion. `text` stands wherever a user's text can."""
    read, names = envelope(task), METRICS[task]
    models = {"challenger": predictions(task, 1.0), "champion": predictions(task, 0.7)}
    judged = {model: {name: interval(metric(task, name), found).to_json() for name in names} for model, found in models.items()}
    verdict = _verdict(task, read, models, judged, text)
    points = [(0.0, 0.0), (0.1, 0.5), (0.4, 0.9), (1.0, 1.0)]
    return Facts(
        model="late",
        run="retrain-late-20130301t000000",
        status="Succeeded",
        outcome="promoted",
        reason=f"{names[0]} is better on the same {ROWS} rows m=+44.31 {text}",
        verdict=verdict,
        trials=[_trial(n, names, judged, text) for n in range(trials)],
        roc={"challenger": points, "champion": points[:2] + points[3:]} if task == "binary" else {},
        pictures={model: pictures(read, found) for model, found in models.items()},
        importance={
            "metric": names[0],
            "rows": 300,
            "features": [{"feature": text, "loss": 0.2, "spread": 0.01}, {"feature": "distance", "loss": -0.01, "spread": 0.01}],
        },
        card=[("predicts", f"late ({task})"), ("estimator", read.model.estimator)],
        columns=columns(text),
        columns_against="Drift is told against champion 1.",
        history=[_champion(n, names[0], judged["champion"][names[0]], text) for n in (1, 2)],
        chain=[("event", f"an upload at 2013-03-01 00:00:00 +0000 UTC m=+44.310000000: {text}"), ("verdict", "promoted")],
        data=[("objects", text), ("dataset", "39710a7fa54eaa63")],
        failures=[{"displayName": text, "phase": "Failed", "message": text}],
        made=[("packages", "numpy==2.4.6, scikit-learn==1.9.1")],
        again=[("retrain why retrain-late-20130301t000000", "every step from the event to the champion")],
        spec="task: binary\n" * 30,
        select_by=names[0],
        champion_trial="t1",
        at="2013-03-01 00:00:00 UTC",
    )


def _verdict(task: str, read: ModelSpec, models: dict[str, Predictions], judged: dict[str, Any], text: str) -> dict[str, Any]:
    names = METRICS[task]
    metrics = {name: {model: judged[model][name] for model in models} | {"difference": judged["challenger"][name]} for name in names}
    return {
        "metric": names[0],
        "winner": {"trial": "t0", "params": {"alpha": 0.0001}},
        "gate": {"at_least": 0.3} if task == "binary" else {"at_most": 3},
        "metrics": metrics,
        "champion": {"number": 1},
        "baseline": {"name": "majority", "values": dict.fromkeys(names, 0.5)},
        "classes": per_class(read, models["challenger"], models["champion"]),
        "slices": [
            {"column": "carrier", "value": text, "rows": 40, "challenger": judged["challenger"][names[0]]},
            {"column": "carrier", "value": "BB", "rows": 30, "challenger": judged["champion"][names[0]]},
        ],
        "compared": f"{ROWS} rows of 6 test days",
        **({"threshold": {"value": 0.6, "rule": {"maximise": "f1"}}} if task == "binary" else {}),
    }


def _trial(n: int, names: tuple[str, ...], judged: dict[str, Any], text: str) -> dict[str, Any]:
    value = 0.9 - n / 100
    lines = [{"epoch": e, "valid": {names[0]: value - 0.1 / e}, "train": {names[0]: value - 0.05 / e}} for e in range(1, 9)]
    params = {"alpha": 10.0 ** -(n % 5), "penalty": text if n % 2 else "l1", "eta0": 0.01 * (n % 3), "average": n % 2 == 0}
    valid = {name: {**judged["challenger"][name], "value": value} for name in names}
    return {"trial": f"t{n}", "params": params, "value": value, "valid": valid, "epochs": 8, "seconds": 3.2, "curve": lines}


def _champion(number: int, name: str, test: dict[str, Any], text: str) -> dict[str, Any]:
    run = "retrain-late-20130301t000000" if number == 2 else "retrain-late-20130201t000000"
    return {"number": number, "at": 1.36e9 + number, "trial": f"t{2 - number}", "metric": name, "test": test, "run": run, "reason": text}


def columns(text: str) -> list[dict[str, Any]]:
    """A category that has not moved, and a number that has moved far."""
    import pyarrow as pa

    random = np.random.default_rng(0)
    carriers = pa.table({"carrier": ["AA", text, "CC"] * 100})
    tables = [carriers.append_column("distance", pa.array(random.normal(at, 300, 300))) for at in (1000, 1600)]
    before, now = (statistics.of_table(table, table.column_names) for table in tables)
    kinds = {"carrier": "string", "distance": "float"}
    return [{"profile": profile.column(name, kinds[name], now[name]), "index": drift.index(before[name], now[name])} for name in kinds]
