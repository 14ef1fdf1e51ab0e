"""scikit-learn's estimators that a spec may name. To allow another one, add its row."""

from __future__ import annotations

from typing import Any

from handlers.models.kinds import CLASSES, NUMBERS, Kind

ADAM = ("sklearn.neural_network._stochastic_optimizers.AdamOptimizer", "sklearn.neural_network._stochastic_optimizers.SGDOptimizer")
TREE = ("sklearn.tree._tree.Tree",)
PREDICTOR = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)


def _pair(path: str, *, streams: bool, **more: Any) -> tuple[Kind, Kind]:
    return Kind(path + "Classifier", CLASSES, streams, **more), Kind(path + "Regressor", NUMBERS, streams, **more)


KINDS: tuple[Kind, ...] = (
    *_pair("sklearn.linear_model.SGD", streams=True),
    Kind("sklearn.linear_model.Perceptron", CLASSES, True),
    *_pair("sklearn.neural_network.MLP", streams=True, trusted=ADAM),
    Kind("sklearn.naive_bayes.GaussianNB", CLASSES, True, dense=True),
    Kind("sklearn.naive_bayes.BernoulliNB", CLASSES, True),
    Kind("sklearn.linear_model.LogisticRegression", CLASSES, False),
    Kind("sklearn.linear_model.Ridge", NUMBERS, False),
    *_pair("sklearn.ensemble.HistGradientBoosting", streams=False, dense=True, missing=True, trusted=PREDICTOR),
    *_pair("sklearn.ensemble.RandomForest", streams=False, missing=True, trusted=TREE),
    *_pair("sklearn.ensemble.ExtraTrees", streams=False, missing=True, trusted=TREE),
)

REMOVED = "scikit-learn removes it; use sklearn.linear_model.{name} with loss: {loss}, penalty: null, learning_rate: pa1, eta0: 1.0"
INSTEAD = {
    "PassiveAggressiveClassifier": REMOVED.format(name="SGDClassifier", loss="hinge"),
    "PassiveAggressiveRegressor": REMOVED.format(name="SGDRegressor", loss="epsilon_insensitive"),
}
