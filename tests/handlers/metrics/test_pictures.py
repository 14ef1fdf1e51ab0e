"""What a report draws: few figures, those that the rows give, in blocks as at once."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from handlers.data import long_arrays
from handlers.metrics.pictures import PLACES, pictures
from tests.handlers.report.reports import CLASSES, METRICS, envelope, predictions


@pytest.mark.parametrize("task", METRICS)
def test_the_figures_are_few_and_no_number_is_undefined(task: str) -> None:
    found = pictures(envelope(task), predictions(task, 1.0))
    text = json.dumps(found, allow_nan=False)
    assert found and len(text) < 8000


@pytest.mark.parametrize("task", METRICS)
def test_blocks_of_rows_give_the_same_figures(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pictures(envelope(task), predictions(task, 1.0))
    monkeypatch.setattr(long_arrays, "BLOCK", 64)
    monkeypatch.setattr(long_arrays, "IN_MEMORY", 1 << 10)
    assert pictures(envelope(task), predictions(task, 1.0)) == whole


def test_precision_and_recall_are_those_of_scikit_learn() -> None:
    given = predictions("binary", 1.0)
    precision, recall, scores = precision_recall_curve(given.truth, given.score)
    points = pictures(envelope("binary"), given)["thresholds"]
    assert points[-1][1:] == [1.0, pytest.approx(given.truth.mean(), abs=1e-4)]
    for score, *pair in points:
        near = np.flatnonzero(np.abs(scores - score) < 1e-4)
        assert any(pair == pytest.approx([recall[i], precision[i]], abs=1e-4) for i in near)


def test_calibration_is_that_of_scikit_learn() -> None:
    given = predictions("binary", 1.0)
    hits, scores = calibration_curve(given.truth, given.score, n_bins=10)
    found = pictures(envelope("binary"), given)["calibration"]
    assert [(score, hit) for score, hit, _ in found] == [pytest.approx(pair, abs=1e-4) for pair in zip(scores, hits, strict=True)]
    assert sum(rows for *_, rows in found) == given.rows
    assert "calibration" not in pictures(envelope("binary"), replace(given, kind="decision"))


def test_a_confusion_matrix_counts_rows_by_true_and_called_class() -> None:
    given = predictions("multiclass", 1.0)
    found = pictures(envelope("multiclass"), given)["confusion"]
    assert found["classes"] == CLASSES
    assert found["rows"] == confusion_matrix(given.truth, given.score.argmax(axis=1)).tolist()


def test_the_threshold_decides_in_the_matrix_of_two_classes() -> None:
    given = predictions("binary", 1.0)
    found = pictures(envelope("binary"), given)["confusion"]
    assert found["classes"] == ["in time", "late"]
    assert found["rows"] == confusion_matrix(given.truth, given.score >= 0.6).tolist()


def test_each_class_has_its_curve_against_all_others() -> None:
    given = predictions("multiclass", 1.0)
    curves = pictures(envelope("multiclass"), given)["rocs"]
    assert list(curves) == CLASSES
    false, true, _ = roc_curve(given.truth == 2, given.score[:, 2])
    for x, y in curves["late"]:
        assert np.interp(x - 1e-3, false, true) - 1e-3 <= y <= np.interp(x + 1e-3, false, true) + 1e-2


def test_every_row_lies_in_a_cell_and_in_a_step_of_the_residuals() -> None:
    given = predictions("regression", 1.0)
    given.truth[0] = 1e6  # at the edge, and the scale of the others stays
    found = pictures(envelope("regression"), given)
    assert sum(rows for *_, rows in found["predicted"]["cells"]) == given.rows
    assert sum(found["residuals"]["rows"]) == given.rows
    assert found["residuals"]["low"] >= (given.score - given.truth).min()


def test_a_number_that_never_changes_has_no_picture() -> None:
    given = predictions("regression", 1.0)
    assert "predicted" not in pictures(envelope("regression"), replace(given, truth=np.zeros(given.rows)))


def test_places_tell_how_relevant_the_first_rows_of_lists_are() -> None:
    given = predictions("ranking", 1.0)
    places = pictures(envelope("ranking"), given)["places"]
    first = [given.truth[given.cluster == each][given.score[given.cluster == each].argmax()] for each in np.unique(given.cluster)]
    assert places[0] == [1, pytest.approx(np.mean(first), abs=1e-4), len(first)]
    assert len(places) == PLACES
