"""A model of a file of one's own, tried on made-up rows before anything is trained."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handlers.data.batch import Batch, Position
from handlers.data.column_types import arrow_type
from handlers.data.encode import CODES
from handlers.metrics.metrics import METRICS
from handlers.models import saved
from handlers.models.own import Own
from handlers.modelspec.model import Feature, ModelSpec

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.random import Generator

ROWS, WIDTH, LIST = 200, 32, 10


@dataclass(frozen=True, slots=True)
class Columns:
    """The features, and the types of their columns where they are known; of a spec without features, empty before its data is read."""

    features: Mapping[str, Feature]
    types: Mapping[str, str]

    @classmethod
    def declared(cls, spec: ModelSpec) -> Columns:
        """Those that the spec says."""
        known = {name: kind for source in spec.data.sources.values() for name, kind in source.columns.items()}
        return cls(spec.features, {name: known.get(name, CODES[feature.type][1]) for name, feature in spec.features.items()})


def tried(model: Own, spec: ModelSpec, columns: Columns) -> None:
    """Let a fresh model learn, predict, save, load and learn on: what is broken shows before anything is trained, with its line."""
    if model.recipe.kind.table and not columns.types:
        return  # what its columns are is known when the data is read
    rows = [_Rows(model, spec, columns, number).batch for number in range(3)]
    model.learn(rows[0])
    _check_epoch_end(model, spec, rows[0].X)
    again = _loaded(model, rows[0].X)
    if model.batches:
        for each in (model, again):
            each.learn(rows[1])
        _check_equal(model, model, again, rows[2].X, "load", "after load(folder) it learns on otherwise than before save(folder)")


def _check_epoch_end(model: Own, spec: ModelSpec, X: Any) -> None:
    """Metrics are of the model before the end of an epoch is told, and what is kept is the model after it."""
    before = _predicted(model, X)
    shown = dict.fromkeys(METRICS[spec.task], 0.5)
    model.epoch_end({"epoch": 1, "rows": ROWS, "valid": shown, "train": shown})
    if not _equal(before, _predicted(model, X)):
        raise model.file.wrong("epoch_end changes what it predicts: the metrics of the epoch would be those of another model", "epoch_end")


def _loaded(model: Own, X: Any) -> Own:
    import numpy as np

    score, state = _predicted(model, X), model.digest()
    if not np.allclose(_predicted(model, X[:LIST]), score[:LIST], rtol=1e-4, atol=1e-6):
        raise model.file.wrong("predict gives a row another number when other rows stand beside it", "predict")
    if model.digest() != state:
        why = "save(folder) writes other files after predict(batch): what is predicted must change nothing that is saved"
        raise model.file.wrong(why, "predict")
    again = saved.loaded(model.recipe, saved.files(model), model.recipe.kind.path)
    if not isinstance(again, Own):
        raise TypeError(f"{model.recipe.kind.path} was loaded as a {type(again).__name__}")
    _check_equal(model, model, again, X, "load", "after load(folder) it predicts otherwise than before save(folder)")
    return again


def _check_equal(model: Own, first: Own, second: Own, X: Any, method: str, why: str) -> None:
    if not _equal(_predicted(first, X), _predicted(second, X)):
        raise model.file.wrong(why, method)


def _predicted(model: Own, X: Any) -> Any:
    return model.predict(X)[0]


def _equal(first: Any, second: Any) -> bool:
    import numpy as np

    return bool(np.array_equal(first, second))


class _Rows:
    """Made-up rows, as the model reads them."""

    def __init__(self, model: Own, spec: ModelSpec, columns: Columns, number: int) -> None:
        import numpy as np

        random, classes = np.random.default_rng(number), model.recipe.classes
        y = np.arange(ROWS) % classes if classes else np.arange(ROWS) % 4 if spec.task == "ranking" else random.random(ROWS) + 0.5
        weight = random.random(ROWS) + 0.5 if spec.data.weight else None
        lists = np.arange(ROWS) // LIST if spec.task == "ranking" else None
        X = _table(columns, random) if model.recipe.kind.table else _matrix(columns, random)
        self.batch = Batch(X, y.astype(float), weight, lists, Position(0, 0, ROWS), {})


def _matrix(columns: Columns, random: Generator) -> Any:
    """Encoded rows: sparse where one of the features makes them so."""
    from scipy import sparse

    found = random.normal(size=(ROWS, WIDTH))
    return sparse.csr_matrix(found) if any(each.type in ("category", "text") for each in columns.features.values()) else found


def _table(columns: Columns, random: Generator) -> pa.Table:
    import pyarrow as pa

    arrays = {}
    for name, kind in columns.types.items():
        size = columns.features[name].size if name in columns.features else None
        arrays[name] = pa.array(_values(kind, size or 4, random), arrow_type(kind))
    return pa.table(arrays)


def _values(kind: str, size: int, random: Generator) -> list[Any]:
    if kind == "string":
        return [f"value {number}" for number in random.integers(0, 5, ROWS).tolist()]
    if kind == "vector":
        return [random.normal(size=size).tolist() for _ in range(ROWS)]
    if kind == "boolean":
        return list(itertools.islice(itertools.cycle([True, False, False]), ROWS))
    if kind == "float":
        return list(random.normal(size=ROWS).tolist())
    # days, microseconds and whole numbers
    return list(random.integers(0, 1_000, ROWS).tolist())
