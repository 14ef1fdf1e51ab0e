"""What is made of each source object by itself: its parts, or its raw parts where a query reads many rows.

Of many objects, those that are made already are looked for at the same time, and the others are made in several processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from handlers import workers
from handlers.data import parts, raw
from handlers.data.objects import Identity
from handlers.data.parts import Made
from handlers.data.references import References
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store, optional_json

LOOKED_FOR_AT_ONCE = 8
Found = TypeVar("Found")
PROCESS_BYTES = 512 << 20  # of memory that a process needs to make the parts of one object, however large it is
POD_BYTES = 4 << 30  # of memory that the step has (workflowtemplates/transform.yaml), where no cgroup says so
# a process takes a second to begin, which is worth it from about so many bytes on
WORTH_BYTES = 64 << 20
OBJECT_BYTES = 256 << 10  # what it costs to make the parts of an object is that of so many bytes more than it has


def row_by_row(spec: ModelSpec) -> bool:
    """Whether parts are made of each object by itself; else a query over many rows makes them of raw parts."""
    return spec.data.query is None or spec.data.query.scope == "row"


def names(spec: ModelSpec) -> list[str]:
    """The sources of whose objects something is made; a reference table is read as a whole."""
    return [spec.data.trigger] if row_by_row(spec) else [name for name, source in spec.data.sources.items() if not source.join]


def marker(spec: ModelSpec, name: str, source: Identity, code: str, references: References) -> str:
    """The key of the marker of what is made of an object of the source `name`."""
    if row_by_row(spec):
        return parts.marker(spec.name, parts.named(spec, source, code, references))
    return raw.marker(spec.name, raw.named(spec, name, source, code))


def each(store: Store, spec: ModelSpec, name: str, sources: Sequence[Identity], code: str, references: References) -> list[Made]:
    """What is made of objects of the source `name`, in their order; made, once for the same content, where it is not there."""
    if row_by_row(spec):
        make, beside = partial(parts.ensure, store, spec.name, spec, code=code, references=references), references.bytes
    else:
        make, beside = partial(raw.ensure, store, spec.name, spec, name, code=code), 0
    return _each(store, sources, lambda source: marker(spec, name, source, code, references), make, beside)


def _each(
    store: Store, sources: Sequence[Identity], marker: Callable[[Identity], str], make: Callable[[Identity], Made], beside: int
) -> list[Made]:
    """`beside` is how many bytes of memory each process needs more than one object does."""
    markers = [marker(source) for source in sources]
    known = there(markers, partial(optional_json, store))
    missing: dict[str, Identity] = {}
    for key, source in zip(markers, sources, strict=True):
        if key not in known:
            missing.setdefault(key, source)
    found = workers.each(make, list(missing.values()), _processes(list(missing.values()), beside))
    made = dict(zip(missing, found, strict=True))
    return [
        made[key] if missing.get(key) is source else Made({**(made[key].document if key in made else known[key]), "source": source}, False)
        for key, source in zip(markers, sources, strict=True)
    ]


def there(markers: Iterable[str], look: Callable[[str], Found | None]) -> dict[str, Found]:
    """What `look` finds of the markers that exist; several are looked for at the same time."""
    different = list(dict.fromkeys(markers))
    with ThreadPoolExecutor(LOOKED_FOR_AT_ONCE) as readers:
        return {key: found for key, found in zip(different, readers.map(look, different), strict=True) if found is not None}


def _processes(missing: Sequence[Identity], beside: int) -> int:
    """In how many processes these objects are made: in one where there is too little to do."""
    if sum(size + OBJECT_BYTES for _, size, _ in missing) < WORTH_BYTES:
        return 1
    allowed = workers.allowed()
    return allowed.at_most(allowed.cpus, POD_BYTES).processes(PROCESS_BYTES + beside)
