"""Small objects share parts: neighbours in the order of their keys, whose rows are read, checked and written together.

What a file of a few rows costs is its part, its marker and its statistics, not its rows. Where one share ends and the next begins follows
from the contents of the objects around, so the same objects have the same shares however they came, and one object more, less or other
changes the share that it is in. A row's object is its number in the column OBJECT.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, BadSpec, counted, log
from handlers.data import checks, gather, objects, parts, query, units
from handlers.data.gather import Gathered
from handlers.data.objects import Identity
from handlers.data.parts import Made
from handlers.data.references import References
from handlers.data.split import decides_units
from handlers.data.stored import write
from handlers.data.units import OBJECT
from handlers.modelspec.digests import share_digest
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store, write_json

if TYPE_CHECKING:
    import pyarrow as pa

Share = tuple[Identity, ...]  # the objects of a share in the order of their keys; one object that has parts of its own
Document = dict[str, Any]

SMALL_BYTES = 64 << 10  # an object up to this size shares its parts
LEAST = 16  # objects of a share: with fewer each has parts of its own
ABOUT = 256  # one object in so many is the last of its share
MOST, MOST_BYTES = 1024, 32 << 20
READ_AT_ONCE = 8  # objects of a share


class Unlike(Exception):
    """The rows of some objects do not fit into one table."""


def cut(sources: Sequence[Identity], spec: ModelSpec) -> list[Share]:
    """The objects in the shares that the spec allows."""
    ordered = sorted(sources, key=lambda one: str(one[0]))
    return in_order(ordered) if _may_share(spec) else [(one,) for one in ordered]


def in_order(ordered: Sequence[Identity]) -> list[Share]:
    """The objects in shares. A large object ends one, so that shares are in the order of the objects, as `on_duplicate: last` needs it."""
    found: list[Share] = []
    held: list[Identity] = []
    size = 0
    for one in ordered:
        small = int(one[1]) <= SMALL_BYTES
        if small:
            held.append(one)
            size += int(one[1])
        if not small or len(held) == MOST or size >= MOST_BYTES or (len(held) >= LEAST and _last(one)):
            found += _share(held) if small else [*_share(held), (one,)]
            held, size = [], 0
    return found + _share(held)


def _share(held: list[Identity]) -> list[Share]:
    return [tuple(held)] if len(held) >= LEAST else [(one,) for one in held]


def _last(one: Identity) -> bool:
    return int(str(one[-1])[:8], 16) % ABOUT == 0


def _may_share(spec: ModelSpec) -> bool:
    """Not where a later object replaces rows that may have another unit: within one table the later unit would win."""
    return not spec.data.key or spec.data.on_duplicate == "error" or decides_units(spec)


def named(spec: ModelSpec, share: Share, code: str, references: References) -> str:
    """What names the parts of a share; of one object the name that its own parts have."""
    if len(share) == 1:
        return parts.named(spec, share[0], code, references)
    return share_digest(spec, share, code, references.named())


def make(store: Store, spec: ModelSpec, share: Share, code: str, references: References) -> list[Made]:
    """The parts of a share's objects, whose marker is not there. Where their rows do not fit together each object has parts of its own.

    So what is wrong with an object is said of this object, as if it were alone. Raises Changed when the bucket holds other bytes.
    """
    if len(share) == 1:
        return [parts.ensure(store, spec.name, spec, share[0], code, references, look=False)]
    name = named(spec, share, code, references)
    try:
        with tempfile.TemporaryDirectory(prefix="retrain-") as scratch:
            made = _made(store, f"parts/{spec.name}/{name}", spec, share, references, Path(scratch))
    except (BadData, BadSpec, Unlike) as error:
        found = alone(store, spec, share, code, references)
        write_json(store, parts.marker(spec.name, name), {"sources": list(share), "digest": name, "apart": str(error)})
        return found
    document = {"sources": list(share), "digest": name, **made}
    write_json(store, parts.marker(spec.name, name), document)
    log("parts made", source=label(share), rows=made["rows"], parts=len(made["parts"]), unlabelled=made["unlabelled"])
    return [_of(document, share, fresh=True)]


def label(share: Share) -> str:
    """The objects of a share in words."""
    more = f" and {counted(len(share) - 1, 'object')} more" if len(share) > 1 else ""
    return f"{share[0][0]}{more}"


def apart(document: Document) -> bool:
    """Whether a marker says that the rows of its objects do not fit together."""
    return "apart" in document


def again(documents: Sequence[Document], share: Share) -> list[Made]:
    """What was made before of the same contents, under whatever keys: one document of all, or one of each."""
    if len(documents) == len(share):
        return [Made({**document, "source": one}, False) for document, one in zip(documents, share, strict=True)]
    return [_of(documents[0], share, fresh=False)]


def _of(document: Document, share: Share, *, fresh: bool) -> Made:
    size = sum(int(one[1]) for one in share)
    members = [[one[0], one[-1], rows] for one, rows in zip(share, document["rows_of"], strict=True)]
    return Made({**document, "source": [share[0][0], size, document["digest"]], "members": members}, fresh)


def alone(store: Store, spec: ModelSpec, share: Share, code: str, references: References) -> list[Made]:
    """The parts of each of a share's objects by itself, made unless they are there."""
    return [parts.ensure(store, spec.name, spec, one, code, references) for one in share]


