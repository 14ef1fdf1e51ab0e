"""An exported model as a `python_function` of MLflow: `mlflow.pyfunc.load_model(folder)` finds this module in its MLmodel file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handlers.scoring import learned
from handlers.scoring.scorer import Scorer


class Model:
    """What MLflow asks: a DataFrame of rows in, a DataFrame of predictions out; `params={"proba": True}` adds the probabilities."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def predict(self, rows: Any, params: Mapping[str, Any] | None = None) -> Any:
        return self._scorer.predict(rows, proba=bool((params or {}).get("proba"))).to_pandas()


def _load_pyfunc(path: str) -> Model:
    folder = Path(path)
    return Model(learned.scorer(folder))
