"""XGBoost's boosted trees. An epoch is one round, which adds a tree (one per class where there are several).

With `memory: stream` the rows are kept on disk, a byte or two a number, with `memory: whole` in memory.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.errors import BadData, BadSpec
from handlers.models import parameters
from handlers.models.boosted import Boosted, native, objective, threads
from handlers.models.kinds import CLASSES, NUMBERS, Estimator, Kind, Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from handlers.data.read import Batch

FILE = "model.ubj"
ELSEWHERE = {
    "n_estimators": "training.epochs",
    "early_stopping_rounds": "training.early_stopping",
    "eval_metric": "evaluate.select_by",
    "random_state": "model.seed",
    "n_jobs": "resources.train.cpu",
}
# of the parameters of its scikit-learn classes: what says how rows are read, where it computes, or would change trees of earlier rounds
OURS = (
    *("base_score", "booster", "callbacks", "device", "enable_categorical", "feature_types", "feature_weights", "importance_type"),
    *("missing", "multi_strategy", "tree_method", "validate_parameters", "verbosity"),
)
NUMBERS_BY = ("reg:squarederror", "reg:pseudohubererror", "reg:squaredlogerror", "reg:gamma", "reg:tweedie", "count:poisson")
OBJECTIVES = {
    "binary": ("binary:logistic",),
    "multiclass": ("multi:softprob",),
    "regression": NUMBERS_BY,
    "ranking": NUMBERS_BY,
}
SAMPLING = dict.fromkeys(("subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode"), 1)
LEAF = re.compile(r'"leaf": *([^,} ]+)')


class XGBoost(Boosted):
    SAMPLING = SAMPLING

    def __init__(self, recipe: Recipe, booster: Any = None) -> None:
        super().__init__(recipe, booster)
        self._params = _native(recipe)

    def _take(self, rows: Callable[[], Iterator[Batch]]) -> None:
        import xgboost

        max_bin = {"max_bin": self._params["max_bin"]} if "max_bin" in self._params else {}
        if self.recipe.memory == "stream":
            folder = tempfile.mkdtemp(prefix="retrain-xgboost-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._data: Any = xgboost.ExtMemQuantileDMatrix(_rows(rows, f"{folder}/rows"), nthread=threads(), **max_bin)
        else:
            self._data = xgboost.QuantileDMatrix(_rows(rows, None), nthread=threads(), **max_bin)

    def _start(self, seed: int) -> None:
        import xgboost

        with _refusing(self.recipe.kind.name):
            self.booster = xgboost.Booster({**self._params, "seed": seed}, [self._data], model_file=self.booster)
            self._go_on(self._rounds())

    def _go_on(self, number: int) -> None:
        with _refusing(self.recipe.kind.name):
            self.booster.update(self._data, number)

    def _rounds(self) -> int:
        return int(self.booster.num_boosted_rounds())

    def _first(self, rounds: int) -> Any:
        return self.booster[:rounds]

    def predict(self, X: Any) -> tuple[NDArray[Any], str]:
        import numpy as np

        score = np.asarray(self.booster.inplace_predict(X), dtype=np.float64)
        return score, "probability" if self.recipe.classes else "value"

    def save(self, folder: Path) -> None:
        self.booster.save_model(folder / FILE)

    def digest(self) -> str:
        import hashlib

        return hashlib.sha256(bytes(self.booster.save_raw("ubj"))).hexdigest()[:16]

    def finite(self) -> bool:
        import math

        last = self.booster[self.booster.num_boosted_rounds() - 1]
        return all(math.isfinite(float(leaf)) for tree in last.get_dump(dump_format="json") for leaf in LEAF.findall(tree))


def _rows(rows: Callable[[], Iterator[Batch]], cache: str | None) -> Any:
    """The batches as XGBoost asks for them: several times, from the beginning."""
    import xgboost

    class Rows(xgboost.DataIter):
        def __init__(self) -> None:
            self._coming = rows()
            super().__init__(cache_prefix=cache)

        def next(self, input_data: Callable[..., Any]) -> bool:
            batch = next(self._coming, None)
            if batch is None:
                return False
            input_data(data=batch.X, label=batch.y, weight=batch.weight)
            return True

        def reset(self) -> None:
            self._coming = rows()

    return Rows()


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """What XGBoost cannot learn from is bad data."""
    import xgboost

    try:
        yield
    except xgboost.core.XGBoostError as error:
        raise BadData(f"{name}: {_said(error)}") from error


def _native(recipe: Recipe) -> dict[str, Any]:
    """The parameters by the names of `xgboost.train`."""
    return native(recipe, objective(recipe, OBJECTIVES), tree_method="hist", nthread=threads(), verbosity=0)


def make(recipe: Recipe) -> Estimator:
    """A model without rounds; BadSpec names the parameter that is unknown, out of range, or decided elsewhere in the spec."""
    import numpy as np
    import xgboost

    parameters.check(recipe.kind.path, recipe.params, list(recipe.kind.type()().get_params()), ELSEWHERE, OURS)
    made = XGBoost(recipe)
    try:
        trial = xgboost.DMatrix(
            np.zeros((max(4, recipe.classes), 1)),
            label=np.arange(max(4, recipe.classes)) % recipe.classes if recipe.classes else np.arange(1, 5),
        )
        xgboost.train({**made._params, "max_depth": recipe.params.get("max_depth", 1)}, trial, 1)
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        raise BadSpec(f"model.params: {_said(error)}") from error
    return made


def load(recipe: Recipe, folder: Path, where: str) -> Estimator:
    import xgboost

    try:
        booster = xgboost.Booster()
        booster.load_model(folder / FILE)
        known = json.loads(booster.save_config())["learner"]["learner_train_param"]["objective"]
    except (xgboost.core.XGBoostError, KeyError, ValueError) as error:
        raise BadData(f"{where}/{FILE}: not a readable model file ({_said(error)}); delete the trial's folder to train it again") from error
    made = XGBoost(recipe, booster)
    if known != made._params["objective"]:
        raise BadData(f"{where}/{FILE}: its objective is {known}, but the trial's is {made._params['objective']}")
    return made


def _said(error: Exception) -> str:
    """XGBoost's sentence, without the time, the place in its source and the stack."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith(("Stack trace", "  [bt]"))]
    return re.sub(r"^\[[\d:]+\] \S+?:\d+: ", "", " ".join(lines))[:300]


def _listed(path: str, tasks: tuple[str, ...]) -> Kind:
    return Kind(path, tasks, True, make, load, ("xgboost-cpu", "numpy", "scipy"), rounds=True, missing=True)


KINDS = (_listed("xgboost.XGBClassifier", CLASSES), _listed("xgboost.XGBRegressor", NUMBERS))
