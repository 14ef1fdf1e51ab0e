"""Each class's precision, recall and f1 are scikit-learn's, with weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from handlers.metrics.metrics import labels
from handlers.metrics.per_class import per_class
from handlers.metrics.predictions import Predictions
from handlers.modelspec import yaml12
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import parse
from tests.handlers.metrics.test_metrics import CLASSES, binary, multiclass, regression

TEXT = (Path(__file__).parents[3] / "models" / "flight-delay.yaml").read_text(encoding="utf-8")


def spec(task: str, **target: Any) -> ModelSpec:
    tree: Any = yaml12.load(TEXT)
    tree["spec"] |= {"task": task, "search": {}}
    tree["spec"]["data"]["target"] = {"column": "late", **target}
    return parse(json.dumps(tree))


def expected(p: Predictions, code: int) -> list[float]:
    found = precision_recall_fscore_support(p.truth, labels(p), labels=[code], sample_weight=p.weight)
    return [float(each[0]) for each in found[:3]]


@pytest.mark.parametrize("seed", range(3))
def test_equals_scikit_learn(seed: int) -> None:
    p, other = multiclass(seed), multiclass(seed + 10)
    names = [f"c{number}" for number in range(CLASSES)]
    found = per_class(spec("multiclass", classes=names), p, Predictions(p.truth, other.score, p.weight, p.cluster, "probability"))
    assert [row["class"] for row in found] == names
    for code, row in enumerate(found):
        assert row["rows"] == (p.truth == code).sum()
        assert list(row["challenger"].values()) == pytest.approx(expected(p, code))
        assert row["champion"] != row["challenger"]


@pytest.mark.parametrize(("positive", "codes"), [("yes", {"no": 0, "yes": 1}), ("no", {"no": 1, "yes": 0})])
def test_a_binary_target_has_its_positive_class_as_one(positive: str, codes: dict[str, int]) -> None:
    p = binary(1)
    found = per_class(spec("binary", classes=["no", "yes"], positive=positive), p, None)
    assert {row["class"]: list(row["challenger"].values()) for row in found} == {
        name: pytest.approx(expected(p, code)) for name, code in codes.items()
    }


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    p = Predictions(np.array([0.0, 1.0]), np.array([0.1, 0.2]), np.ones(2), np.arange(2), "probability")
    (_, positive) = per_class(spec("binary"), p, None)
    assert positive == {"class": "true", "rows": 1, "challenger": {"precision": None, "recall": 0.0, "f1": 0.0}}


def test_a_number_has_no_classes() -> None:
    assert per_class(spec("regression"), regression(0), None) == []
