"""Batches of source objects that pods of their own make: which object is of which batch, `runs/<model>/<run>/batches.json`.

A batch is a head start. What it makes `transform` finds, and what it leaves `transform` makes, so nothing hangs on it; and what is wrong
with an object is said by `transform` alone, in the order of the objects.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import TypeVar

from handlers.contracts import WrongUsage, counted, log
from handlers.data import making, objects
from handlers.data.objects import Identity
from handlers.data.references import References
from handlers.data.shares import Share
from handlers.modelspec.code_digests import code_digest
from handlers.modelspec.model import ModelSpec
from handlers.runs import snapshots
from handlers.runs.requests import run_folder
from handlers.storage import Store, optional_json, write_once

LEAST_BYTES = 128 << 20  # of a batch: with less, the start of a pod takes longer than what it makes
Item = TypeVar("Item")
Batch = list[tuple[str, Identity]]  # source, object


def planned(store: Store, spec: ModelSpec, run: str, snapshot: str) -> list[int]:
    """The numbers of the run's batches, which are written down; none where one pod is enough."""
    there = optional_json(store, _key(spec.name, run))
    if there is None:
        batches = _batches(store, spec, snapshot)
        if not batches:
            return []
        log("batches", **{str(number): counted(len(batch), "object") for number, batch in enumerate(batches)})
        write_once(store, _key(spec.name, run), {"snapshot": snapshot, "batches": batches})
        # another process of the run may have been first
        there = optional_json(store, _key(spec.name, run)) or {"batches": batches}
    return list(range(len(there["batches"])))


def make(store: Store, spec: ModelSpec, run: str, number: int) -> int:
    """Make what is missing of a batch; the number of its objects that were made. Raises what is wrong with an object, and Changed."""
    found = optional_json(store, _key(spec.name, run))
    if found is None or not 0 <= number < len(found["batches"]):
        raise WrongUsage(f"--batch {number}: {_key(spec.name, run)} has no such batch")
    given = objects.by_source(spec, snapshots.load(store, spec.name, found["snapshot"]).objects)
    references, code = References(store, spec, given), code_digest("parts")
    batch = {(name, key) for name, (key, *_) in found["batches"][number]}
    made = [
        one
        for name in making.names(spec)
        for one in making.each(
            store, spec, name, [i for i in making.items(spec, name, given[name]) if (name, i[0][0]) in batch], code, references
        )
    ]
    return sum(each.fresh for one in made for each in one.read)


def _batches(store: Store, spec: ModelSpec, snapshot: str) -> list[Batch]:
    most = parallel(spec)
    given = objects.by_source(spec, snapshots.load(store, spec.name, snapshot).objects)
    every = [(name, item) for name in making.names(spec) for item in making.items(spec, name, given[name])]
    # without a look at the bucket where there is little
    if not cut(every, _bytes, most):
        return []
    references, code = References(store, spec, given), code_digest("parts")
    by_marker = {making.marker(spec, name, item, code, references): (name, item) for name, item in reversed(every)}
    # what is there is listed, a thousand keys a request
    there = {info.key for info in store.list(f"parts/{spec.name}/")}
    batches = cut([found for key, found in reversed(by_marker.items()) if key not in there], _bytes, most)
    return [[(name, source) for name, item in batch for source in item] for batch in batches]


def parallel(spec: ModelSpec) -> int:
    """How many pods make parts at the same time."""
    asked = spec.resources.get("transform")
    return (asked.parallel if asked else None) or 1


def cut(items: Sequence[Item], size: Callable[[Item], int], most: int) -> list[list[Item]]:
    """The items in at most `most` batches of about the same bytes, each in order; none where there is too little for two."""
    count = min(most, len(items), sum(map(size, items)) // LEAST_BYTES)
    if count < 2:
        return []
    batches: list[list[int]] = [[] for _ in range(count)]
    loads = [(0, number) for number in range(count)]
    # the largest first, each into the batch that has least so far
    for index in sorted(range(len(items)), key=lambda index: -size(items[index])):
        load, number = loads[0]
        batches[number].append(index)
        heapq.heapreplace(loads, (load + size(items[index]), number))
    return [[items[index] for index in sorted(batch)] for batch in batches]


def _bytes(named: tuple[str, Share]) -> int:
    return making.cost(named[1])


def _key(model: str, run: str) -> str:
    return f"{run_folder(model, run)}/batches.json"
