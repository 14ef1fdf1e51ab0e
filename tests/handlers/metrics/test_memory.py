"""Metrics of many rows need little more memory than those of few, and are the same to the last bit."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from handlers.data import long_arrays
from handlers.data.coded import Coded
from handlers.data.long_arrays import Growing
from handlers.metrics import concordance
from handlers.metrics.bootstrap import interval, paired
from handlers.metrics.metrics import METRICS, metric, values
from handlers.metrics.ordered import roc_curve
from handlers.metrics.predictions import Predictions, ScoreKind
from handlers.metrics.threshold import threshold

KINDS: dict[str, ScoreKind] = {"binary": "probability", "multiclass": "probability", "regression": "value", "ranking": "value"}


def batches(task: str, rows: int, how: str, size: int = 10_000) -> Iterator[tuple[Any, ...]]:
    """(truth, score, weight, cluster) of some rows at a time; `how` says what a cluster is."""
    for first in range(0, rows, size):
        count = min(size, rows - first)
        random = np.random.default_rng(first)
        score = random.normal(size=count).round(2 if how == "days" else 9)
        truth = score + random.normal(size=count)
        weight = random.random(count) + 0.1 if how == "hashes" else np.ones(count)
        number = np.arange(first, first + count)
        # those of a list lie apart, as those of a hash do
        hashed = (number % max(1, rows // 9)) * 0x1B873593 * 2**20 % 2**62
        cluster = 15_000 + number % 40 if how == "days" else number if how == "rows" else hashed
        if task == "ranking":
            yield np.maximum(0, truth.round() - 1), score, weight, hashed
        elif task == "multiclass":
            three = np.exp(np.stack([score, -score, random.normal(size=count)], axis=1))
            yield np.digitize(truth, [-1, 1]).astype(float), three / three.sum(axis=1, keepdims=True), weight, cluster
        elif task == "binary":
            yield (truth > 0.5).astype(float), 1 / (1 + np.exp(-score)), weight, cluster
        else:
            yield truth, score, weight, cluster


def predictions(task: str, rows: int, how: str, turned: bool = False) -> Predictions:
    arrays, codes = [Growing() for _ in range(4)], Growing()
    for truth, score, weight, cluster in batches(task, rows, how):
        other = score[:, ::-1] if score.ndim == 2 else 1 - score
        for array, part in zip(arrays, (truth, other if turned else score, weight, cluster), strict=True):
            array.add(part)
        codes.add(cluster % 3)
    truth, score, weight, cluster = (array.array() for array in arrays)
    return Predictions(truth, score, weight, cluster, KINDS[task], {"side": Coded(codes.array(), ["a", "b", "c"])})


def judged(task: str, rows: int, how: str) -> list[Any]:
    ours, theirs = predictions(task, rows, how), predictions(task, rows, how, turned=True)
    found: list[Any] = [values(task, list(METRICS[task]), ours)]
    for name in METRICS[task]:
        found.append(interval(metric(task, name), ours, resamples=20).to_json())
        found.append(paired(metric(task, name), ours, theirs, resamples=20).difference.to_json())
    if task == "binary":
        found += [threshold(rule, ours) for rule in ({"maximise": "f1"}, {"maximise": "accuracy"}, {"precision_at_least": 0.5})]
        found.append(roc_curve(ours.grouped))
    side = ours.columns["side"]
    found += [side.counts(), values(task, list(METRICS[task])[:1], ours.only(side.codes == 1))]
    return found


@pytest.mark.parametrize("how", ["days", "hashes", "rows"])
@pytest.mark.parametrize("task", METRICS)
def test_what_is_made_in_blocks_and_files_is_the_same_to_the_last_bit(task: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = judged(task, 2_003, how)
    monkeypatch.setattr(long_arrays, "IN_MEMORY", 1_000)
    monkeypatch.setattr(long_arrays, "BLOCK", 777)
    assert repr(judged(task, 2_003, how)) == repr(whole)


@pytest.mark.parametrize(
    ("task", "how", "names"),
    [
        ("binary", "hashes", ["roc_auc", "average_precision", "log_loss", "ece", "f1"]),
        ("regression", "rows", ["rmse", "r2", "median_ae"]),
        ("ranking", "hashes", ["ndcg@10", "map", "mrr", "mean_rank"]),
    ],
)
def test_ten_times_the_rows_need_no_more_memory(task: str, how: str, names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_arrays, "IN_MEMORY", 64 << 10)
    monkeypatch.setattr(long_arrays, "BLOCK", 8 << 10)
    # what does not grow with the rows is to be small beside what might
    for name in ("PAIRS", "CELLS", "LOOKED"):
        monkeypatch.setattr(concordance, name, 16 << 10)

    def peak(rows: int) -> int:
        tracemalloc.start()
        found = predictions(task, rows, how)
        for name in names:
            interval(metric(task, name), found, resamples=5)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(5_000)  # imports
    few, many = peak(40_000), peak(400_000)
    assert many < 1.5 * few, f"{few:,} and {many:,} bytes"
