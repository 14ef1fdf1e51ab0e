"""Metrics of lists equal scikit-learn's and what they are defined as, whatever the order of the rows; resamples are of whole lists."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from handlers.data.coded import Coded
from handlers.metrics.baseline import baseline
from handlers.metrics.bootstrap import interval, paired
from handlers.metrics.metrics import METRICS, metric, value
from handlers.metrics.predictions import Predictions
from handlers.metrics.slices import slices
from handlers.modelspec.model import ModelSpec

NAMES = list(METRICS["ranking"])


def lists(seed: int, count: int = 60, digits: int = 9, graded: bool = True, empty: float = 0.1) -> Predictions:
    """Rows of lists of many lengths, mixed; some lists have no relevant row. Weights are a list's."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 30, count)
    cluster = np.repeat(random.permutation(count * 5)[:count] - 7, sizes)
    truth = random.integers(0, 4 if graded else 2, len(cluster)).astype(float) * (random.random(len(cluster)) < 0.4)
    truth *= np.repeat(random.random(count) >= empty, sizes)
    score = np.round(truth * 0.3 + random.normal(size=len(cluster)), digits)
    weight = np.repeat(random.integers(1, 4, count), sizes).astype(float)
    mixed = random.permutation(len(cluster))
    return Predictions(truth[mixed], score[mixed], weight[mixed], cluster[mixed], "value")


def each_list(p: Predictions) -> list[tuple[Any, Any, float]]:
    """(truth, score, weight) of each list that has a relevant row."""
    found = [(p.truth[p.cluster == one], p.score[p.cluster == one], float(p.weight[p.cluster == one][0])) for one in np.unique(p.cluster)]
    return [each for each in found if (each[0] > 0).any()]


def mean(p: Predictions, of: Callable[[Any, Any], float]) -> float:
    found = each_list(p)
    return float(np.average([of(truth, score) for truth, score, _ in found], weights=[weight for *_, weight in found]))


def places(score: Any, method: str) -> Any:
    """The place of each row, from 1, by looking at every pair."""
    above, equal = (score[None, :] > score[:, None]).sum(axis=1), (score[None, :] == score[:, None]).sum(axis=1)
    return above + (equal if method == "worst" else (equal + 1) / 2)


def map_at(truth: Any, score: Any, most: float) -> float:
    relevant, place = truth > 0, places(score, "worst")
    return float(
        sum((relevant & (place <= place[n])).sum() / place[n] for n in np.flatnonzero(relevant & (place <= most))) / relevant.sum()
    )


def ndcg_at(truth: Any, score: Any, most: int | None) -> float:
    # scikit-learn wants two rows; one row is in the best order
    return float(reference.ndcg_score([truth], [score], k=most)) if len(truth) > 1 else 1.0


@pytest.mark.parametrize("digits", [0, 1, 9])
@pytest.mark.parametrize("seed", range(3))
def test_equals_scikit_learn_with_ties_and_grades(seed: int, digits: int) -> None:
    p = lists(seed, digits=digits)
    for name in NAMES:
        if name.startswith("ndcg"):
            most = int(name.partition("@")[2]) if "@" in name else None
            assert value(metric("ranking", name), p) == pytest.approx(mean(p, partial(ndcg_at, most=most)), rel=1e-9), name
    precision = mean(p, lambda t, s: float(reference.label_ranking_average_precision_score([t > 0], [s])) if len(t) > 1 else 1.0)
    assert value(metric("ranking", "map"), p) == pytest.approx(precision, rel=1e-9)


@pytest.mark.parametrize("digits", [0, 9])
def test_equals_its_definition(digits: int) -> None:
    p = lists(7, digits=digits)
    assert value(metric("ranking", "mean_rank"), p) == pytest.approx(mean(p, lambda t, s: float(places(s, "mean")[t > 0].mean())))
    assert value(metric("ranking", "mrr"), p) == pytest.approx(mean(p, lambda t, s: float(1 / places(s, "worst")[t > 0].min())))
    for most in (1, 3, 10, 100):
        assert value(metric("ranking", f"map@{most}"), p) == pytest.approx(mean(p, partial(map_at, most=most)))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), digits=st.sampled_from([0, 1, 9]))
