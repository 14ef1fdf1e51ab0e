"""A small storm of uploads: the promises of `benchmarks/storm.py`, all but how long it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import storm

pytestmark = pytest.mark.slow


def test_every_upload_is_in_the_last_of_at_most_two_trainings(tmp_path: Path) -> None:
    found = storm.storm(tmp_path, 120, 3)
    assert storm.broken(found, storm.PATIENCE) == []
    assert found["workflows"] < 10


def test_a_broken_promise_is_named() -> None:
    found = {"uploads": 5, "events": 5, "trainings": 3, "objects_in_last_snapshot": 4, "seconds_after_last_upload": 61.0}
    assert storm.broken(found, 60.0) == [
        "3 trainings, promised are 1 to 2",
        "the last snapshot has 4 of 5 objects",
        "the last training ended 61.0 s after the last upload, promised are 60 s",
    ]
