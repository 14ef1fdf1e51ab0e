"""The trials of a grid, each with an id that stays the same when the grid grows."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from handlers.modelspec.model import ModelSpec
from handlers.storage import digest


@dataclass(frozen=True, slots=True)
class Trial:
    """`params` are only those that the grid varies; `id` is the digest of them."""

    id: str
    params: dict[str, Any]

    @classmethod
    def of(cls, params: dict[str, Any]) -> Trial:
        return cls(digest(params), params)


def expand(spec: ModelSpec) -> list[Trial]:
    """Every combination of the grid, in the order of the spec (last name fastest); one trial without params where there is none."""
    grid = spec.search.grid or {}
    combinations = itertools.product(*grid.values())
    trials = [Trial.of(dict(zip(grid, values, strict=True))) for values in combinations]
    return list({trial.id: trial for trial in trials}.values())
