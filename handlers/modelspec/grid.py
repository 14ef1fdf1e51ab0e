"""The trials that a search begins with, each with an id that stays the same when the search grows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from handlers.modelspec.model import ModelSpec
from handlers.modelspec.search_keys import Search
from handlers.modelspec.space import ATTEMPTS, corners, drawn
from handlers.storage import digest


@dataclass(frozen=True, slots=True)
class Trial:
    """`params` are only those that the search varies; `id` is the digest of them."""

    id: str
    params: dict[str, Any]

    @classmethod
    def of(cls, params: dict[str, Any]) -> Trial:
        return cls(digest(params), params)


def expand(spec: ModelSpec) -> list[Trial]:
    """The trials of a run, or of its first round where the search has several: every combination of the grid, in the order of the spec
    (last name fastest), or what is drawn; one trial without params where nothing is searched."""
    wanted = spec.search.drawn
    combinations = _combinations(spec.search)
    if wanted is None or (spec.search.space is None and wanted.n >= _size(spec.search)):
        return distinct(combinations)
    return distinct(itertools.islice(drawn(spec.search.ranges, wanted.seed), wanted.n * ATTEMPTS), most=wanted.n)


def probes(spec: ModelSpec) -> list[Trial]:
    """Trials that show whether the estimator accepts everything that the search may ask of it: of ranges the ends too."""
    more = corners(spec.search.ranges) if spec.search.space is not None else ()
    return distinct(itertools.chain((trial.params for trial in expand(spec)), more))


def distinct(found: Iterable[dict[str, Any]], most: int | None = None, but: Iterable[str] = ()) -> list[Trial]:
    """The trials of these parameters, each once, at most `most` of them, without those whose ids are given."""
    seen = set(but)
    trials: list[Trial] = []
    for params in found:
        if len(trials) == most:
            break
        trial = Trial.of(params)
        if trial.id not in seen:
            seen.add(trial.id)
            trials.append(trial)
    return trials


def varied(search: Search) -> list[str]:
    """The names of the parameters that differ between trials, in order."""
    return sorted(search.ranges)


def _combinations(search: Search) -> Iterable[dict[str, Any]]:
    grid = search.grid or {}
    return (dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))


def _size(search: Search) -> int:
    size = 1
    for values in (search.grid or {}).values():
        size *= len(values)
    return size
