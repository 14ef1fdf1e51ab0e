"""Memory is asked about before it is needed."""

from __future__ import annotations

import pytest

from handlers.contracts import BadSpec
from handlers.models.memory_check import needed, quantity


@pytest.mark.parametrize(
    ("text", "size"), [("512Mi", 512 * 2**20), ("2G", 2e9), ("1.5Gi", 1.5 * 2**30), ("1e9", 1e9), ("100k", 1e5), ("7", 7)]
)
def test_quantities(text: str, size: float) -> None:
    assert quantity(text) == size


def test_what_is_no_quantity() -> None:
    with pytest.raises(BadSpec, match=r"resources.train.memory: 'much' is not a quantity; write for example 2Gi"):
        quantity("much")


def test_dense_rows_need_every_column_and_sparse_ones_what_they_hold() -> None:
    floor = needed(0, 1000, 1000)
    assert needed(1000, 1000, 1000) - floor == 3 * 8 * 1000 * 1000
    assert needed(1000, 1000, 4) - floor == 3 * 56 * 1000
