"""What `build` of a file of one's own once gave, read from its files alone, where no line of that file is needed.

So the champion can be judged, and predicts, after the file has changed: what is scikit-learn's and XGBoost's own is read as that of any
other trial. A class, or a function or a type that the file defines, needs the file itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handlers.errors import BadData, BadSpec
from handlers.models.kinds import CLASSES, NUMBERS, Estimator, Kind, Recipe
from handlers.models.own import REQUIREMENTS, SKOPS, TRUSTED, XGBOOST, File, Own


class Kept(Own):
    """A model of a file whose code is not run."""

    def __init__(self, recipe: Recipe, file: File, made: Any) -> None:
        self.recipe, self.file, self.made = recipe, file, made
        self.batches = False


def readable(files: Mapping[str, bytes]) -> bool:
    """Whether a model of these files needs no code: it is one of XGBoost, or of scikit-learn with all that it is made of."""
    from skops import io

    if set(files) != {SKOPS}:
        return set(files) == {XGBOOST}
    try:
        return TRUSTED.issuperset(io.get_untrusted_types(data=files[SKOPS]))
    except Exception:
        return False  # what is damaged: whoever has the code says so


def kind(estimator: str) -> Kind:
    """The estimator of a file whose code is not run: of models that are `readable`."""
    path, _, name = estimator.partition(":")
    file = File(path, name, "")

    def make(recipe: Recipe) -> Estimator:
        raise BadSpec(f"model.estimator: {path} is not here, and a model of it cannot be made")

    def load(recipe: Recipe, folder: Path, where: str) -> Estimator:
        read = _of_xgboost if (folder / XGBOOST).exists() else _of_scikit_learn
        return Kept(recipe, file, read(recipe, folder, where))

    return Kind(estimator, (*CLASSES, *NUMBERS), False, make, load, REQUIREMENTS)


def _of_scikit_learn(_recipe: Recipe, folder: Path, where: str) -> Any:
    from skops import io

    try:
        return io.loads((folder / SKOPS).read_bytes(), trusted=sorted(TRUSTED))
    except (KeyError, ValueError, TypeError, OSError, ImportError, AttributeError) as error:
        raise BadData(f"{where}/{SKOPS}: not a readable model file ({error}); delete the trial's folder to train it again") from error


def _of_xgboost(recipe: Recipe, folder: Path, where: str) -> Any:
    import xgboost

    usual = xgboost.XGBClassifier if recipe.classes else xgboost.XGBRegressor
    for made in (usual(), xgboost.XGBRanker()):
        try:
            made.load_model(folder / XGBOOST)
        except (ValueError, TypeError):
            continue  # it is one of another kind, or none
        return made
    raise BadData(f"{where}/{XGBOOST}: not a readable model file; delete the trial's folder to train it again")
