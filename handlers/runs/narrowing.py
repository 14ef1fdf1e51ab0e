"""Ranges that get narrower round by round, around the best trial so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from handlers.modelspec.search_keys import Range
from handlers.modelspec.space import scale, within
from handlers.storage import canonical_json


def narrowed(ranges: Mapping[str, Range], best: Sequence[Mapping[str, Any]], turn: int) -> dict[str, Range]:
    """The ranges of round `turn`: half as wide for each round. `best` are the parameters of all trials, the best first."""
    if not best:
        return dict(ranges)
    share = 0.5**turn
    return {name: _around(found, [params[name] for params in best], share) for name, found in ranges.items()}


def _around(found: Range, values: Sequence[Any], share: float) -> Range:
    if found.choice is not None:
        return Range(choice=_kept(found.choice, values, max(1, math.ceil(len(found.choice) * share))))
    if found.int_ is not None:
        first, last = found.int_
        half = max(1, math.ceil((last - first) * share / 2))
        return Range.model_validate({"int": (max(first, values[0] - half), min(last, values[0] + half))})
    low, high = scale(found)
    half_width = (high - low) * share / 2
    middle = math.log(values[0]) if found.log_uniform else values[0]
    ends = [max(low, middle - half_width), min(high, middle + half_width)]
    bounds = tuple(within(found, math.exp(end) if found.log_uniform else end) for end in ends)
    if not bounds[0] < bounds[1]:  # narrower than the digits of a draw
        return Range(choice=[values[0]])
    return Range.model_validate({"log_uniform" if found.log_uniform else "uniform": bounds})


def _kept(choice: Sequence[Any], values: Sequence[Any], count: int) -> list[Any]:
    """The choices whose best trials are the best; those that no trial had come last."""
    places = [canonical_json(value) for value in values]
    order = {text: place for place, text in reversed(list(enumerate(places)))}
    return sorted(choice, key=lambda value: order.get(canonical_json(value), len(places)))[:count]
