"""LightGBM's boosted trees. An epoch is one round, which adds a tree (one per class where there are several).

It needs every row at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.errors import BadData, BadSpec
from handlers.models import lightgbm_file, parameters
from handlers.models.boosted import Boosted, native, objective, threads
from handlers.models.gathered import gather
from handlers.models.kinds import CLASSES, NUMBERS, Estimator, Kind, Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from handlers.data.read import Batch

FILE, SUM = "model.txt", "model.sha256"
ELSEWHERE = {
    "n_estimators": "training.epochs",
    "class_weight": "data.weight",
    "random_state": "model.seed",
    "n_jobs": "resources.train.cpu",
}
# of the parameters of its scikit-learn classes: `boosting_type: dart` would change trees of earlier rounds
OURS = ("boosting_type", "importance_type")
# further ones, by LightGBM's own names
MORE = (
    *("alpha", "data_sample_strategy", "extra_trees", "feature_fraction_bynode", "is_unbalance", "max_bin", "max_delta_step"),
    *("min_data_in_bin", "monotone_constraints", "other_rate", "path_smooth", "poisson_max_delta_step", "scale_pos_weight"),
    *("top_rate", "tweedie_variance_power"),
)
NUMBERS_BY = ("regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie")
OBJECTIVES = {
    "binary": ("binary",),
    "multiclass": ("multiclass",),
    "regression": NUMBERS_BY,
    "ranking": NUMBERS_BY,
}
# with another value than this, rows or columns are drawn
SAMPLING = {"subsample": 1, "colsample_bytree": 1, "feature_fraction_bynode": 1, "extra_trees": False, "data_sample_strategy": "bagging"}
SEEDS = ("seed", "bagging_seed", "feature_fraction_seed", "extra_seed")
LEAVES = re.compile(r"^leaf_value=(.*)$", re.MULTILINE)


class LightGBM(Boosted):
    SAMPLING = SAMPLING

    def __init__(self, recipe: Recipe, booster: Any = None) -> None:
        super().__init__(recipe, booster)
        self._params = _native(recipe)

    def _take(self, rows: Callable[[], Iterator[Batch]]) -> None:
        found = gather(rows())
        seeded = {**self._params, "data_random_seed": self.recipe.seed % (1 << 31)}
        self._data = _library().Dataset(found.X, label=found.y, weight=found.weight, params=seeded, free_raw_data=False).construct()

    def _start(self, seed: int) -> None:
        params = {**self._params, **dict.fromkeys(SEEDS, seed)}
        with _refusing(self.recipe.kind.name):
            self.booster = _library().train(params, self._data, 1, init_model=self.booster, keep_training_booster=True)

    def _go_on(self, number: int) -> None:
        with _refusing(self.recipe.kind.name):
            self.booster.update()

    def _rounds(self) -> int:
        return int(self.booster.current_iteration())

    def _first(self, rounds: int) -> Any:
        return _library().Booster(model_str=self.booster.model_to_string(num_iteration=rounds))

    def predict(self, X: Any) -> tuple[NDArray[Any], str]:
        import numpy as np

        score = np.asarray(self.booster.predict(X, num_threads=threads()), dtype=np.float64)
        return score, "probability" if self.recipe.classes else "value"

    def save(self, folder: Path) -> None:
        text = self.booster.model_to_string().encode()
        (folder / FILE).write_bytes(text)
        (folder / SUM).write_text(hashlib.sha256(text).hexdigest(), encoding="ascii")

    def digest(self) -> str:
        # what follows its trees says how they were asked for
        trees = self.booster.model_to_string().partition("\nend of trees")[0]
        return hashlib.sha256(trees.encode()).hexdigest()[:16]

    def finite(self) -> bool:
        import math

        last = self.booster.model_to_string(start_iteration=self.booster.current_iteration() - 1)
        return all(math.isfinite(float(value)) for values in LEAVES.findall(last) for value in values.split())


def _library() -> Any:
    """LightGBM, which writes nothing to standard output: what goes wrong it also raises."""
    import logging

    import lightgbm

    logger = logging.getLogger("lightgbm")
    logger.propagate, logger.disabled = False, True
    lightgbm.register_logger(logger)
    return lightgbm


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """What LightGBM cannot learn from is bad data."""
    try:
        yield
    except _library().basic.LightGBMError as error:
        raise BadData(f"{name}: {str(error)[:300]}") from error


def _native(recipe: Recipe) -> dict[str, Any]:
    """The parameters for `lightgbm.train`, which knows the names of its scikit-learn classes."""
    exact = {"deterministic": True, "force_row_wise": True, "num_threads": threads(), "verbosity": -1}
    return native(recipe, objective(recipe, OBJECTIVES), **exact)


def make(recipe: Recipe) -> Estimator:
    """A model without rounds; BadSpec names the parameter that is unknown, out of range, or decided elsewhere in the spec."""
    import numpy as np

    lightgbm = _library()
    params = recipe.params
    known = [*recipe.kind.type()().get_params(), *MORE]
    parameters.check(recipe.kind.path, params, known, ELSEWHERE, OURS)
    made = LightGBM(recipe)
    if params.get("subsample", 1) != 1 and not params.get("subsample_freq"):
        raise BadSpec("model.params.subsample: LightGBM draws rows only with subsample_freq; add `subsample_freq: 1`")
    rows = max(40, recipe.classes)
    labels = np.arange(rows) % recipe.classes if recipe.classes else np.arange(1.0, rows + 1)
    try:
        asked = {name: value for name, value in made._params.items() if name != "monotone_constraints"}
        lightgbm.train(asked, lightgbm.Dataset(np.arange(rows, dtype=np.float64).reshape(-1, 1), label=labels, params=asked), 1)
    except (lightgbm.basic.LightGBMError, ValueError, TypeError) as error:
        raise BadSpec(f"model.params: {str(error)[:300]}") from error
    return made


def load(recipe: Recipe, folder: Path, where: str) -> Estimator:
    lightgbm = _library()
    made = LightGBM(recipe)
    data = (folder / FILE).read_bytes()
    try:
        if hashlib.sha256(data).hexdigest() != (folder / SUM).read_text(encoding="ascii"):
            raise ValueError(f"it is not what {SUM} says")
        text = data.decode()
        lightgbm_file.check(text, recipe.classes if recipe.classes > 2 else 1)
        made.booster = lightgbm.Booster(model_str=text)
        known = str(made.booster.model_to_string(num_iteration=1)).partition("\nobjective=")[2].split()[0]
    except (lightgbm.basic.LightGBMError, ValueError, IndexError) as error:
        why = f"not a readable model file ({str(error)[:300]}); delete the trial's folder to train it again"
        raise BadData(f"{where}/{FILE}: {why}") from error
    if known != made._params["objective"]:
        raise BadData(f"{where}/{FILE}: its objective is {known}, but the trial's is {made._params['objective']}")
    return made


def _listed(path: str, tasks: tuple[str, ...]) -> Kind:
    return Kind(path, tasks, False, make, load, ("lightgbm", "numpy", "scipy"), rounds=True, missing=True)


KINDS = (_listed("lightgbm.LGBMClassifier", CLASSES), _listed("lightgbm.LGBMRegressor", NUMBERS))
