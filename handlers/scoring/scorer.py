"""A trained model, ready to predict: what a folder says of it, its encoding and what it has learned.

Rows become numbers by `handlers.data.encode`, and the model is the one that `evaluate` loads, so a prediction is what the evaluation saw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, cast

from handlers.data.encode import Encoder
from handlers.data.unencoded import encoder
from handlers.errors import BadData, WrongUsage
from handlers.scoring import tables

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from handlers.data.manifest import Dataset

FORMAT = 1
DOCUMENTS = ("model", "schema", "encoder")


class Learned(Protocol):
    """What was learned: numbers of encoded rows; `probable` where they are probabilities."""

    @property
    def probable(self) -> bool: ...

    def predict(self, X: Any) -> tuple[NDArray[Any], str]:
        """(score, kind): kind is probability, decision or value; of several classes the score has a column for each."""


@dataclass(frozen=True, slots=True)
class Documents:
    """The JSON files of a folder: `model` (what it is and how it decides), `schema` (its columns), `encoder` (their statistics)."""

    model: dict[str, Any]
    schema: dict[str, Any]
    encoder: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Documents:
        """Those of a folder; BadData where it is none of an exported model."""
        try:
            found = cls(**{name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in DOCUMENTS})
        except (OSError, ValueError) as error:
            raise BadData(f"{folder}: no exported model: {error}") from error
        if found.model.get("format") != FORMAT:
            raise BadData(f"{folder}/model.json: its format is {found.model.get('format')!r}, this code reads {FORMAT}")
        return found


def encoder_of(documents: Documents) -> Encoder:
    """The encoding of the model's columns, made of the same statistics as in training."""
    features = {feature["name"]: SimpleNamespace(**feature) for feature in documents.encoder["features"]}
    # what an encoder asks of a dataset
    types = documents.encoder.get("types")
    dataset = SimpleNamespace(features=features, statistics=documents.encoder["statistics"], schema=types)
    return encoder(cast("Dataset", dataset), table=types is not None)


class Scorer:
    """`predict` gives a prediction for each row, in the order of the rows."""

    def __init__(self, documents: Documents, learned: Learned) -> None:
        self.documents = documents
        self.encoder = encoder_of(documents)
        self._learned = learned
        self.task: str = documents.model["task"]
        self.classes: list[Any] = documents.model["classes"]
        self.columns: dict[str, str] = {column["name"]: column["type"] for column in documents.schema["columns"]}
        self.key: list[str] = documents.schema["key"]
        threshold: Mapping[str, Any] | None = documents.model["threshold"]
        self.threshold = None if threshold is None else float(threshold["value"])
        self._batch: int = documents.model["batch_rows"]

    @property
    def probable(self) -> bool:
        """Whether there are probabilities."""
        return bool(self.classes) and self._learned.probable

    def predict(self, rows: Any, *, proba: bool = False) -> pa.Table:
        """Predictions for rows in memory: an Arrow table, a pandas DataFrame, a list of dicts or a dict of columns. BadData for rows that
        do not fit. With `proba` also the probability of the positive class, or of each class."""
        if isinstance(rows, Sequence) and not rows:
            # no row says which columns there are
            rows = {name: [] for name in self.columns}
        return self.predictions(tables.typed(tables.of_memory(rows), self.columns), proba=proba)

    def scores(self, table: pa.Table) -> tuple[NDArray[Any], str]:
        """The model's own numbers for rows in the model's types, as `evaluate` has them, and what they are."""
        import numpy as np

        # an empty table is a batch too: it says which columns the result has
        parts = [
            self._learned.predict(self.encoder.encode(table.slice(first, self._batch), scoring=True))
            for first in range(0, len(table), self._batch)
        ]
        if not parts:
            return self._nothing(), "probability" if self.classes else "value"
        return np.concatenate([score for score, _ in parts]), parts[-1][1]

    def _nothing(self) -> NDArray[Any]:
        import numpy as np

        return np.zeros((0, len(self.classes)) if len(self.classes) > 2 else 0)

    def predictions(self, table: pa.Table, *, proba: bool = False) -> pa.Table:
        """The columns `prediction` and, with `proba`, `probability` or `probability_<class>`, for rows in the model's types."""
        import pyarrow as pa

        score, kind = self.scores(table)
        if proba and kind != "probability":
            raise WrongUsage("--proba: " + ("a number has no probability" if not self.classes else "this model gives no probabilities"))
        if not self.classes:
            return pa.table({"prediction": score})
        columns = {"prediction": self._names(self._chosen(score, kind))}
        if proba and score.ndim == 1:
            columns["probability"] = score
        elif proba:
            columns |= {f"probability_{_text(name)}": score[:, place] for place, name in enumerate(self.classes)}
        return pa.table(columns)

    def _chosen(self, score: NDArray[Any], kind: str) -> NDArray[Any]:
        """The place of each row's class."""
        import numpy as np

        if score.ndim == 2:
            return np.asarray(score.argmax(axis=1))
        if self.threshold is not None:
            return np.asarray(score >= self.threshold, dtype=np.int64)
        return np.asarray(score > (0.5 if kind == "probability" else 0.0), dtype=np.int64)

    def _names(self, places: NDArray[Any]) -> pa.Array:
        """The classes as the spec names them; as text where they are of several types."""
        import pyarrow as pa

        try:
            names = pa.array(self.classes)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            names = pa.array([_text(name) for name in self.classes])
        return names.take(pa.array(places))


def _text(name: Any) -> str:
    return str(name).lower() if isinstance(name, bool) else str(name)
