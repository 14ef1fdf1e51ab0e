"""Models without pickle: equal after saving, named by what they learned, refused when they hold anything else."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.pipeline import FunctionTransformer
from skops import io as skops_io

from handlers.contracts import BadData
from handlers.models.estimators import KINDS, learner
from handlers.models.model_file import dump, finite, load, state_digest

SMALL: dict[str, dict[str, Any]] = {
    "MLP": {"hidden_layer_sizes": [8]},
    "Hist": {"max_iter": 5},
    "Rand": {"n_estimators": 3},
    "Extr": {"n_estimators": 3},
}
CASES = [(path, task) for path, found in KINDS.items() for task in found.tasks[:1]]


def learned(path: str, task: str, seed: int = 0, rounds: int = 3) -> Any:
    random = np.random.default_rng(7)
    X = random.normal(size=(150, 5))
    y = X[:, 0] if task == "regression" else (X[:, 0] > 0).astype(float)
    found = KINDS[path]
    params = SMALL.get(found.name[:3], SMALL.get(found.name[:4], {}))
    made = learner(path, task, params, seed=seed, classes=2, memory="stream" if found.streams else "whole")
    for _ in range(rounds):
        (made.learn if found.streams else made.fit)(X, y, None)
    return made


@pytest.mark.parametrize(("path", "task"), CASES)
def test_a_saved_model_is_the_same_model(path: str, task: str) -> None:
    made = learned(path, task)
    again = load(dump(made.estimator), KINDS[path], "here")
    assert state_digest(again) == state_digest(made.estimator)
    assert state_digest(learned(path, task).estimator) == state_digest(made.estimator)


@pytest.mark.parametrize(("path", "task"), [(p, t) for p, t in CASES if KINDS[p].streams])
def test_learning_on_after_loading_equals_learning_on(path: str, task: str) -> None:
    random = np.random.default_rng(9)
    more = random.normal(size=(64, 5))
    y = more[:, 1] if task == "regression" else (more[:, 1] > 0).astype(float)
    straight, paused = learned(path, task), learned(path, task)
    before = state_digest(paused.estimator)
    paused.estimator = load(dump(paused.estimator), KINDS[path], "here")
    for made in (straight, paused):
        made.learn(more, y, None)
    assert state_digest(paused.estimator) == state_digest(straight.estimator) != before


def test_another_seed_is_another_model() -> None:
    path = "sklearn.neural_network.MLPClassifier"
    assert state_digest(learned(path, "binary", seed=1).estimator) != state_digest(learned(path, "binary", seed=2).estimator)


def test_one_changed_number_changes_the_digest() -> None:
    made = learned("sklearn.linear_model.SGDClassifier", "binary").estimator
    before = state_digest(made)
    made.coef_[0, 0] = np.nextafter(made.coef_[0, 0], 9.0)
    assert state_digest(made) != before


def test_types_that_the_estimator_has_no_business_with_are_not_loaded(tmp_path: Path) -> None:
    hostile = SGDClassifier()
    hostile.extra_ = FunctionTransformer(func=Path.unlink)
    with pytest.raises(BadData, match=r"models/x: the model file contains types that SGDClassifier does not need: .*unlink"):
        load(skops_io.dumps(hostile), KINDS["sklearn.linear_model.SGDClassifier"], "models/x")


@pytest.mark.parametrize("data", [b"", b"not a zip", pickle.dumps({"a": 1})])
def test_a_damaged_file_is_bad_data(data: bytes) -> None:
    with pytest.raises(BadData, match="models/x: not a readable model file"):
        load(data, KINDS["sklearn.linear_model.SGDClassifier"], "models/x")


def test_a_file_cut_short_is_bad_data() -> None:
    whole = dump(learned("sklearn.linear_model.SGDClassifier", "binary").estimator)
    for cut in (10, len(whole) // 2, len(whole) - 5):
        with pytest.raises(BadData):
            load(io.BytesIO(whole).read(cut), KINDS["sklearn.linear_model.SGDClassifier"], "x")


def test_another_estimator_is_refused() -> None:
    with pytest.raises(BadData, match="contains SGDRegressor, but the trial's estimator is SGDClassifier"):
        load(dump(SGDRegressor()), KINDS["sklearn.linear_model.SGDClassifier"], "x")


def test_numbers_that_left_the_finite_are_seen() -> None:
    made = learned("sklearn.linear_model.SGDClassifier", "binary").estimator
    assert finite(made)
    made.coef_[0, 1] = np.inf
    assert not finite(made)
    deep = learned("sklearn.neural_network.MLPClassifier", "binary").estimator
    assert finite(deep)
    deep.coefs_[0][0, 0] = np.nan
    assert not finite(deep)
