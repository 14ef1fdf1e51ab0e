"""python -m benchmarks.tpe [--seeds 10] [--rounds 5] [--trials 8] [--out benchmarks/results/tpe.json]

`sampler: tpe` beside random draws with as many trials, on two data sets: flights of the demo (a linear model, roc_auc on later days) and
scikit-learn's digits (a network, log_loss). What the rounds ask for is decided by the code that decides it in a run; the trials are trained
here, on rows that are held in memory. Prints the median over the seeds of the best metric on valid. TPE is to be better on both. A target
that is missed is said, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import statistics
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from handlers.modelspec import yaml12
from handlers.modelspec.grid import expand
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import parse
from handlers.runs.next_round import following
from handlers.runs.rounds import Result
from retrain.demo.flights import months

ROOT = Path(__file__).parents[1]
Train = Callable[[Mapping[str, Any]], float]
SPACES: dict[str, dict[str, Any]] = {
    "flights": {
        "alpha": {"log_uniform": [1e-7, 1e-1]},
        "l1_ratio": {"uniform": [0, 1]},
        "eta0": {"log_uniform": [1e-4, 1]},
        "learning_rate": {"choice": ["constant", "invscaling", "adaptive", "optimal"]},
        "power_t": {"uniform": [0.1, 0.9]},
    },
    "digits": {
        "alpha": {"log_uniform": [1e-7, 10]},
        "learning_rate_init": {"log_uniform": [1e-5, 1]},
        "hidden_layer_sizes": {"int": [2, 64]},
        "beta_1": {"uniform": [0.5, 0.99]},
        "batch_size": {"int": [16, 256]},
    },
}
METRICS = {"flights": "roc_auc", "digits": "log_loss"}


def flights() -> Train:
    """The rows of a winter, every third one: January and February to learn, March to judge."""
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.preprocessing import OneHotEncoder

    rows: dict[int, tuple[list[Any], list[bool]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(months(Path(folder), 3), 1):
            with path.open(encoding="utf-8") as file:
                kept = [row for n, row in enumerate(csv.DictReader(file)) if n % 3 == 0 and row["arr_delay"] != "NA"]
            rows[number] = ([[row["hour"], row["carrier"], row["dest"]] for row in kept], [float(row["arr_delay"]) > 15 for row in kept])
    encoder = OneHotEncoder(handle_unknown="ignore").fit(rows[1][0] + rows[2][0])
    X, y = encoder.transform(rows[1][0] + rows[2][0]), rows[1][1] + rows[2][1]
    judged, truth = encoder.transform(rows[3][0]), rows[3][1]

    def train(params: Mapping[str, Any]) -> float:
        made = SGDClassifier(loss="log_loss", penalty="elasticnet", max_iter=2, tol=None, random_state=0, **params).fit(X, y)
        return float(roc_auc_score(truth, made.decision_function(judged)))

    return train


def digits() -> Train:
    """Two thirds to learn, one third to judge."""
    from sklearn.datasets import load_digits
    from sklearn.metrics import log_loss
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    data, target = load_digits(return_X_y=True)
    X, judged, y, truth = train_test_split(data / 16.0, target, test_size=0.33, random_state=0)

    def train(params: Mapping[str, Any]) -> float:
        made = MLPClassifier(max_iter=6, random_state=0, **params).fit(X, y)
        return float(log_loss(truth, made.predict_proba(judged), labels=range(10)))

    return train


def spec(search: Mapping[str, Any], metric: str) -> ModelSpec:
    tree: Any = yaml12.load((ROOT / "models" / "flight-delay.yaml").read_text(encoding="utf-8"))
    tree["spec"] |= {"search": search, "evaluate": {"select_by": metric}, "promote": {}}
    return parse(json.dumps(tree))


def searched(asked: ModelSpec, train: Train) -> float:
    """The best metric on valid of all trials that the search asks for."""
    metric = asked.evaluate.select_by
    rounds: list[list[Result]] = []
    items: list[dict[str, Any]] = [{"id": trial.id, "params": trial.params} for trial in expand(asked)]
    while items:
        rounds.append([Result(item, item["id"], {metric: train(item["params"])}) for item in items])
        items = following(asked, len(rounds), rounds)[0] if asked.search.until else []
    values = [value for found in rounds for result in found if (value := result.value(metric)) is not None]
    return min(values) if metric == "log_loss" else max(values)


def compared(name: str, train: Train, seeds: int, rounds: int, trials: int) -> dict[str, Any]:
    metric, space = METRICS[name], SPACES[name]
    found: dict[str, list[float]] = {"random": [], "tpe": []}
    for seed in range(seeds):
        drawn = {"space": space, "random": {"n": rounds * trials, "seed": seed}}
        found["random"].append(searched(spec(drawn, metric), train))
        rounded = {"space": space, "random": {"n": trials, "seed": seed}, "until": {"rounds": rounds}, "sampler": "tpe"}
        found["tpe"].append(searched(spec(rounded, metric), train))
    medians = {sampler: statistics.median(values) for sampler, values in found.items()}
    lower = metric == "log_loss"
    won = sum((tpe < random) if lower else (tpe > random) for tpe, random in zip(found["tpe"], found["random"], strict=True))
    better = medians["tpe"] < medians["random"] if lower else medians["tpe"] > medians["random"]
    print(f"{name}: {metric} {medians['tpe']:.5f} by tpe, {medians['random']:.5f} at random; tpe won {won} of {seeds} seeds", flush=True)
    return {"metric": metric, "median": medians, "tpe_is_better": better, "seeds_won": won, "best": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name, default in (("seeds", 10), ("rounds", 5), ("trials", 8)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    found: dict[str, Any] = {"python": platform.python_version(), "seeds": given.seeds, "rounds": given.rounds, "trials": given.trials}
    for name, load in (("flights", flights), ("digits", digits)):
        found[name] = compared(name, load(), given.seeds, given.rounds, given.trials)
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if not all(found[name]["tpe_is_better"] for name in SPACES):
        print("missed: the median of tpe is to be better on both data sets")
        sys.exit(1)


if __name__ == "__main__":
    main()
