"""Keys that would do nothing with the spec's estimator: refused by name, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from handlers.errors import BadSpec
from handlers.models.kinds import Kind
from handlers.modelspec.model import OPTIONS, Feature, ModelSpec, Training


def check(spec: ModelSpec, kind: Kind) -> None:
    """Raise BadSpec for the first of them."""
    for key, why in _unused(spec, kind):
        raise BadSpec(f"training.{key}: {why}")
    for name, feature in spec.features.items() if kind.table else ():
        for option in OPTIONS[feature.type]:
            if getattr(feature, option) != Feature.model_fields[option].default and (feature.type, option) != ("vector", "size"):
                why = f"{kind.name} reads the columns as they are; make it there what it should be, and remove this"
                raise BadSpec(f"features.{name}.{option}: {why}")


def _unused(spec: ModelSpec, kind: Kind) -> Iterator[tuple[str, str]]:
    """(key, reason) of what is not the default, for the default changes nothing."""
    given, usual, whole = spec.training, Training(), spec.model.memory == "whole"
    if whole and not kind.rounds:
        once = f"{kind.name} with `memory: whole` learns all rows in one call of fit"
        if given.early_stopping is not None:
            yield "early_stopping", f"{once}, and cannot be stopped before its end; remove it{_instead(spec, kind)}"
        if given.checkpoint != usual.checkpoint:
            yield "checkpoint", f"{once}, and there is nothing to save before its end; remove it"
        if given.epochs != usual.epochs:
            yield "epochs", f"{once}, so {given.epochs} epochs would be one; remove it{_instead(spec, kind)}"
    if (whole or kind.rounds) and given.validate_ is not None:
        why = "is validated after each round" if kind.rounds else "with `memory: whole` learns all rows in one call of fit"
        yield "validate", f"{kind.name} {why}, and there are no batches between; remove it"
    if (whole or kind.rounds) and given.shuffle != usual.shuffle:
        why = "learns from all rows in each round" if kind.rounds else "with `memory: whole` learns all rows at once"
        yield "shuffle", f"{kind.name} {why}, in the order of the data; remove it"


def _instead(spec: ModelSpec, kind: Kind) -> str:
    """How the model learns longer all the same."""
    if kind.streams:
        return ", or remove `memory: whole`"
    return "" if spec.code is not None else ", and see which of model.params says how long it learns"
