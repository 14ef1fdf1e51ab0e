"""The parts of many source objects: those that are there are looked for at the same time, the others are made in several processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from handlers import workers
from handlers.data.objects import Identity
from handlers.data.parts import Made
from handlers.storage import Store, optional_json

LOOKED_FOR_AT_ONCE = 8
PROCESS_BYTES = 512 << 20  # of memory that a process needs to make the parts of one object, however large it is
POD_BYTES = 4 << 30  # of memory that the step has (workflowtemplates/transform.yaml), where no cgroup says so
# a process takes a second to begin, which is worth it from about so many bytes on
WORTH_BYTES = 64 << 20
OBJECT_BYTES = 256 << 10  # what it costs to make the parts of an object is that of so many bytes more than it has


def each(
    store: Store, sources: Sequence[Identity], marker: Callable[[Identity], str], make: Callable[[Identity], Made], beside: int = 0
) -> list[Made]:
    """The parts of source objects, in their order. Objects with one `marker` have the same parts; what has none yet is made, once.

    `beside` is how many bytes of memory each process needs more than one object does.
    """
    markers = [marker(source) for source in sources]
    there = _there(store, markers)
    missing: dict[str, Identity] = {}
    for key, source in zip(markers, sources, strict=True):
        if key not in there:
            missing.setdefault(key, source)
    found = workers.each(make, list(missing.values()), _processes(list(missing.values()), beside))
    made = dict(zip(missing, found, strict=True))
    return [
        made[key] if missing.get(key) is source else Made({**(made[key].document if key in made else there[key]), "source": source}, False)
        for key, source in zip(markers, sources, strict=True)
    ]


def _there(store: Store, markers: Sequence[str]) -> Mapping[str, dict[str, Any]]:
    """The documents of the markers that exist."""
    different = list(dict.fromkeys(markers))
    with ThreadPoolExecutor(LOOKED_FOR_AT_ONCE) as readers:
        found = zip(different, readers.map(lambda key: optional_json(store, key), different), strict=True)
        return {key: document for key, document in found if document is not None}


def _processes(missing: Sequence[Identity], beside: int) -> int:
    """In how many processes the parts of these objects are made: in one where there is too little to do."""
    if sum(size + OBJECT_BYTES for _, size, _ in missing) < WORTH_BYTES:
        return 1
    allowed = workers.allowed()
    return allowed.at_most(allowed.cpus, POD_BYTES).processes(PROCESS_BYTES + beside)
