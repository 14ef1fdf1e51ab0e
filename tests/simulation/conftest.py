"""The explorer that the simulation's tests share: it remembers the quiet histories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.explore import Explorer, explorer


@pytest.fixture(scope="module")
def playing() -> Iterator[Explorer]:
    with explorer() as made:
        yield made
