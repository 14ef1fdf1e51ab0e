"""The small world as a fixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.handlers.stages.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/bucket")
    monkeypatch.setenv("RETRAIN_CODE_DIGEST", "c0de")
    yield World(tmp_path / "bucket", tmp_path / "out")
