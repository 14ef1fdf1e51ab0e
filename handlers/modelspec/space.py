"""Draws trials from ranges. A draw follows from the seed, its number and the parameter's name alone: a further trial, or a further
parameter, changes none that was there."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from handlers.modelspec.search_keys import Range

# digits of a drawn number: it is the same on every machine, whatever the last bits of its logarithm are, and it can be read
DIGITS = 6
# draws for each trial that is wanted, before a space counts as exhausted
ATTEMPTS = 50


def drawn(ranges: Mapping[str, Range], seed: int, turn: int = 0) -> Iterator[dict[str, Any]]:
    """Parameters, one after the other without end; each round (`turn`) has draws of its own."""
    number = 0
    while True:
        yield {name: at(found, _chance(f"{seed}/{turn}/{number}/{name}")) for name, found in ranges.items()}
        number += 1


def at(found: Range, share: float) -> Any:
    """The value that lies so far (from 0 up to 1) through a range."""
    if found.choice is not None:
        return found.choice[int(share * len(found.choice))]
    if found.int_ is not None:
        first, last = found.int_
        return first + int(share * (last - first + 1))
    low, high = scale(found)
    value = low + (high - low) * share
    return within(found, math.exp(value) if found.log_uniform else value)


def within(found: Range, value: float) -> float:
    """A number of a range, rounded, and not beyond its ends."""
    low, high = found.uniform or found.log_uniform or (value, value)
    return min(max(float(f"{value:.{DIGITS}g}"), float(low)), float(high))


def scale(found: Range) -> tuple[float, float]:
    """The ends of a range of numbers as it is drawn from: logarithms where it says so."""
    low, high = found.bounds or (0, 0)
    return (math.log(low), math.log(high)) if found.log_uniform else (float(low), float(high))


def corners(ranges: Mapping[str, Range]) -> Iterator[dict[str, Any]]:
    """Parameters that have each end of each range, and each choice, at least once."""
    ends = {name: found.choice or [_end(found, 0), _end(found, 1)] for name, found in ranges.items()}
    for number in range(max(map(len, ends.values()), default=0)):
        yield {name: values[min(number, len(values) - 1)] for name, values in ends.items()}


def _end(found: Range, which: int) -> float | int:
    bounds = found.bounds or (0, 0)
    return bounds[which] if found.int_ is not None else float(bounds[which])


def _chance(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / (1 << 48)
