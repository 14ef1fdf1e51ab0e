"""What an estimator of scikit-learn's says of encoded rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def scores(estimator: Any, rows: Any, classes: int) -> tuple[NDArray[Any], str]:
    """(score, kind): kind is probability, decision or value. `classes` is the number of classes, 0 where the target is a number."""
    import numpy as np

    if not classes:
        return np.asarray(estimator.predict(rows), dtype=np.float64), "value"
    probable = hasattr(estimator, "predict_proba")
    score = np.asarray(estimator.predict_proba(rows) if probable else estimator.decision_function(rows), dtype=np.float64)
    if not probable:
        return score, "decision"
    whole = np.zeros((score.shape[0], classes))
    whole[:, np.asarray(estimator.classes_, dtype=np.int64)] = score
    return (whole[:, 1] if classes == 2 else whole), "probability"
