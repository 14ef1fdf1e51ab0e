"""Constant answers learned from train."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from handlers.data.read import Targets
from handlers.metrics.baseline import baseline
from handlers.metrics.predictions import Predictions


def batch(y: list[float], unit: list[int], weight: list[float] | None = None) -> Targets:
    return Targets(np.asarray(y), None if weight is None else np.asarray(weight), np.asarray(unit))


def rows(y: list[float], score: Any, kind: Any) -> Predictions:
    return Predictions(np.asarray(y), np.asarray(score), np.ones(len(y)), np.arange(len(y)), kind)


TRAIN = [batch([0, 0, 1], [1, 1, 1]), batch([0], [2])]


def test_majority_says_the_shares_of_train() -> None:
    found = baseline("majority", "binary", 2, TRAIN, rows([0, 1], [0.1, 0.9], "probability"), ["roc_auc", "log_loss", "accuracy"])
    assert found["answer"] == [0.75, 0.25]
    assert found["values"]["roc_auc"] == 0.5
    assert found["values"]["accuracy"] == 0.5
    assert found["values"]["log_loss"] == pytest.approx(-(math.log(0.75) + math.log(0.25)) / 2)


def test_majority_counts_weights_and_needs_no_probabilities_of_the_model() -> None:
    found = baseline("majority", "binary", 2, [batch([0, 1], [1, 1], [1.0, 3.0])], rows([0, 1], [-1.0, 1.0], "decision"), ["accuracy"])
    assert found["answer"] == [0.25, 0.75]
    assert found["values"]["accuracy"] == 0.5


def test_majority_of_many_classes() -> None:
    train = [batch([0, 2, 2, 1], [1, 1, 1, 1])]
    found = baseline("majority", "multiclass", 3, train, rows([0, 2, 1], np.eye(3), "probability"), ["accuracy", "log_loss"])
    assert found["values"]["accuracy"] == pytest.approx(1 / 3)


def test_median_and_last_value_of_numbers() -> None:
    train = [batch([1.0, 2.0, 9.0], [1, 1, 2]), batch([5.0, 7.0], [2, 3]), batch([9.0], [3])]
    test = rows([6.0, 8.0], [0.0, 0.0], "value")
    assert baseline("median", "regression", 0, train, test, ["mae"]) == {"name": "median", "answer": [6.0], "values": {"mae": 1.0}}
    last = baseline("last_value", "regression", 0, train, test, ["mae", "r2"])
    assert last["answer"] == [8.0]
    assert last["values"]["mae"] == 1.0


def test_an_undefined_value_is_none() -> None:
    found = baseline("majority", "binary", 2, TRAIN, rows([1, 1], [0.1, 0.9], "probability"), ["roc_auc"])
    assert found["values"]["roc_auc"] is None
