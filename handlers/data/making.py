"""What is made of source objects: parts, of each by itself or of several small ones, or raw parts where a query reads many rows.

Of many objects, those that are made already are looked for at the same time, and the others are made in several processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from handlers import workers
from handlers.data import parts, raw, shares
from handlers.data.objects import Identity
from handlers.data.parts import Made
from handlers.data.references import References
from handlers.data.shares import Share
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.quantities import amount
from handlers.storage import Store, optional_json
from handlers.workers import Allowed

LOOKED_FOR_AT_ONCE = 8
Found = TypeVar("Found")
Missing = tuple[Share, bool]  # an item that is to be made, and whether its marker says that each of its objects is by itself
Make = Callable[[Missing], list[Made]]
PROCESS_BYTES = 512 << 20  # of memory that a process needs to make the parts of one object, however large it is
POD_BYTES = 4 << 30  # of memory that the step has where neither the spec nor a cgroup says so (workflowtemplates/transform.yaml)
# a process takes a second to begin, which is worth it from about so many bytes on
WORTH_BYTES = 64 << 20
OBJECT_BYTES = 256 << 10  # what it costs to make the parts of an object is that of so many bytes more than it has
SHARED_BYTES = 64 << 10  # the same of an object that shares them


def row_by_row(spec: ModelSpec) -> bool:
    """Whether parts are made of each object by itself; else a query over many rows makes them of raw parts."""
    return spec.data.query is None or spec.data.query.scope == "row"


def names(spec: ModelSpec) -> list[str]:
    """The sources of whose objects something is made; a reference table is read as a whole."""
    return [spec.data.trigger] if row_by_row(spec) else [name for name, source in spec.data.sources.items() if not source.join]


def items(spec: ModelSpec, name: str, sources: Sequence[Identity]) -> list[Share]:
    """The objects of the source `name` as something is made of them: several small ones together, or one."""
    return shares.cut(sources, spec) if row_by_row(spec) else [(one,) for one in sources]


def marker(spec: ModelSpec, name: str, share: Share, code: str, references: References) -> str:
    """The key of the marker of what is made of an item of the source `name`."""
    if row_by_row(spec):
        return parts.marker(spec.name, shares.named(spec, share, code, references))
    return raw.marker(spec.name, raw.named(spec, name, share[0], code))


def each(store: Store, spec: ModelSpec, name: str, given: Sequence[Share], code: str, references: References) -> list[Made]:
    """What is made of items of the source `name`, in their order; made, once for the same content, where it is not there."""
    make: Make
    if row_by_row(spec):
        make, beside = partial(_parts, store, spec, code, references), references.bytes
    else:
        make, beside = partial(_raw, store, spec, name, code), 0
    return _each(store, given, lambda share: marker(spec, name, share, code, references), make, may_use(spec), beside)


def _parts(store: Store, spec: ModelSpec, code: str, references: References, missing: Missing) -> list[Made]:
    share, apart = missing
    return (shares.alone if apart else shares.make)(store, spec, share, code, references)


def _raw(store: Store, spec: ModelSpec, name: str, code: str, missing: Missing) -> list[Made]:
    return [raw.make(store, spec.name, spec, name, missing[0][0], code)]


def _each(
    store: Store,
    given: Sequence[Share],
    marker: Callable[[Share], str],
    make: Make,
    allowed: Allowed,
    beside: int,
) -> list[Made]:
    """`beside` is how many bytes of memory each process needs more than one object does. Each marker is asked for once."""
    markers = [marker(share) for share in given]
    known = there(markers, partial(optional_json, store))
    missing: dict[str, Share] = {}
    for key, share in zip(markers, given, strict=True):
        if key not in known or shares.apart(known[key]):
            missing.setdefault(key, share)
    work = [(share, key in known) for key, share in missing.items()]
    found = workers.each(make, work, _processes(list(missing.values()), allowed, beside))
    made = dict(zip(missing, found, strict=True))
    return [
        one
        for key, share in zip(markers, given, strict=True)
        for one in (
            made[key] if missing.get(key) is share else shares.again([one.document for one in made.get(key, ())] or [known[key]], share)
        )
    ]


def there(markers: Iterable[str], look: Callable[[str], Found | None]) -> dict[str, Found]:
    """What `look` finds of the markers that exist; several are looked for at the same time."""
    different = list(dict.fromkeys(markers))
    with ThreadPoolExecutor(LOOKED_FOR_AT_ONCE) as readers:
        return {key: found for key, found in zip(different, readers.map(look, different), strict=True) if found is not None}


def cost(share: Share) -> int:
    """What it costs to make an item, in bytes that are read."""
    return sum(int(one[1]) for one in share) + (OBJECT_BYTES if len(share) == 1 else SHARED_BYTES * len(share))


def may_use(spec: ModelSpec) -> Allowed:
    """What this pod may use: what its model asks for, if the machine has it."""
    asked, found = spec.resources.get("transform"), workers.allowed()
    cpus = amount(asked.cpu) if asked and asked.cpu else found.cpus
    return found.at_most(cpus, amount(asked.most_memory) if asked and asked.most_memory else POD_BYTES)


def _processes(missing: Sequence[Share], allowed: Allowed, beside: int) -> int:
    """In how many processes these items are made: in one where there is too little to do."""
    return 1 if sum(map(cost, missing)) < WORTH_BYTES else allowed.processes(PROCESS_BYTES + beside)
