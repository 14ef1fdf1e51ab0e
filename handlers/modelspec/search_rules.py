"""What of a search cannot work, or not together."""

from __future__ import annotations

import math
from collections.abc import Iterator

from handlers.modelspec.model import ModelSpec
from handlers.modelspec.search_keys import Search

# trials of one round: each is a node of the Workflow, whose object must fit into 1 MiB, compressed
MOST_TRIALS = 2000
Refusal = tuple[tuple[str | int, ...], str]


def wrong(spec: ModelSpec) -> Iterator[Refusal]:
    """(path below `spec`, reason) of everything in `search` that cannot work."""
    found = [*_lists(spec.search), *_kinds(spec.search)] or [*_rounds(spec), *_stop(spec), *_number(spec.search)]
    yield from found


def _lists(search: Search) -> Iterator[Refusal]:
    for name, values in (search.grid or {}).items():
        if not values:
            yield ("search", "grid", name), "an empty list gives no trial; list at least one value"


def _kinds(search: Search) -> Iterator[Refusal]:
    if search.grid is not None and search.space is not None:
        yield ("search", "space"), "give either grid or space; a list of a grid is `{choice: [...]}` in a space"
    if search.space is not None and search.drawn is None:
        yield ("search", "space"), "say how many trials are drawn from it: `random: 20`"
    if search.drawn is not None and not search.ranges:
        yield ("search", "random"), "there is nothing to draw from; give search.space, or search.grid"
    if search.random is not None and search.halving is not None and search.halving.of is not None:
        yield ("search", "halving", "of"), "search.random says already how many trials are drawn; give one of the two"
    if search.halving is not None and not search.ranges:
        yield ("search", "halving"), "there is only one trial; give search.grid, or search.space with search.random"
    if search.halving is not None and search.halving.mode == "async":
        yield (
            ("search", "halving", "mode"),
            ("async is not offered, since its winner hangs on which pods end first; use sync, with a larger eta where rungs wait long"),
        )


def _rounds(spec: ModelSpec) -> Iterator[Refusal]:
    search = spec.search
    if search.halving is not None:
        if search.until is not None:
            yield ("search", "until"), "not accepted with search.halving; give one of the two"
        if search.sampler is not None:
            yield ("search", "sampler"), "not accepted with search.halving, which draws all its trials before the first is trained"
        if search.halving.min_epochs >= spec.training.epochs:
            yield (
                ("search", "halving", "min_epochs"),
                f"{search.halving.min_epochs} is not less than training.epochs, which is {spec.training.epochs}: there is nothing to halve",
            )
        return
    if search.until is None:
        if search.sampler is not None:
            yield ("search", "sampler"), "chooses the trials of later rounds, and there is one; give search.until: {rounds: 5}"
        return
    if search.drawn is None:
        yield ("search", "until"), "says how many rounds; say how many trials each has: `random: 10`"
    if search.until.at_least is not None and search.until.at_most is not None:
        yield ("search", "until", "at_most"), "give either at_least or at_most"
    if search.until.metric is not None and search.until.at_least is None and search.until.at_most is None:
        yield ("search", "until", "metric"), "say when it is good enough: at_least or at_most"


def _stop(spec: ModelSpec) -> Iterator[Refusal]:
    search = spec.search
    if search.stop is None:
        return
    if search.halving is not None:
        yield ("search", "stop"), "not accepted with search.halving, which ends trials by itself; give one of the two"
    if not search.ranges:
        yield ("search", "stop"), "there is only one trial, and none to compare it with; for its own end give training.early_stopping"
    if search.stop.epochs >= spec.training.epochs:
        yield (
            ("search", "stop", "after"),
            f"{search.stop.after} is not less than training.epochs, which is {spec.training.epochs}: there is nothing to stop",
        )


def _number(search: Search) -> Iterator[Refusal]:
    if search.drawn is not None:
        count, key = search.drawn.n, ("search", "random") if search.random is not None else ("search", "halving", "of", "random")
    else:
        count, key = math.prod(len(values) for values in (search.grid or {}).values()), ("search", "grid")
    if count > MOST_TRIALS:
        yield (
            key,
            f"{count:,} trials; at most {MOST_TRIALS:,} are accepted in a round, which is what a Workflow can hold: draw some of them with "
            "search.random, or look for them in rounds with search.until",
        )
