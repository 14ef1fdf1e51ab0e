"""A bucket and a receiver that RETRAIN_NOTIFY names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.handlers.events.outgoing import KEY, Clocked, known
from tests.handlers.events.receiving import Receiver, receiving


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clocked:
    monkeypatch.setenv("RETRAIN_BUCKET", "retrain")
    return Clocked(tmp_path / "bucket")


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as kept:
        known(monkeypatch, ops={"url": kept.url, "key": KEY}, chat={"url": kept.url})
        yield kept
