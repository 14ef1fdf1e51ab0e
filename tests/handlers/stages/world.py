"""A small world: a bucket in a folder, made-up days of flights, and the stages as a workflow calls them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from handlers import evaluate, fetch, grid, promote, train, transform
from handlers.storage import FolderStore, Store, read_json

SPEC: dict[str, Any] = {
    "task": "binary",
    "data": {
        "sources": {
            "incoming": {
                "prefix": "incoming/late/",
                "format": "csv",
                "columns": {"day": "date", "carrier": "string", "distance": "float", "late": "boolean"},
            },
        },
        "target": {"column": "late", "classes": [False, True], "positive": True},
        "split": {"by": "time", "column": "day", "part": "day", "gap": "1d", "valid": "6d", "test": "6d"},
    },
    "features": {"carrier": {"type": "category"}, "distance": {"type": "number", "scale": "standard"}},
    "model": {"estimator": "sklearn.linear_model.SGDClassifier", "params": {"loss": "log_loss", "average": True}, "seed": 1},
    "search": {"grid": {"alpha": [0.0001, 0.01]}},
    "training": {"epochs": 3, "batch_rows": 64, "shuffle": {"parts": 4}},
    "evaluate": {"select_by": "roc_auc", "report": ["log_loss"]},
    "promote": {"gate": {"metric": "roc_auc", "at_least": 0.55, "improve_by": 0.002, "confidence": 0.9}},
}


def changed(tree: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy of a spec with values set by dotted path (`model__seed=2`); None removes a key."""
    copy: dict[str, Any] = json.loads(json.dumps(tree))
    for path, value in changes.items():
        *way, last = path.split("__")
        here = copy
        for step in way:
            here = here.setdefault(step, {})
        if value is None:
            here.pop(last, None)
        else:
            here[last] = value
    return copy


def month(first: str, days: int, *, rows: int = 40, signal: float = 1.0, seed: int = 0) -> bytes:
    """A CSV of flights: `signal` says how much carrier and distance tell of being late."""
    random = np.random.default_rng(seed)
    lines = ["day,carrier,distance,late"]
    for n in range(days):
        day = date.fromisoformat(first) + timedelta(days=n)
        weather = random.normal() * 0.5
        for _ in range(rows):
            carrier = random.choice(["AA", "BB", "CC"])
            distance = max(50.0, random.normal(1000, 300))
            odds = weather + signal * (1.5 * (carrier == "AA") + (distance - 1000) / 300) - 0.7
            late = random.random() < 1 / (1 + np.exp(-odds))
            lines.append(f"{day},{carrier},{distance:.1f},{str(late).lower()}")
    return ("\n".join(lines) + "\n").encode()


@dataclass
class World:
    """`out` is where output parameters land; `spec` may be changed between runs."""

    folder: Path
    out: Path
    spec: dict[str, Any] = field(default_factory=lambda: changed(SPEC))
    model: str = "late"
    code: str = ""
    trained: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return FolderStore(self.folder)

    def put(self, name: str, data: bytes) -> None:
        self.store.put(f"incoming/late/{name}", data)

    def _read(self, name: str) -> str:
        return (self.out / name).read_text()

    def read_spec(self) -> str:
        text = json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": self.model}, "spec": self.spec})
        fetch.run(["spec", "--model", self.model, "--spec", text, "--code", self.code, "--spec-out", str(self.out / "spec")])
        return self._read("spec")

    def snapshot(self, run: str) -> tuple[str, str]:
        where = ["--decision-out", str(self.out / "decision"), "--snapshot-out", str(self.out / "snapshot")]
        fetch.run(["snapshot", "--model", self.model, "--spec", self.read_spec(), "--run", run, *where])
        return self._read("decision"), self._read("snapshot")

    def dataset(self, snapshot: str, run: str = "r") -> str:
        out = str(self.out / "dataset")
        transform.run(["--model", self.model, "--spec", self.read_spec(), "--snapshot", snapshot, "--run", run, "--dataset-out", out])
        return self._read("dataset")

    def trials(self, run: str = "r") -> list[dict[str, Any]]:
        grid.run(["--model", self.model, "--spec", self.read_spec(), "--run", run, "--trials-out", str(self.out / "trials")])
        found: list[dict[str, Any]] = json.loads(self._read("trials"))
        return found

    def next_trials(self, run: str, number: int, results: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The trials of a later round, and what is to be evaluated now."""
        given = ["--model", self.model, "--spec", self.read_spec(), "--run", run, "--round", str(number), "--results", json.dumps(results)]
        outputs = [word for name in ("trials", "more", "judged") for word in (f"--{name}-out", str(self.out / name))]
        grid.run(["next", *given, *outputs])
        return json.loads(self._read("trials")), json.loads(self._read("judged"))

    def train_arguments(self, dataset: str, trial: dict[str, Any], run: str) -> list[str]:
        given = ["--model", self.model, "--spec", self.read_spec(), "--dataset", dataset, "--trial", json.dumps(trial)]
        return [*given, "--run", run, "--result-out", str(self.out / "result")]

    def train(self, dataset: str, trial: dict[str, Any], run: str) -> dict[str, Any]:
        train.run(self.train_arguments(dataset, trial, run))
        found: dict[str, Any] = json.loads(self._read("result"))
        return found

    def evaluate(self, dataset: str, result: dict[str, Any] | str, run: str = "r") -> str:
        given = ["--model", self.model, "--spec", self.read_spec(), "--dataset", dataset, "--result", json.dumps(result)]
        evaluate.run([*given, "--run", run, "--scores-out", str(self.out / "scores")])
        return self._read("scores")

    def promote_arguments(self, dataset: str, scores: list[str], run: str, decision: str, status: str = "") -> list[str]:
        given = ["--model", self.model, "--spec", self.read_spec(), "--dataset", dataset, "--run", run, "--results", json.dumps(scores)]
        outputs = ["--verdict-out", str(self.out / "verdict"), "--again-out", str(self.out / "again")]
        return ["judge", *given, "--status", status, "--decision", decision, *outputs]

    def prepare(self, run: str) -> tuple[str, str, list[str]]:
        """Everything of a run up to promotion: (decision, dataset, scores)."""
        decision, snapshot = self.snapshot(run)
        if decision != "train":
            return decision, "", []
        dataset = self.dataset(snapshot, run)
        results = [self.train(dataset, trial, run) for trial in self.trials()]
        return decision, dataset, [self.evaluate(dataset, result, run) for result in results]

    def run(self, run: str) -> dict[str, Any]:
        """A whole run; its result's document."""
        decision, dataset, scores = self.prepare(run)
        promote.run(self.promote_arguments(dataset, scores, run, decision))
        return self.result(run)

    def result(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.store, f"runs/{self.model}/{run}/result.json")
        return found

    def verdict(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.store, f"runs/{self.model}/{run}/verdict.json")
        return found

    def request(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.store, f"runs/{self.model}/{run}/request.json")
        return found

    def champion(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.store, f"models/{self.model}/champion.json")
        return found

    def keys(self, prefix: str) -> list[str]:
        return [info.key for info in self.store.list(prefix)]

    def output(self, name: str) -> str:
        return self._read(name)
