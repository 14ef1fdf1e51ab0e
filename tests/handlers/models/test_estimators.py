"""The allow-list: what is made, what is refused and in which words, and what every estimator answers."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from handlers.contracts import BadData, BadSpec
from handlers.models import scikit_learn
from handlers.models.estimators import kind
from handlers.models.estimators import make as make_of
from handlers.models.kinds import Estimator
from handlers.models.scikit_learn import ScikitLearn
from handlers.modelspec.parse import parse
from tests.handlers.models.making import batch, made
from tests.handlers.stages.world import SPEC, changed

KINDS = {found.path: found for found in scikit_learn.KINDS}  # those of rounds: test_contract
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
    if task in ("regression", "ranking"):
        return sparse.csr_matrix(X), X[:, 0] + 0.1 * random.normal(size=size)
    return sparse.csr_matrix(X), (np.digitize(X[:, 0], [-0.5, 0.5]) if task == "multiclass" else (X[:, 0] > 0)).astype(float)


def trained(path: str, task: str) -> tuple[Estimator, Any, Any]:
    found = KINDS[path]
    model = made(path, task, SMALL.get(found.name, {}), seed=1, memory="stream" if found.streams else "whole")
    X, y = rows(task)
    for _ in range(20 if found.streams else 1):
        model.learn(batch(X, y, np.ones(len(y)) if model.weighs else None))
    return model, X, y


@pytest.mark.parametrize(("path", "task"), [(path, task) for path, found in KINDS.items() for task in found.tasks])
def test_every_estimator_learns_and_answers(path: str, task: str) -> None:
    model, X, y = trained(path, task)
    score, what = model.predict(X)
    if task in ("regression", "ranking"):
        assert what == "value"
        assert np.corrcoef(score, y)[0, 1] > 0.8
    elif task == "multiclass":
        assert score.shape == (200, 3)
        assert (score.argmax(axis=1) == y).mean() > 0.5
    else:
        assert score.shape == (200,)
        assert (((score > (0.5 if what == "probability" else 0.0)) == y).mean()) > 0.8
    assert (what == "decision") == (model.recipe.kind.name == "Perceptron")


def test_a_class_that_the_rows_lack_keeps_its_column() -> None:
    X, y = rows("multiclass")
    kept = y != 1
    model = made("sklearn.ensemble.RandomForestClassifier", "multiclass", {"n_estimators": 3}, memory="whole")
    model.learn(batch(X[kept], y[kept]))
    score, _ = model.predict(X)
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
        made(path, "binary", params, memory=memory)


def test_whole_estimators_may_be_told_how_long_to_iterate() -> None:
    model = made(SGD, "binary", {"max_iter": 9, "class_weight": "balanced"}, seed=3, memory="whole")
    assert isinstance(model, ScikitLearn)
    assert model.made.get_params()["random_state"] == 3


def test_a_forest_uses_the_cores_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    model = made("sklearn.ensemble.RandomForestClassifier", memory="whole")
    assert isinstance(model, ScikitLearn)
    assert model.made.n_jobs == 2


def spec(**changes: Any) -> Any:
    tree = {"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": changed(SPEC, search=None, **changes)}
    return parse(json.dumps(tree))


def test_a_metric_of_probabilities_needs_an_estimator_that_gives_them() -> None:
    make_of(spec(), {"loss": "log_loss"})
    with pytest.raises(BadSpec, match=r"'log_loss' needs probabilities.*loss: log_loss gives them"):
        make_of(spec(), {})
    with pytest.raises(BadSpec, match="Perceptron with these parameters does not give"):
        make_of(spec(model={"estimator": "sklearn.linear_model.Perceptron"}), {})


def test_a_missing_value_names_the_key_that_fills_it() -> None:
    X, y = rows("binary")
    gaps = X.toarray()
    gaps[3, 1] = np.nan
    with pytest.raises(
        BadSpec, match=r"features: a value is missing, which SGDClassifier does not accept; set `missing: mean.*HistGradientBoosting"
    ):
        made(SGD).learn(batch(gaps, y))
    takes = made("sklearn.ensemble.HistGradientBoostingClassifier", "binary", {"max_iter": 3}, memory="whole")
    takes.learn(batch(gaps, y))
    assert len(takes.predict(gaps)[0]) == 200


def test_what_an_estimator_cannot_learn_from_is_bad_data() -> None:
    X, _ = rows("binary")
    with pytest.raises(BadData, match="LogisticRegression: This solver needs samples of at least 2 classes"):
        made("sklearn.linear_model.LogisticRegression", memory="whole").learn(batch(X, np.zeros(200)))
    with pytest.raises(BadData, match="scale: standard"):
        made("sklearn.linear_model.SGDRegressor", "regression").learn(batch(X * 1e200, np.ones(200)))
