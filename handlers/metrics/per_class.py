"""Precision, recall and f1 of each class: a mean over classes may hide one that is never found."""

from __future__ import annotations

from typing import Any

from handlers.data.long_arrays import chosen
from handlers.metrics.metrics import labels
from handlers.metrics.predictions import Predictions
from handlers.modelspec.model import ModelSpec


def per_class(spec: ModelSpec, ours: Predictions, theirs: Predictions | None) -> list[dict[str, Any]]:
    """{"class", "rows", "challenger", "champion"} of every class, in the order of the spec; each model {"precision", "recall", "f1"}, where
    None is what no row tells. Nothing for a number."""
    if spec.task not in ("binary", "multiclass"):
        return []
    found = []
    for code, name in named(spec):
        row: dict[str, Any] = {"class": name, "rows": int((ours.truth == code).sum()), "challenger": _scores(ours, code)}
        found.append({**row, **({"champion": _scores(theirs, code)} if theirs is not None else {})})
    return found


def named(spec: ModelSpec) -> list[tuple[int, str]]:
    """The number of each class in the predictions, and its name; of a binary target 1 is the positive one."""
    target = spec.data.target
    names = list(target.classes or [False, True])
    shown = [str(name).lower() if isinstance(name, bool) else str(name) for name in names]
    if spec.task == "multiclass":
        return list(enumerate(shown))
    positive = names.index(target.positive) if target.positive is not None else 1
    return [(int(place == positive), name) for place, name in enumerate(shown)]


def _scores(predictions: Predictions, code: int) -> dict[str, float | None]:
    weight = predictions.weight

    def called(block: slice) -> Any:
        return labels(predictions, block) == code

    def true(block: slice) -> Any:
        return predictions.truth[block] == code

    which = (lambda block: called(block) & true(block), called, true)
    hits, of_called, of_true = (float(chosen(predictions.rows, each, weight.__getitem__).sum()) for each in which)
    return {
        "precision": hits / of_called if of_called else None,
        "recall": hits / of_true if of_true else None,
        "f1": 2 * hits / (of_called + of_true) if of_called + of_true else None,
    }
