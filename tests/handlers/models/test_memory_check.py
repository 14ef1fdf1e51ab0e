"""Memory is asked about before it is needed."""

from __future__ import annotations

import pytest

from handlers.contracts import BadSpec
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset, PartRef
from handlers.models.memory_check import enough_memory, needed
from handlers.modelspec.model import Feature, ModelSpec
from tests.handlers.data.test_encode import SPEC


def test_dense_rows_need_every_column_and_sparse_ones_what_they_hold() -> None:
    floor = needed(0, 1000, 1000)
    assert needed(1000, 1000, 1000) - floor == 3 * 8 * 1000 * 1000
    assert needed(1000, 1000, 4) - floor == 3 * 56 * 1000


def spec(memory: str, batch_rows: int = 4096) -> ModelSpec:
    tree = SPEC.tree()
    tree["model"]["memory"] = memory
    tree["training"]["batch_rows"] = batch_rows
    return ModelSpec.model_validate({**tree, "resources": {"train": {"memory": "512Mi"}}})


def test_a_wide_text_needs_memory_for_a_batch_where_rows_are_dense() -> None:
    part = PartRef("k", "s", "train", 100_000, 1, [20454])
    dataset = Dataset("d", [part], {}, {}, {"x": Feature(type="text")}, {})
    encoder = Encoder(dataset, SPEC)
    enough_memory(dataset, spec("stream"), encoder, dense=False)
    enough_memory(dataset, spec("stream", batch_rows=100), encoder, dense=True)
    enough_memory(dataset, SPEC, encoder, dense=True)
    with pytest.raises(
        BadSpec, match=r"512Mi is too little for a batch: 4,096 rows of 65,536 columns need about 6,344Mi; .*batch_rows less"
    ):
        enough_memory(dataset, spec("stream"), encoder, dense=True)
    with pytest.raises(BadSpec, match=r"512Mi is too little for `memory: whole`: 100,000 rows of 65,536 columns need about 546Mi"):
        enough_memory(dataset, spec("whole"), encoder, dense=False)
