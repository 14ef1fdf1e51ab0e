"""The threshold of a declared rule, against every threshold that there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.contracts import BadData
from handlers.metrics.metrics import metric, value
from handlers.metrics.predictions import Predictions
from handlers.metrics.threshold import threshold


def predictions(score: list[float], truth: list[int], weight: list[float] | None = None, at: float | None = None) -> Predictions:
    rows = len(score)
    given = np.ones(rows) if weight is None else np.asarray(weight)
    return Predictions(np.asarray(truth, float), np.asarray(score), given, np.arange(rows), "probability", threshold=at)


rows = st.lists(
    st.tuples(st.sampled_from([0.1, 0.25, 0.5, 0.7, 0.9]), st.integers(0, 1), st.sampled_from([0.5, 1.0, 3.0])), min_size=1, max_size=20
)


@settings(max_examples=60, deadline=None)
@given(rows.filter(lambda found: any(truth for _, truth, _ in found)), st.sampled_from(["f1", "accuracy"]))
def test_no_other_threshold_has_more(found: list[tuple[float, int, float]], name: str) -> None:
    score, truth, weight = (list(each) for each in zip(*found, strict=True))
    chosen = threshold({"maximise": name}, predictions(score, truth, weight))
    each = {at: value(metric("binary", name), predictions(score, truth, weight, at)) for at in sorted(set(score))}
    assert each[chosen["value"]] == pytest.approx(max(each.values()))
    assert chosen["value"] == max(at for at, of in each.items() if of == pytest.approx(max(each.values())))
    assert chosen["f1"] == pytest.approx(value(metric("binary", "f1"), predictions(score, truth, weight, chosen["value"])))


@settings(max_examples=60, deadline=None)
@given(rows.filter(lambda found: any(truth for _, truth, _ in found)), st.sampled_from([0.3, 0.6, 0.9]))
def test_so_much_precision_and_then_the_most_recall(found: list[tuple[float, int, float]], least: float) -> None:
    score, truth, weight = (np.asarray(each) for each in zip(*found, strict=True))
    enough: dict[float, Any] = {}
    for at in sorted(set(score.tolist())):
        hit = score >= at
        precision = (weight * truth)[hit].sum() / weight[hit].sum()
        if precision >= least:
            enough[at] = (weight * truth)[hit].sum()
    given = predictions(score.tolist(), truth.tolist(), weight.tolist())
    if not enough:
        with pytest.raises(BadData, match=f"no threshold has a precision of {least} on valid, the largest is"):
            threshold({"precision_at_least": least}, given)
        return
    chosen = threshold({"precision_at_least": least}, given)
    assert chosen["precision"] >= least
    assert enough[chosen["value"]] == pytest.approx(max(enough.values()))


def test_without_a_positive_row_there_is_none() -> None:
    with pytest.raises(BadData, match="no row of valid is positive"):
        threshold({"maximise": "f1"}, predictions([0.1, 0.2], [0, 0]))
