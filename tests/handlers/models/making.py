"""Models for tests: made of a listed estimator, and given rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from handlers.data.read import Batch, Position
from handlers.models.estimators import kind
from handlers.models.kinds import Estimator, Recipe

CLASSES = {"binary": 2, "multiclass": 3, "regression": 0, "ranking": 0}


def recipe(path: str, task: str = "binary", params: Mapping[str, Any] | None = None, *, seed: int = 0, memory: str = "stream") -> Recipe:
    return Recipe(kind(path, task, memory), task, params or {}, seed, CLASSES[task], memory)


def made(path: str, task: str = "binary", params: Mapping[str, Any] | None = None, *, seed: int = 0, memory: str = "stream") -> Estimator:
    found = recipe(path, task, params, seed=seed, memory=memory)
    return found.kind.make(found)


def batch(X: Any, y: Any, weight: Any = None, number: int = 0) -> Batch:
    return Batch(X, y, weight, np.full(len(y), number % 5), Position(0, 0, number), {})
