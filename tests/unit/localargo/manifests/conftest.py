"""Checks of a text, as lines that tests can read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from localargo.errors import Finding
from localargo.manifests.validate import check
from localargo.manifests.yaml import load_documents

Lint = Callable[..., list[Finding]]


@pytest.fixture
def lint() -> Lint:
    """The findings about a text, without those about fields that are only kept."""

    def run(text: str, world: str = "", *, kept: bool = False) -> list[Finding]:
        found = check(load_documents(text, "m.yaml"), load_documents(world, "world.yaml"))
        return [finding for finding in found if kept or finding.severity != "kept"]

    return run
