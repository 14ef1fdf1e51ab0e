"""Every metric equals scikit-learn's, with weights and ties, and counts of clusters mean repeated rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from handlers.contracts import BadSpec
from handlers.metrics.metrics import METRICS, metric, value, values
from handlers.metrics.ordered import roc_curve
from handlers.metrics.predictions import Predictions, ScoreKind

CLASSES = 4


def binary(seed: int, rows: int = 400, kind: ScoreKind = "probability") -> Predictions:
    random = np.random.default_rng(seed)
    truth = (random.random(rows) < 0.3).astype(float)
    # rounded, so that there are ties
    score = np.round(np.clip(0.3 + 0.2 * truth + 0.2 * random.normal(size=rows), 0.0, 1.0), 2)
    score = score if kind == "probability" else score - 0.5
    return Predictions(truth, score, random.integers(1, 4, rows).astype(float), random.integers(0, 9, rows), kind)


def multiclass(seed: int, rows: int = 400) -> Predictions:
    random = np.random.default_rng(seed)
    truth = random.integers(0, CLASSES, rows).astype(float)
    raw = random.random((rows, CLASSES)) + np.eye(CLASSES)[truth.astype(int)] * 0.5
    score = raw / raw.sum(axis=1, keepdims=True)
    return Predictions(truth, score, random.random(rows) + 0.1, random.integers(0, 9, rows), "probability")


def regression(seed: int, rows: int = 401) -> Predictions:
    random = np.random.default_rng(seed)
    truth = random.normal(1000.0, 30.0, rows)
    return Predictions(truth, truth + random.normal(2.0, 12.0, rows), random.random(rows) + 0.1, random.integers(0, 9, rows), "value")


def expected(task: str, name: str, p: Predictions) -> Any:
    weight = p.weight
    if task == "binary":
        called = (p.score > (0.5 if p.kind == "probability" else 0.0)).astype(int)
        two: Any = {
            "roc_auc": lambda: reference.roc_auc_score(p.truth, p.score, sample_weight=weight),
            "average_precision": lambda: reference.average_precision_score(p.truth, p.score, sample_weight=weight),
            "log_loss": lambda: reference.log_loss(p.truth, p.score, sample_weight=weight),
            "brier": lambda: reference.brier_score_loss(p.truth, p.score, sample_weight=weight),
            "accuracy": lambda: reference.accuracy_score(p.truth, called, sample_weight=weight),
            "f1": lambda: reference.f1_score(p.truth, called, sample_weight=weight),
            "ece": lambda: calibration(p.score, p.truth, weight),
        }
        return two[name]()
    if task == "multiclass":
        chosen = p.score.argmax(axis=1)
        each = [reference.roc_auc_score(p.truth == c, p.score[:, c], sample_weight=weight) for c in range(CLASSES)]
        many: Any = {
            "log_loss": lambda: reference.log_loss(p.truth, p.score, sample_weight=weight),
            "accuracy": lambda: reference.accuracy_score(p.truth, chosen, sample_weight=weight),
            "f1_macro": lambda: reference.f1_score(p.truth, chosen, average="macro", sample_weight=weight),
            "roc_auc_ovr": lambda: float(np.mean(each)),
            "ece": lambda: calibration(p.score.max(axis=1), (chosen == p.truth).astype(float), weight),
        }
        return many[name]()
    of: Any = {
        "mae": lambda: reference.mean_absolute_error(p.truth, p.score, sample_weight=weight),
        "rmse": lambda: reference.root_mean_squared_error(p.truth, p.score, sample_weight=weight),
        "r2": lambda: reference.r2_score(p.truth, p.score, sample_weight=weight),
        "mape": lambda: reference.mean_absolute_percentage_error(p.truth, p.score, sample_weight=weight),
        "median_ae": lambda: reference.median_absolute_error(p.truth, p.score, sample_weight=weight),
    }
    if name.startswith("pinball@"):
        return reference.mean_pinball_loss(p.truth, p.score, sample_weight=weight, alpha=float(name.removeprefix("pinball@")))
    return of[name]()


def calibration(probability: Any, hit: Any, weight: Any) -> float:
    """Bin by bin, as it is defined."""
    found = 0.0
    for low in np.arange(10) / 10:
        here = (probability >= low) & ((probability < low + 0.1 - 1e-12) | (low == 0.9))
        if here.any():
            gap = np.average(probability[here], weights=weight[here]) - np.average(hit[here], weights=weight[here])
            found += abs(gap) * weight[here].sum()
    return float(found / weight.sum())


MAKE = {"binary": binary, "multiclass": multiclass, "regression": regression}
# those of rankings: test_ranking.py
ALL = [(task, name) for task in MAKE for name in METRICS[task]]


@pytest.mark.parametrize(("task", "name"), ALL)
@pytest.mark.parametrize("seed", range(3))
def test_equals_scikit_learn(task: str, name: str, seed: int) -> None:
    p = MAKE[task](seed)
    assert value(metric(task, name), p) == pytest.approx(expected(task, name, p), abs=1e-12, rel=1e-9)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "accuracy", "f1"])
def test_decision_values_are_cut_at_zero(name: str) -> None:
    p = binary(5, kind="decision")
    assert value(metric("binary", name), p) == pytest.approx(expected("binary", name, p), abs=1e-12)


def test_unweighted_median_of_an_even_number_of_rows_is_the_middle_of_two() -> None:
    p = Predictions(np.zeros(4), np.array([1.0, 2.0, 4.0, 9.0]), np.ones(4), np.zeros(4), "value")
    assert value(metric("regression", "median_ae"), p) == 3.0


@pytest.mark.parametrize(("task", "name"), ALL)
@settings(max_examples=15, deadline=None)
@given(counts=st.lists(st.integers(0, 3), min_size=9, max_size=9).filter(lambda c: sum(c) >= 4))
def test_a_resample_is_the_rows_repeated(task: str, name: str, counts: list[int]) -> None:
    p = MAKE[task](11, rows=300)
    grouped = p.grouped
    drawn = np.repeat(np.arange(300), np.asarray(counts)[grouped.index])
    repeated = Predictions(p.truth[drawn], p.score[drawn], p.weight[drawn], p.cluster[drawn], p.kind)
    asked = metric(task, name)
    assert asked.prepare(grouped)(np.asarray([counts], dtype=float))[0] == pytest.approx(value(asked, repeated), abs=1e-9)


@st.composite
def rows_of_clusters(draw: st.DrawFn, task: str) -> tuple[Predictions, Any]:
    """Rows with ties, weights (zero among them), scores that fill a block, clusters of one class; and how often each cluster is drawn."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, clusters = draw(st.integers(1, 400)), draw(st.integers(1, 40))
    cluster = random.integers(0, clusters, rows) * draw(st.sampled_from([1, 7, 10**12])) - draw(st.sampled_from([0, 3]))
    digits = draw(st.sampled_from([0, 1, 2, 9]))
    weight = np.ones(rows) if draw(st.booleans()) else np.round(random.random(rows) * 3, 1)
    counts = random.multinomial(clusters, np.full(clusters, 1 / clusters), size=8).astype(float)
    if task == "regression":
        truth = np.round(random.normal(5, 2, rows), 1)
        p = Predictions(truth, np.round(truth + random.normal(size=rows), digits), weight, cluster, "value")
    elif task == "binary":
        share = random.choice([0.0, 0.2, 1.0], clusters, p=[0.2, 0.6, 0.2])[(cluster - cluster.min()) % clusters]
        p = Predictions((random.random(rows) < share).astype(float), np.round(random.random(rows), digits), weight, cluster, "probability")
    else:
        raw = np.round(random.random((rows, CLASSES)) + 0.01, digits) + 0.01
        score = raw / raw.sum(axis=1, keepdims=True)
        p = Predictions(random.integers(0, CLASSES, rows).astype(float), score, weight, cluster, "probability")
    return p, counts[:, : p.grouped.size]


