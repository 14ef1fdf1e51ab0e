"""What a model has learned, from the files of its folder, by the module of its kind: no pickle, and no type that the kind does not need."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from handlers.errors import BadData
from handlers.models import model_file
from handlers.models.scores import scores
from handlers.scoring.scorer import Documents, Learned, Scorer

MODULE = re.compile(r"[a-z][a-z0-9_]*")


def scorer(folder: Path) -> Scorer:
    """The model of an exported folder; BadData where it is none."""
    documents = Documents.read(folder)
    return Scorer(documents, of_folder(documents.model, folder / "model"))


def of_folder(model: dict[str, Any], folder: Path) -> Learned:
    """What `model` says, from the files that its kind has saved."""
    kinds = getattr(import_module(f"{__package__.rpartition('.')[0]}.models.{_module(model)}"), "KINDS", ())
    kind = next((kind for kind in kinds if kind.path == model["estimator"]), None)
    if kind is None:
        raise BadData(f"{folder}: {model['estimator']} is not known here")
    where = folder / "model.skops"
    return _Estimator(model_file.load(where.read_bytes(), kind, str(where)), kind.dense, len(model["classes"]))


class _Estimator:
    def __init__(self, estimator: Any, dense: bool, classes: int) -> None:
        self._estimator, self._dense, self._classes = estimator, dense, classes

    def predict(self, X: Any) -> Any:
        return scores(self._estimator, X.toarray() if self._dense and hasattr(X, "toarray") else X, self._classes)


def _module(model: dict[str, Any]) -> str:
    name = str(model["module"])
    if MODULE.fullmatch(name) is None:
        raise BadData(f"model.json: {name!r} is no module of estimators")
    return name
