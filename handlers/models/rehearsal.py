"""A model of a file of one's own, tried on made-up rows before anything is trained."""

from __future__ import annotations

from handlers.contracts import BadSpec
from handlers.data.batch import Batch, Position
from handlers.models import saved
from handlers.models.kinds import Estimator


def tried(model: Estimator) -> None:
    """Let a fresh model learn and predict made-up rows, save and load: what is broken shows before anything is trained."""
    import numpy as np

    random, recipe = np.random.default_rng(0), model.recipe
    X = random.normal(size=(200, 32))
    y = np.arange(200) % recipe.classes if recipe.classes else X[:, 0]
    model.learn(Batch(X, y.astype(float), None, None, Position(0, 0, 200), {}))
    score, _ = model.predict(X)
    again = saved.loaded(recipe, saved.files(model), recipe.kind.path)
    if not np.array_equal(again.predict(X)[0], score):
        raise BadSpec(f"model.estimator: {recipe.kind.path}: after load(folder) it predicts otherwise than before save(folder)")
