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
from handlers.models import scikit_learn
from handlers.models.model_file import dump, finite, load, state_digest
from handlers.models.scikit_learn import ScikitLearn
from tests.handlers.models.making import batch, made

SMALL: dict[str, dict[str, Any]] = {
    "MLP": {"hidden_layer_sizes": [8]},
    "Hist": {"max_iter": 5},
    "Rand": {"n_estimators": 3},
    "Extr": {"n_estimators": 3},
}
KINDS = {found.path: found for found in scikit_learn.KINDS}
CASES = [(path, task) for path, found in KINDS.items() for task in found.tasks[:1]]


def learned(path: str, task: str, seed: int = 0, rounds: int = 3) -> ScikitLearn:
    random = np.random.default_rng(7)
    X = random.normal(size=(150, 5))
    y = X[:, 0] if task == "regression" else (X[:, 0] > 0).astype(float)
    found = KINDS[path]
    params = SMALL.get(found.name[:3], SMALL.get(found.name[:4], {}))
    model = made(path, task, params, seed=seed, memory="stream" if found.streams else "whole")
    assert isinstance(model, ScikitLearn)
    for _ in range(rounds):
        model.learn(batch(X, y))
    return model


@pytest.mark.parametrize(("path", "task"), CASES)
def test_a_saved_model_is_the_same_model(path: str, task: str) -> None:
    model = learned(path, task)
    again = load(dump(model.made), KINDS[path], "here")
    assert state_digest(again) == model.digest()
    assert learned(path, task).digest() == model.digest()


@pytest.mark.parametrize(("path", "task"), [(p, t) for p, t in CASES if KINDS[p].streams])
def test_learning_on_after_loading_equals_learning_on(path: str, task: str) -> None:
    random = np.random.default_rng(9)
    more = random.normal(size=(64, 5))
    y = more[:, 1] if task == "regression" else (more[:, 1] > 0).astype(float)
    straight, paused = learned(path, task), learned(path, task)
    before = paused.digest()
    paused.made = load(dump(paused.made), KINDS[path], "here")
    for model in (straight, paused):
        model.learn(batch(more, y))
    assert paused.digest() == straight.digest() != before


def test_another_seed_is_another_model() -> None:
    path = "sklearn.neural_network.MLPClassifier"
    assert learned(path, "binary", seed=1).digest() != learned(path, "binary", seed=2).digest()


def test_one_changed_number_changes_the_digest() -> None:
    model = learned("sklearn.linear_model.SGDClassifier", "binary").made
    before = state_digest(model)
    model.coef_[0, 0] = np.nextafter(model.coef_[0, 0], 9.0)
    assert state_digest(model) != before


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
    whole = dump(learned("sklearn.linear_model.SGDClassifier", "binary").made)
    for cut in (10, len(whole) // 2, len(whole) - 5):
        with pytest.raises(BadData):
            load(io.BytesIO(whole).read(cut), KINDS["sklearn.linear_model.SGDClassifier"], "x")


def test_another_estimator_is_refused() -> None:
    with pytest.raises(BadData, match="contains SGDRegressor, but the trial's estimator is SGDClassifier"):
        load(dump(SGDRegressor()), KINDS["sklearn.linear_model.SGDClassifier"], "x")


def test_numbers_that_left_the_finite_are_seen() -> None:
    model = learned("sklearn.linear_model.SGDClassifier", "binary").made
    assert finite(model)
    model.coef_[0, 1] = np.inf
    assert not finite(model)
    deep = learned("sklearn.neural_network.MLPClassifier", "binary").made
    assert finite(deep)
    deep.coefs_[0][0, 0] = np.nan
    assert not finite(deep)
