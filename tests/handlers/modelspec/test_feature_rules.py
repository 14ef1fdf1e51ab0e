"""Options of features that do not fit each other or their type are named at their line."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.modelspec.test_parse import changed, finding


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ({"type": "category", "missing": "mean"}, "missing: not an option of type category; accepted: default, hash, min_count, serve"),
        ({"type": "boolean", "scale": "standard"}, "scale: not an option of type boolean; accepted: missing, serve"),
        ({"type": "vector", "size": 3, "scale": "standard"}, "scale: not an option of type vector; accepted: serve, size"),
        ({"type": "text", "min_count": 3}, "min_count: not an option of type text"),
        ({"type": "number", "units": ["hour"]}, "units: not an option of type number"),
        ({"type": "number", "missing": True}, "missing: true is not accepted for a number; accepted: mean, median, keep, or a number"),
        ({"type": "number", "clip": [0.9, 0.1]}, "clip: [0.9, 0.1] is not accepted; accepted: two quantiles of train from 0 to 1"),
        ({"type": "number", "clip": [0.1, 1.1]}, "clip: [0.1, 1.1] is not accepted"),
        ({"type": "boolean", "missing": "median"}, "missing: 'median' is not accepted for a boolean; accepted: true, false, mean, keep"),
        ({"type": "boolean", "missing": 1}, "missing: 1 is not accepted for a boolean"),
        ({"type": "timestamp"}, "units: this key is required for a timestamp; accepted: minute, hour"),
        ({"type": "timestamp", "units": ["hour", "hour"]}, "units: a unit occurs twice in hour, hour"),
        ({"type": "timestamp", "units": ["hours"]}, "'hours' is not accepted; accepted: 'minute', 'hour'"),
        ({"type": "timestamp", "units": ["epoch", "year"], "cyclic": True}, "cyclic: epoch and year have no period"),
        ({"type": "timestamp", "units": ["hour"], "scale": "standard"}, "scale: standard is only for the units epoch and year"),
        ({"type": "timestamp", "units": ["hour"], "timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not a time zone"),
        ({"type": "timestamp", "units": ["hour"], "timezone": "/etc/passwd"}, "timezone: '/etc/passwd' is not a time zone"),
        ({"type": "vector"}, "size: this key is required for a vector"),
        ({"type": "text", "ngrams": [2, 1]}, "ngrams: [2, 1] is not accepted"),
        ({"type": "text", "ngrams": [1, 11]}, "ngrams: [1, 11] is not accepted"),
        ({"type": "text", "hash": 1}, "hash"),
    ],
)
def test_an_option_that_does_not_fit_is_named(feature: dict[str, Any], words: str) -> None:
    found = finding(changed("spec.features.distance", feature))
    assert "spec.features.distance" in found
    assert words in found


def test_something_must_be_left_to_score_with() -> None:
    unserved = {"distance": {"type": "number", "serve": False}, "hour": {"type": "category", "serve": False}}
    assert "every feature has serve: false" in finding(changed("spec.features", unserved))


def test_a_csv_file_has_no_vectors() -> None:
    assert "a CSV file has no vectors" in finding(changed("spec.data.sources.incoming.columns.v", "vector"))
