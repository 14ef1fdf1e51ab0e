"""The rungs of a search that halves: how many trials are trained to which epoch."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.modelspec.model import ModelSpec


@dataclass(frozen=True, slots=True)
class Rung:
    trials: int
    epochs: int


def rungs(spec: ModelSpec, trials: int) -> list[Rung]:
    """From all trials for `min_epochs` to one, or what is left, for all epochs. The last one is not halted on its way."""
    halving, most = spec.search.halving, spec.training.epochs
    if halving is None:
        return [Rung(trials, most)]
    found = [Rung(trials, halving.min_epochs)]
    while found[-1].epochs < most:
        left = max(1, found[-1].trials // halving.eta)
        found.append(Rung(left, most if left == 1 else min(most, found[-1].epochs * halving.eta)))
    return found
