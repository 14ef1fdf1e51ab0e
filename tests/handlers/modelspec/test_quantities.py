"""Quantities as numbers."""

from __future__ import annotations

import pytest

from handlers.modelspec.quantities import amount


@pytest.mark.parametrize(
    ("text", "size"), [("512Mi", 512 * 2**20), ("2G", 2e9), ("1.5Gi", 1.5 * 2**30), ("100k", 1e5), ("7", 7), ("500m", 0.5)]
)
def test_what_a_quantity_is(text: str, size: float) -> None:
    assert amount(text) == size


@pytest.mark.parametrize("text", ["much", "", "-1", "1e9", "2 Gi"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity; accepted: 2, 500m, 64Mi, 4Gi"):
        amount(text)
