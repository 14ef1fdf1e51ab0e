"""The allow-list: what is made, what is refused and in which words, and what every estimator answers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from handlers.contracts import BadData, BadSpec
from handlers.models.estimators import KINDS, Learner, accepts_weight, kind, learner, make, needs_probability

SGD = "sklearn.linear_model.SGDClassifier"
SMALL: dict[str, dict[str, Any]] = {
    "SGDClassifier": {"loss": "log_loss"},
    "MLPClassifier": {"hidden_layer_sizes": [8], "learning_rate_init": 0.1},
    "MLPRegressor": {"hidden_layer_sizes": [8], "learning_rate_init": 0.1},
    **{name: {"max_iter": 5} for name in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")},
    **{
        name: {"n_estimators": 5}
        for name in ("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor")
    },
}


def rows(task: str, size: int = 200) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    X = random.normal(size=(size, 6))
    if task == "regression":
        return sparse.csr_matrix(X), X[:, 0] + 0.1 * random.normal(size=size)
    return sparse.csr_matrix(X), (np.digitize(X[:, 0], [-0.5, 0.5]) if task == "multiclass" else (X[:, 0] > 0)).astype(float)


def trained(path: str, task: str) -> tuple[Learner, Any, Any]:
    found = KINDS[path]
    memory = "stream" if found.streams else "whole"
    classes = {"binary": 2, "multiclass": 3, "regression": 0}[task]
    made = learner(path, task, SMALL.get(found.name, {}), seed=1, classes=classes, memory=memory)
    X, y = rows(task)
    weight = np.ones(len(y)) if accepts_weight(made.estimator) else None
    if found.streams:
        for _ in range(20):
            made.learn(X, y, weight)
    else:
        made.fit(X, y, weight)
    return made, X, y


@pytest.mark.parametrize(("path", "task"), [(path, task) for path, found in KINDS.items() for task in found.tasks])
def test_every_estimator_learns_and_answers(path: str, task: str) -> None:
    made, X, y = trained(path, task)
    score, what = made.predict(X)
    if task == "regression":
        assert what == "value"
        assert np.corrcoef(score, y)[0, 1] > 0.8
    elif task == "multiclass":
        assert score.shape == (200, 3)
        assert (score.argmax(axis=1) == y).mean() > 0.5
    else:
        assert score.shape == (200,)
        assert (((score > (0.5 if what == "probability" else 0.0)) == y).mean()) > 0.8
    assert (what == "decision") == (made.kind.name == "Perceptron")


def test_a_class_that_the_rows_lack_keeps_its_column() -> None:
    X, y = rows("multiclass")
    kept = y != 1
    made = learner("sklearn.ensemble.RandomForestClassifier", "multiclass", {"n_estimators": 3}, seed=0, classes=3, memory="whole")
    made.fit(X[kept], y[kept], None)
    score, _ = made.predict(X)
    assert score.shape == (200, 3)
    assert (score[:, 1] == 0).all()


@pytest.mark.parametrize(
    ("path", "task", "memory", "said"),
    [
        ("sklearn.linear_model.SGDClasifier", "binary", "stream", "did you mean 'sklearn.linear_model.SGDClassifier'?"),
        ("sklearn.linear_models.SGDClassifier", "binary", "stream", "did you mean 'sklearn.linear_model.SGDClassifier'?"),
        ("SGDRegressor", "regression", "stream", "did you mean 'sklearn.linear_model.SGDRegressor'?"),
        ("os.system", "binary", "stream", "accepted: sklearn.linear_model.SGDClassifier, "),
        ("sklearn.linear_model.PassiveAggressiveClassifier", "binary", "stream", "learning_rate: pa1"),
        (SGD, "regression", "stream", "does not support task 'regression'; accepted: sklearn.linear_model.SGDRegressor"),
        ("sklearn.ensemble.RandomForestClassifier", "binary", "stream", "set `memory: whole`"),
    ],
)
def test_an_estimator_that_will_not_do_is_refused_with_the_way_out(path: str, task: str, memory: str, said: str) -> None:
    with pytest.raises(BadSpec, match="^model.*" + re.escape(said)):
        kind(path, task, memory)


@pytest.mark.parametrize(
    ("path", "params", "memory", "said"),
    [
        (SGD, {"alfa": 1}, "stream", "model.params.alfa: .* has no such parameter; did you mean 'alpha'?"),
        (SGD, {"zzz": 1}, "stream", "accepted: .*loss"),
        (SGD, {"alpha": -1.0}, "stream", "model.params: The 'alpha' parameter"),
        (SGD, {"loss": "log"}, "stream", "model.params: The 'loss' parameter"),
        (SGD, {"random_state": 1}, "stream", "model.params.random_state: not accepted here; use model.seed"),
        (SGD, {"max_iter": 9}, "stream", "use training.epochs instead"),
        (SGD, {"n_jobs": 9}, "whole", "resources.train.cpu"),
        (SGD, {"class_weight": "balanced"}, "stream", "data.weight"),
        (SGD, {"class_weight": {"0": 1}}, "whole", "data.weight"),
        ("sklearn.neural_network.MLPClassifier", {"solver": "lbfgs"}, "stream", "cannot learn from batches"),
    ],
)
def test_a_wrong_parameter_is_named(path: str, params: dict[str, Any], memory: str, said: str) -> None:
    with pytest.raises(BadSpec, match=said):
        make(path, "binary", params, seed=0, memory=memory)


def test_whole_estimators_may_be_told_how_long_to_iterate() -> None:
    assert make(SGD, "binary", {"max_iter": 9, "class_weight": "balanced"}, seed=3, memory="whole").get_params()["random_state"] == 3


def test_a_forest_uses_the_cores_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert make("sklearn.ensemble.RandomForestClassifier", "binary", {}, seed=0, memory="whole").n_jobs == 2


def test_a_metric_of_probabilities_needs_an_estimator_that_gives_them() -> None:
    needs_probability(make(SGD, "binary", {"loss": "log_loss"}, seed=0), "log_loss")
    with pytest.raises(BadSpec, match=r"'brier' needs probabilities.*loss: log_loss gives them"):
        needs_probability(make(SGD, "binary", {}, seed=0), "brier")
    with pytest.raises(BadSpec, match="Perceptron with these parameters does not give"):
        needs_probability(make("sklearn.linear_model.Perceptron", "binary", {}, seed=0), "log_loss")


def test_a_missing_value_names_the_key_that_fills_it() -> None:
    X, y = rows("binary")
    gaps = X.toarray()
    gaps[3, 1] = np.nan
    with pytest.raises(
        BadSpec, match=r"features: a value is missing, which SGDClassifier does not accept; set `missing: mean.*HistGradientBoosting"
    ):
        learner(SGD, "binary", {}, seed=0, classes=2).learn(gaps, y, None)
    takes = learner("sklearn.ensemble.HistGradientBoostingClassifier", "binary", {"max_iter": 3}, seed=0, classes=2, memory="whole")
    takes.fit(gaps, y, None)
    assert len(takes.predict(gaps)[0]) == 200


def test_what_an_estimator_cannot_learn_from_is_bad_data() -> None:
    X, _ = rows("binary")
    with pytest.raises(BadData, match="LogisticRegression: This solver needs samples of at least 2 classes"):
        learner("sklearn.linear_model.LogisticRegression", "binary", {}, seed=0, classes=2, memory="whole").fit(X, np.zeros(200), None)
    with pytest.raises(BadData, match="scale: standard"):
        learner("sklearn.linear_model.SGDRegressor", "regression", {}, seed=0, classes=0).learn(X * 1e200, np.ones(200), None)
