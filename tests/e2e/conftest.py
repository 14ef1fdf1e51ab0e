"""One repository with its engine a test; whatever the test did to it, nothing of it runs on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    made = Repository(tmp_path)
    yield made
    if made.process is not None:
        made.kill(signal.SIGTERM)