@pytest.mark.parametrize(("task", "name"), ALL)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_all_resamples_at_once_have_the_values_of_each_alone(task: str, name: str, data: st.DataObject) -> None:
    p, counts = data.draw(rows_of_clusters(task))
    compute = metric(task, name).prepare(p.grouped)
    with np.errstate(all="ignore"):
        alone = np.concatenate([compute(row[None, :]) for row in counts])
        together = compute(counts)
    assert together == pytest.approx(alone, abs=1e-12, rel=1e-12, nan_ok=True)


def test_one_class_has_no_area() -> None:
    p = binary(1)
    alone = Predictions(np.ones(p.rows), p.score, p.weight, p.cluster, p.kind)
    assert math.isnan(value(metric("binary", "roc_auc"), alone))
    assert math.isnan(value(metric("binary", "roc_auc"), Predictions(*(np.zeros(0),) * 4, "probability")))


def test_a_class_that_no_row_has_is_left_out_of_the_mean() -> None:
    p = multiclass(2)
    kept = p.truth != 3
    fewer = Predictions(p.truth[kept], p.score[kept], p.weight[kept], p.cluster[kept], p.kind)
    each = [reference.roc_auc_score(fewer.truth == c, fewer.score[:, c], sample_weight=fewer.weight) for c in range(3)]
    assert value(metric("multiclass", "roc_auc_ovr"), fewer) == pytest.approx(np.mean(each))


def test_directions() -> None:
    assert metric("binary", "roc_auc").better(0.7, 0.6)
    assert metric("regression", "mae").better(1.0, 2.0)
    assert metric("regression", "mae").improvement(8.0, 10.0) == 2.0
    assert {name for name, found in METRICS["regression"].items() if found.higher} == {"r2"}


def test_an_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(BadSpec, match=r"'roc_auk' is not a metric of task 'binary'.*did you mean 'roc_auc'\?"):
        metric("binary", "roc_auk")
    with pytest.raises(BadSpec, match="task 'clustering' has no metrics"):
        metric("clustering", "ndcg")


def test_values_keep_the_order_of_the_names() -> None:
    assert list(values("binary", ["log_loss", "roc_auc"], binary(0))) == ["log_loss", "roc_auc"]


def test_the_curve_runs_from_corner_to_corner_and_has_the_metric_s_area() -> None:
    p = binary(3, rows=3000)
    points = roc_curve(p.grouped, 100)
    assert points[0] == (0.0, 0.0)
    assert points[-1] == (1.0, 1.0)
    assert len(points) <= 100
    x, y = zip(*points, strict=True)
    assert list(x) == sorted(x)
    assert np.trapezoid(y, x) == pytest.approx(value(metric("binary", "roc_auc"), p), abs=2e-3)


@pytest.mark.parametrize(("task", "name"), [pair for pair in ALL if pair[1] not in ("f1", "f1_macro")])
def test_rows_without_any_weight_have_no_value(task: str, name: str) -> None:
    p = MAKE[task](1)
    assert np.isnan(value(metric(task, name), Predictions(p.truth, p.score, np.zeros(p.rows), p.cluster, p.kind)))
