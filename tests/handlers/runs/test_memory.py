"""After an attempt that was killed for its memory there is one with more, and then the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.contracts import GaveUp
from handlers.modelspec.model import ModelSpec
from handlers.runs import memory
from handlers.storage import FolderStore
from tests.handlers.data.test_encode import SPEC


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "bucket")


def attempt(monkeypatch: pytest.MonkeyPatch, store: FolderStore, resources: object, last: str = "") -> None:
    monkeypatch.setenv("RETRAIN_LAST", last)
    spec = ModelSpec.model_validate({**SPEC.tree(), "resources": {"train": resources}})
    memory.enough(store, "m", "r", "train", "t", spec)


GROWS = {"memory": {"request": "2Gi", "limit": "8Gi"}}


def test_what_cannot_grow_ends_with_what_to_raise(monkeypatch: pytest.MonkeyPatch, store: FolderStore) -> None:
    attempt(monkeypatch, store, {"memory": "2Gi"})
    with pytest.raises(GaveUp, match=r"trial t ran out of memory: it was killed at its limit of 2Gi; raise resources.train.memory"):
        attempt(monkeypatch, store, {"memory": "2Gi"}, "out of memory")
    assert list(store.list("")) == []


def test_what_can_grow_grows_once(monkeypatch: pytest.MonkeyPatch, store: FolderStore) -> None:
    attempt(monkeypatch, store, GROWS)
    assert list(store.list("")) == []
    attempt(monkeypatch, store, GROWS, "out of memory")
    with pytest.raises(GaveUp, match="its limit of 8Gi"):
        attempt(monkeypatch, store, GROWS, "out of memory")


def test_an_attempt_that_was_lost_with_more_memory_costs_nothing(monkeypatch: pytest.MonkeyPatch, store: FolderStore) -> None:
    """It is followed by one with what the first had: killed again, it gets more again."""
    attempt(monkeypatch, store, GROWS, "out of memory")
    attempt(monkeypatch, store, GROWS)
    attempt(monkeypatch, store, GROWS, "out of memory")
    with pytest.raises(GaveUp, match="its limit of 8Gi"):
        attempt(monkeypatch, store, GROWS, "out of memory")