def _made(store: Store, folder: str, spec: ModelSpec, share: Share, references: References, scratch: Path) -> Document:
    now, key = store.server_time(), label(share)
    table, unlabelled = parts.labelled(_together(_tables(store, spec, share, references, scratch)), spec, key)
    if spec.checks:
        _check(table, spec, share)
    units.grouped(table, spec, key)
    gathered = Gathered(scratch)
    gathered.add(table, units.of_rows(table, spec, key, now))
    rows: Counter[int] = Counter()
    found = []
    for part in gather.parts(gathered, spec):
        once = checks.unique(part, spec, key)
        rows.update(dict(_counts(once)))
        found.append(write(store, folder, once, spec, key))
    made = parts.described(found, unlabelled)
    return {**made, "rows_of": [rows[number] for number in range(len(share))]}


def _tables(store: Store, spec: ModelSpec, share: Share, references: References, scratch: Path) -> Iterator[pa.Table]:
    """The rows of each object, with its number; the next objects are read meanwhile."""
    import pyarrow as pa

    def fetched(number: int) -> Path:
        return objects.fetched(store, spec, share[number], scratch / str(number))

    with ThreadPoolExecutor(READ_AT_ONCE) as readers, query.statement(spec.sql, spec.data.trigger, references.tables) as ask:
        for number, path in enumerate(readers.map(fetched, range(len(share)))):
            key = share[number][0]
            for block in ask(objects.rows(spec, spec.data.trigger, path, key), key):
                block = block.replace_schema_metadata(None)
                yield block.append_column(OBJECT, pa.repeat(pa.scalar(number, pa.int32()), len(block)))
            path.unlink()


def _together(tables: Iterator[pa.Table]) -> pa.Table:
    """One table of tables with the same columns. Raises Unlike."""
    import pyarrow as pa

    found: list[pa.Table] = []
    for table in tables:
        if found and table.schema != found[0].schema:
            if set(table.column_names) != set(found[0].column_names):
                raise Unlike("their columns differ")
            table = table.select(found[0].column_names)
            if table.schema != found[0].schema:
                raise Unlike("the types of their columns differ")
        found.append(table)
    if not found:
        raise Unlike("none of them has rows")
    return pa.concat_tables(found).unify_dictionaries().combine_chunks()


def _counts(table: pa.Table) -> Iterator[tuple[int, int]]:
    """(the number of an object, how many rows it has)."""
    import pyarrow.compute as pc

    return ((pair["values"], pair["counts"]) for pair in pc.value_counts(table.column(OBJECT)).to_pylist())


def _check(table: pa.Table, spec: ModelSpec, share: Share) -> None:
    """The spec's checks, which hold for each object; the rows are in the order of the objects."""
    rows, first = dict(_counts(table)), 0
    for number, one in enumerate(share):
        of_object = checks.RowChecks(spec, one[0])
        count = rows.get(number, 0)
        if count:
            of_object.block(table.slice(first, count))
        of_object.end()
        first += count