def test_the_order_of_the_rows_is_nothing(name: str, seed: int, digits: int) -> None:
    p = lists(seed, count=12, digits=digits)
    mixed = np.random.default_rng(seed).permutation(p.rows)
    other = Predictions(p.truth[mixed], p.score[mixed], p.weight[mixed], p.cluster[mixed], "value")
    assert value(metric("ranking", name), other) == pytest.approx(value(metric("ranking", name), p), nan_ok=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_list_drawn_twice_counts_twice(name: str) -> None:
    p = lists(3, count=20)
    counts = np.random.default_rng(0).integers(0, 3, p.grouped.size).astype(float)
    found = metric("ranking", name).prepare(p.grouped)(counts[None, :])[0]
    weighed = Predictions(p.truth, p.score, p.weight * counts[p.grouped.index], p.cluster, "value")
    assert found == pytest.approx(value(metric("ranking", name), weighed))


@pytest.mark.parametrize("name", NAMES)
def test_more_lists_than_are_resampled_alone_have_the_same_value(name: str) -> None:
    p = lists(4, count=2000)
    assert p.grouped.size < p.grouped.clusters == 2000
    whole = value(metric("ranking", name), p)
    halves = [p.only(np.isin(p.cluster, half)) for half in np.array_split(np.unique(p.cluster), 2)]
    weights = [sum(weight for *_, weight in each_list(half)) for half in halves]
    assert whole == pytest.approx(np.average([value(metric("ranking", name), half) for half in halves], weights=weights))


def test_an_interval_is_over_lists_and_shrinks_with_them() -> None:
    few, many = (interval(metric("ranking", "mean_rank"), lists(5, count=count)) for count in (50, 5000))
    assert many.clusters == 5000 and few.se is not None and many.se is not None
    assert few.se / many.se == pytest.approx(10, rel=0.5)


def test_a_better_order_is_better_in_every_metric() -> None:
    p = lists(6, count=300)
    better = Predictions(p.truth, p.score + p.truth, p.weight, p.cluster, "value")
    for name in NAMES:
        found = paired(metric("ranking", name), better, p)
        assert found.difference.value > 0 and found.probability(0.0, 0.0) == 1.0, name


def test_no_relevant_row_has_no_value() -> None:
    p = Predictions(np.zeros(6), np.arange(6.0), np.ones(6), np.arange(6) // 3, "value")
    assert all(np.isnan(value(metric("ranking", name), p)) for name in NAMES)


def test_the_baseline_is_lists_in_no_order() -> None:
    p = lists(8, count=500, digits=0)
    found = baseline("any order", "ranking", 0, [], p, ["mean_rank", "ndcg@10"])
    assert found["values"]["mean_rank"] == pytest.approx(mean(p, lambda t, s: (len(t) + 1) / 2))


def test_a_slice_has_whole_lists() -> None:
    cluster = np.repeat(np.arange(40), 5)
    device = np.where(cluster % 2 == 0, 0, 1)
    device[cluster == 2] = [0, 0, 1, 0, 0]
    truth = (np.arange(200) % 5 == 0).astype(float)
    coded = Coded(device, ["app", "web"])
    p = Predictions(truth, np.random.default_rng(0).normal(size=200), np.ones(200), cluster, "value", {"device": coded})
    spec = ModelSpec.model_validate(
        {
            "name": "m",
            "task": "ranking",
            "data": {
                "sources": {"incoming": {"prefix": "incoming/m/", "format": "parquet"}},
                "group": "s",
                "target": {"column": "y"},
                "split": {"by": "random", "valid": 0.1, "test": 0.1},
            },
            "model": {"estimator": "sklearn.linear_model.SGDRegressor"},
            "evaluate": {"select_by": "mrr", "slices": {"device": {"min_rows": 95}}},
        }
    )
    found = slices(spec, metric("ranking", "mrr"), p, None)
    assert [(row["value"], row["rows"]) for row in found] == [("web", 100), ("app", 95)], "without the list that has both"
