"""scikit-learn's estimators that a spec may name. To allow another one, add its row.

Streaming ones learn batch by batch (`partial_fit`); the others need every row at once and the spec must say so (`model.memory: whole`).
Parameters that training decides (epochs, early stopping, the seed) belong elsewhere in the spec and are refused here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.errors import BadData, BadSpec
from handlers.models import model_file, parameters
from handlers.models.kinds import CLASSES, NUMBERS, Estimator, Kind, Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from handlers.data.read import Batch

FILE = "model.skops"
REQUIREMENTS = ("scikit-learn", "skops", "numpy", "scipy")
ELSEWHERE = {
    "random_state": "model.seed",
    "verbose": "trials/<model>/<trial>/curve.jsonl",
    "warm_start": "the trial's checkpoint",
    "n_jobs": "resources.train.cpu",
}
WHEN_STREAMED = {
    "max_iter": "training.epochs",
    "tol": "training.early_stopping.min_delta",
    "early_stopping": "training.early_stopping",
    "validation_fraction": "data.split.valid",
    "n_iter_no_change": "training.early_stopping.patience",
}
TOO_LARGE = ("infinity", "too large", "Floating-point", "overflow", "non-finite")


class ScikitLearn:
    """An estimator with scikit-learn's methods, `made` or learned."""

    def __init__(self, recipe: Recipe, made: Any) -> None:
        self.recipe = recipe
        self.made = made

    @property
    def probable(self) -> bool:
        return hasattr(self.made, "predict_proba")

    @property
    def weighs(self) -> bool:
        from inspect import signature

        return "sample_weight" in signature(self._method()).parameters

    def _method(self) -> Any:
        return self.made.partial_fit if self.recipe.memory == "stream" else self.made.fit

    def _rows(self, X: Any) -> Any:
        return X.toarray() if self.recipe.kind.dense and hasattr(X, "toarray") else X

    def learn(self, batch: Batch) -> None:
        import warnings

        import numpy as np

        known_classes = self.recipe.classes and self.recipe.memory == "stream"
        more: dict[str, Any] = {"classes": np.arange(self.recipe.classes)} if known_classes else {}
        if batch.weight is not None:
            more["sample_weight"] = batch.weight
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                self._method()(self._rows(batch.X), batch.y.astype(np.int64) if self.recipe.classes else batch.y, **more)
        except ValueError as error:
            raise self._explain(error) from error

    def _explain(self, error: ValueError) -> Exception:
        text, kind = str(error).splitlines()[0], self.recipe.kind
        if "NaN" in text and not kind.missing:
            takes = ", ".join(k.name for k in KINDS if k.missing)
            why = f"a value is missing, which {kind.name} does not accept"
            return BadSpec(f"features: {why}; set `missing: mean` or a number ({takes} accept `keep`)")
        if any(word in text for word in TOO_LARGE):
            return BadData(
                f"{kind.name}: {text}; set `scale: standard` on number features, or a smaller learning rate (model.params.eta0, alpha)"
            )
        return BadData(f"{kind.name}: {text}")

    def predict(self, X: Any) -> tuple[NDArray[Any], str]:
        import numpy as np

        rows, classes = self._rows(X), self.recipe.classes
        if not classes:
            return np.asarray(self.made.predict(rows), dtype=np.float64), "value"
        score = np.asarray(self.made.predict_proba(rows) if self.probable else self.made.decision_function(rows), dtype=np.float64)
        if not self.probable:
            return score, "decision"
        whole = np.zeros((score.shape[0], classes))
        whole[:, np.asarray(self.made.classes_, dtype=np.int64)] = score
        return (whole[:, 1] if classes == 2 else whole), "probability"

    def coefficients(self) -> NDArray[Any] | None:
        """Of a linear model those of each encoded column, of several classes a row for each class."""
        return getattr(self.made, "coef_", None)

    def save(self, folder: Path) -> None:
        (folder / FILE).write_bytes(model_file.dump(self.made))

    def digest(self) -> str:
        return model_file.state_digest(self.made)

    def finite(self) -> bool:
        return model_file.finite(self.made)


