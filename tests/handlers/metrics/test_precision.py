"""Average precision of resamples: exact while each threshold is looked at by itself, and close to it where thresholds are joined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.metrics.bootstrap import draws
from handlers.metrics.metrics import metric
from handlers.metrics.precision import BLOCKS
from handlers.metrics.predictions import Grouped, Predictions

OF = metric("binary", "average_precision")
ROWS = 40_000


def one_by_one(grouped: Grouped, counts: Any) -> Any:
    """Each resample by itself, exactly."""
    return np.asarray([OF.prepare(grouped)(one[None, :])[0] for one in counts])


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 4), st.sampled_from([0.5, 1.0, 3.0])), min_size=1, max_size=40)
)
def test_few_thresholds_are_exact(rows: list[tuple[bool, int, int, float]]) -> None:
    """With ties, weights, clusters of any size and resamples without positives."""
    truth, score, cluster, weight = (np.asarray(column, dtype=float) for column in zip(*rows, strict=True))
    grouped = Predictions(truth, score, weight, cluster, "decision").grouped
    counts = draws(grouped.size, 50)
    assert OF.prepare(grouped)(counts) == pytest.approx(one_by_one(grouped, counts), rel=1e-12, nan_ok=True)


def predictions(kind: str) -> Predictions:
    random = np.random.default_rng(3)
    share = 0.06 if kind == "rare" else 0.4
    truth = (random.random(ROWS) < share).astype(float)
    score = truth * (3.0 if kind in ("rare", "good") else 0.5) + random.normal(size=ROWS)
    weight = random.exponential(size=ROWS) if kind == "weighted" else np.ones(ROWS)
    cluster = np.arange(ROWS) * 30 // ROWS
    if kind == "bands":  # each cluster has scores of its own
        cluster = np.argsort(np.argsort(score)) * 30 // ROWS
    if kind == "stripes":  # two clusters take turns along the scores
        cluster = np.argsort(np.argsort(score)) // 7 % 2 + 2 * (np.arange(ROWS) % 3)
    if kind == "days":  # each with a share of positives of its own
        truth = (random.random(ROWS) < random.uniform(0.1, 0.7, 30)[cluster]).astype(float)
    if kind == "ties":
        score = np.round(score, 4)
    return Predictions(truth, score, weight, cluster, "decision")


@pytest.mark.parametrize("kind", ["plain", "rare", "good", "weighted", "bands", "stripes", "days", "ties"])
def test_joined_thresholds_are_off_by_hundredths_of_a_standard_error(kind: str) -> None:
    grouped = predictions(kind).grouped
    assert int(grouped.of.truth.sum()) > BLOCKS
    counts = draws(grouped.size, 60)
    exact = one_by_one(grouped, counts)
    off = np.abs(OF.prepare(grouped)(counts) - exact)
    assert off.max() < 1e-4
    assert off.max() < 0.03 * exact.std()
