"""Intervals over days: right on average, the same everywhere, honest where there is nothing to resample."""

from __future__ import annotations

import numpy as np
import pytest

from handlers.metrics.bootstrap import draws, interval, paired
from handlers.metrics.metrics import metric
from handlers.metrics.predictions import Grouped, Predictions

AUC = metric("binary", "roc_auc")
MAE = metric("regression", "mae")


def days(seed: int, clusters: int = 40, rows: int = 60, spread: float = 3.0) -> Predictions:
    """Errors that a whole day shares: the day's own standard deviation is `spread`, a row's is 1."""
    random = np.random.default_rng(seed)
    shared = np.repeat(random.normal(0.0, spread, clusters), rows)
    error = 10.0 + shared + random.normal(size=clusters * rows)
    return Predictions(np.zeros(len(error)), error, np.ones(len(error)), np.repeat(np.arange(clusters), rows), "value")


def test_draws_take_as_many_clusters_as_there_are_and_never_change() -> None:
    first = draws(14, 200)
    assert first.shape == (200, 14)
    assert (first.sum(axis=1) == 14).all()
    assert (first == draws(14, 200)).all()
    assert not (first == draws(14, 200, seed=1)).all()


def test_the_standard_error_is_that_of_the_days_not_of_the_rows() -> None:
    p = days(0)
    by_day = interval(MAE, p)
    by_row = interval(MAE, Predictions(p.truth, p.score, p.weight, np.arange(p.rows), "value"))
    means = p.score.reshape(40, 60).mean(axis=1)
    assert by_day.se == pytest.approx(means.std(ddof=1) / np.sqrt(40), rel=0.1)
    assert by_row.se is not None
    assert by_day.se is not None
    assert by_day.se > 4 * by_row.se


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(100):
        found = interval(MAE, days(seed, rows=5), resamples=300, confidence=0.9)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 10.0 <= found.high
    assert 80 <= covered <= 98


def test_one_day_leaves_nothing_to_resample() -> None:
    p = days(1, clusters=1)
    found = interval(MAE, p)
    assert (found.se, found.low, found.high, found.clusters) == (None, None, None, 1)
    assert paired(MAE, p, p).probability(0.0, 0.0) is None


def test_resamples_without_one_of_the_classes_are_left_out() -> None:
    truth = np.array([1.0] * 5 + [0.0] * 45)
    p = Predictions(truth, np.linspace(1.0, 0.0, 50), np.ones(50), np.repeat(np.arange(10), 5), "probability")
    found = interval(AUC, p)
    assert found.value == 1.0
    assert found.low == found.high == 1.0
    both = paired(AUC, p, p)
    assert 0 < len(both.resampled) < 1000


def test_a_model_against_itself_is_equal_in_every_resample() -> None:
    p = days(2)
    same = paired(MAE, p, p)
    assert same.difference.value == 0.0
    assert same.difference.se == 0.0
    assert same.probability(0.0, 0.0) == 1.0
    assert same.probability(0.001, 0.0) == 0.0


def test_pairing_removes_what_both_share() -> None:
    p = days(3, spread=1.0)
    better = Predictions(p.truth, p.score - 0.2, p.weight, p.cluster, "value")
    found = paired(MAE, better, p)
    assert found.difference.value == pytest.approx(0.2)
    assert found.difference.se == pytest.approx(0.0, abs=1e-9)
    assert found.challenger.se is not None
    assert found.challenger.se > 0.1
    assert found.probability(0.1, 0.0) == 1.0
    assert found.probability(0.3, 0.0) == 0.0
    # a share is a share of the champion's value, about 10
    assert found.probability(0.0, 0.01) == 1.0
    assert found.probability(0.0, 0.05) == 0.0


def test_other_rows_are_not_compared() -> None:
    with pytest.raises(ValueError, match="must predict the same rows"):
        paired(MAE, days(0), days(0, clusters=39))


def test_the_document_of_an_interval() -> None:
    found = interval(MAE, days(4)).to_json()
    assert set(found) == {"value", "se", "low", "high", "confidence", "clusters", "rows"}
    assert (found["clusters"], found["rows"], found["confidence"]) == (40, 2400, 0.95)


def test_clusters_beyond_the_most_are_joined_and_the_standard_error_stays() -> None:
    """Each row is its own cluster, as after a split by hash: the standard error of the mean is known."""
    ratios = []
    for seed in range(12):
        error = np.random.default_rng(seed).exponential(size=4000)
        found = interval(MAE, Predictions(np.zeros(4000), error, np.ones(4000), np.arange(4000) + seed, "value"))
        assert (found.clusters, found.rows) == (4000, 4000)
        assert found.se is not None
        ratios.append(found.se / (error.std(ddof=1) / np.sqrt(4000)))
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.03)


def test_an_area_over_joined_rows_has_the_standard_error_of_the_rows() -> None:
    random = np.random.default_rng(3)
    truth = (random.random(3000) < 0.3).astype(float)
    p = Predictions(
        truth, np.round(truth * 0.7 + random.normal(size=3000), 2), np.ones(3000), random.integers(-(2**62), 2**62, 3000), "decision"
    )
    alone = AUC.prepare(Grouped(p, 3000, 3000, np.arange(3000)))
    by_row = np.std([alone(row[None, :])[0] for row in draws(3000, 800)], ddof=1)
    assert interval(AUC, p).se == pytest.approx(by_row, rel=0.1)


def test_a_cluster_s_group_depends_on_nothing_else() -> None:
    whole = Predictions(np.zeros(2000), np.zeros(2000), np.ones(2000), np.arange(2000), "value").grouped
    half = Predictions(np.zeros(1000), np.zeros(1000), np.ones(1000), np.arange(1000), "value").grouped
    assert whole.size <= 512
    together = whole.index[:1000, None] == whole.index[None, :1000]
    assert (together == (half.index[:, None] == half.index[None, :])).all()