def make(recipe: Recipe) -> Estimator:
    """A new estimator; BadSpec names the parameter that is unknown, out of range, or decided elsewhere in the spec."""
    found, params, streamed = recipe.kind, recipe.params, recipe.memory == "stream"
    known = list(found.type()().get_params())
    parameters.check(found.path, params, known, {**ELSEWHERE, **(WHEN_STREAMED if streamed else {})})
    weights = params.get("class_weight")
    if isinstance(weights, Mapping) or (streamed and weights is not None):
        raise BadSpec("model.params.class_weight: only `balanced` with memory: whole is accepted; set the weights of rows with data.weight")
    given = dict(params)
    if "random_state" in known:
        given["random_state"] = recipe.seed
    if "n_jobs" in known and not found.streams and found.name != "LogisticRegression":
        given["n_jobs"] = int(os.environ.get("OMP_NUM_THREADS", "1") or 1)
    built = found.type()(**given)
    try:
        built._validate_params()
    except ValueError as error:
        raise BadSpec(f"model.params: {error}") from error
    if streamed and not hasattr(built, "partial_fit"):
        raise BadSpec(f"model.params: with these parameters {found.path} cannot learn from batches (solver: adam or sgd can)")
    return ScikitLearn(recipe, built)


def load(recipe: Recipe, folder: Path, where: str) -> Estimator:
    return ScikitLearn(recipe, model_file.load((folder / FILE).read_bytes(), recipe.kind, f"{where}/{FILE}"))


ADAM = ("sklearn.neural_network._stochastic_optimizers.AdamOptimizer", "sklearn.neural_network._stochastic_optimizers.SGDOptimizer")
TREE = ("sklearn.tree._tree.Tree",)
PREDICTOR = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)


def listed(path: str, tasks: tuple[str, ...], *, streams: bool, **more: Any) -> Kind:
    """An entry of the list, of any library whose estimators have scikit-learn's methods."""
    return Kind(path, tasks, streams, make, load, **{"requirements": REQUIREMENTS, **more})


def _pair(path: str, *, streams: bool, **more: Any) -> tuple[Kind, Kind]:
    return listed(path + "Classifier", CLASSES, streams=streams, **more), listed(path + "Regressor", NUMBERS, streams=streams, **more)


KINDS: tuple[Kind, ...] = (
    *_pair("sklearn.linear_model.SGD", streams=True),
    listed("sklearn.linear_model.Perceptron", CLASSES, streams=True),
    *_pair("sklearn.neural_network.MLP", streams=True, trusted=ADAM),
    listed("sklearn.naive_bayes.GaussianNB", CLASSES, streams=True, dense=True),
    listed("sklearn.naive_bayes.BernoulliNB", CLASSES, streams=True),
    listed("sklearn.linear_model.LogisticRegression", CLASSES, streams=False),
    listed("sklearn.linear_model.Ridge", NUMBERS, streams=False),
    *_pair("sklearn.ensemble.HistGradientBoosting", streams=False, dense=True, missing=True, trusted=PREDICTOR),
    *_pair("sklearn.ensemble.RandomForest", streams=False, missing=True, trusted=TREE),
    *_pair("sklearn.ensemble.ExtraTrees", streams=False, missing=True, trusted=TREE),
)

REMOVED = "scikit-learn removes it; use sklearn.linear_model.{name} with loss: {loss}, penalty: null, learning_rate: pa1, eta0: 1.0"
INSTEAD = {
    "PassiveAggressiveClassifier": REMOVED.format(name="SGDClassifier", loss="hinge"),
    "PassiveAggressiveRegressor": REMOVED.format(name="SGDRegressor", loss="epsilon_insensitive"),
}
