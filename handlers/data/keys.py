"""Row keys across objects: no key twice, or, with `on_duplicate: last`, the rows of the last object.

Parts are never rewritten: a part of which later objects replace rows stands beside a copy without them, named by both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, counted
from handlers.data import cut
from handlers.data.split import Range, decides_units
from handlers.data.stored import write
from handlers.data.units import UNIT
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store, digest, optional_json, write_json

if TYPE_CHECKING:
    import pyarrow as pa

Document = dict[str, Any]
Stored = tuple[dict[str, Any], str]  # a part, and the key of its source object
Of = tuple[str, str]  # a part's key and its source object's: objects with the same bytes have the same parts
PART, ROW = " part", " row"
LARGE = 1 << 62
MOST_ROWS = 4_000_000  # of neighbouring units that are looked at together


@dataclass(frozen=True, slots=True)
class Shared:
    """A range of units that several objects have rows of, and the parts that reach into it, in the order of their objects."""

    units: Range
    stored: list[Stored]


def with_each_key_once(store: Store, model: str, spec: ModelSpec, documents: list[Document]) -> list[Document]:
    """The documents of parts in which every row key occurs once. Raises BadData naming a key that occurs twice.

    Only what may hold a key twice is read: the key columns of units that several objects have rows of, or of all parts where rows of
    one key may have several units (in memory, all at once).
    """
    if not spec.data.key:
        return documents
    ordered = sorted(documents, key=lambda d: str(d["source"][0]))
    shared = _shared([(part, document["source"][0]) for document in ordered for part in document["parts"]], spec)
    if spec.data.on_duplicate == "error":
        keys = {str(d["source"][0]): [str(key) for key, *_ in d.get("members", [d["source"]])] for d in ordered}
        for one in shared:
            _once(store, spec.data.key, one, keys)
        return documents
    return _with_the_last(store, model, spec, documents, shared)


def _shared(stored: list[Stored], spec: ModelSpec) -> list[Shared]:
    if not decides_units(spec):
        return [Shared((-LARGE, LARGE), stored)] if len(stored) > 1 else []
    found: list[Shared] = []
    for low, high in _steps(stored):
        reaching = [s for s in stored if s[0]["units"][0] <= high and low <= s[0]["units"][-1]]
        if len(reaching) < 2:  # the parts of one object have no unit in common
            continue
        joined = {s[0]["key"] for s in reaching} | ({s[0]["key"] for s in found[-1].stored} if found else set())
        both = [s for s in stored if s[0]["key"] in joined]
        if found and found[-1].units[1] == low - 1 and sum(part["rows"] for part, _ in both) <= MOST_ROWS:
            found[-1] = Shared((found[-1].units[0], high), both)
        else:
            found.append(Shared((low, high), reaching))
    return found


def _steps(stored: list[Stored]) -> Iterator[Range]:
    """The ranges of units between which a part begins or ends."""
    starts = sorted({part["units"][0] for part, _ in stored} | {part["units"][-1] + 1 for part, _ in stored})
    return ((low, following - 1) for low, following in pairwise(starts))


def _keys(store: Store, names: Sequence[str], shared: Shared) -> pa.Table:
    """The key columns of the shared units, with the number of the part and of the row in it."""
    import pyarrow as pa

    tables = []
    for number, (part, _) in enumerate(shared.stored):
        table = cut.table_of(store, part["key"], [*names, UNIT])
        first, end = cut.rows_of(table, shared.units)
        table = table.select(names).slice(first, end - first)
        table = table.append_column(PART, pa.repeat(pa.scalar(number, pa.int64()), end - first))
        tables.append(table.append_column(ROW, pa.arange(first, end)))
    return pa.concat_tables(tables).unify_dictionaries()


def _once(store: Store, names: list[str], shared: Shared, keys: Mapping[str, list[str]]) -> None:
    """Raise BadData for a row key that occurs twice; `keys` has the objects of each source."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = _keys(store, names, shared)
    groups = table.group_by(names).aggregate([([], "count_all")])
    twice = groups.filter(pc.greater(groups.column("count_all"), 1)).select(names)
    if not len(twice):
        return
    first = twice.sort_by([(name, "ascending") for name in names]).slice(0, 1).to_pylist()[0]
    same = table
    for name, value in first.items():
        column = same.column(name)
        same = same.filter(pc.is_null(column) if value is None else pc.equal(column, pa.scalar(value, column.type)))
    places = [
        (*shared.stored[number], row) for number, row in zip(same.column(PART).to_pylist(), same.column(ROW).to_pylist(), strict=True)
    ]
    objects = " and ".join(sorted({cut.object_of(store, part["key"], row, keys[source]) for part, source, row in places}))
    shown = ", ".join(f"{name}={value}" for name, value in first.items())
    repeated = f"{counted(len(twice), 'key')} {'occurs' if len(twice) == 1 else 'occur'} more than once"
    raise BadData(f"{objects}: {repeated}, for example {shown}; data.key must identify one row (on_duplicate: last keeps the last)")


def _with_the_last(store: Store, model: str, spec: ModelSpec, documents: list[Document], shared: list[Shared]) -> list[Document]:
    """The documents, with a copy for each part that holds rows which a later object has again."""
    later: dict[Of, list[str]] = {}  # part to the parts of later objects that may have its keys
    for one in shared:
        for part, source in one.stored:
            later.setdefault((part["key"], source), []).extend(other["key"] for other, of in one.stored if of > source)
    names = {of: digest({"part": of[0], "without": sorted(set(after))}) for of, after in later.items() if after}
    found = {of: optional_json(store, f"parts/{model}/{name}/parts.json") for of, name in names.items()}
    missing = {of for of, document in found.items() if document is None}
    replaced: dict[Of, list[pa.Array]] = {}
    for one in shared:
        if missing & {(part["key"], source) for part, source in one.stored}:
            for of, rows in _replaced(store, spec.data.key, one):
                replaced.setdefault(of, []).append(rows)
    for document in documents:
        for part in document["parts"]:
            of = (part["key"], document["source"][0])
            if of in missing:
                made = _copy(store, f"parts/{model}/{names[of]}", spec, (part, of[1]), replaced.get(of))
                write_json(store, f"parts/{model}/{names[of]}/parts.json", made)
                found[of] = made
    return [_with(document, found) for document in documents]


def _replaced(store: Store, names: list[str], shared: Shared) -> Iterator[tuple[Of, pa.Array]]:
    """(part, the numbers of its rows that a later object has again)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = _keys(store, names, shared)
    place = pa.arange(0, len(table))
    groups = table.select(names).append_column(ROW, place).group_by(names).aggregate([(ROW, "max")])
    again = table.filter(pc.invert(pc.is_in(place, value_set=groups.column(f"{ROW}_max"))))
    for number, (stored, source) in enumerate(shared.stored):
        yield (stored["key"], source), again.column(ROW).filter(pc.equal(again.column(PART), number)).combine_chunks()


def _copy(store: Store, folder: str, spec: ModelSpec, stored: Stored, replaced: list[pa.Array] | None) -> Document:
    """The document of a part's rows that stay; of the part itself where all do."""
    import pyarrow as pa
    import pyarrow.compute as pc

    part, source = stored
    gone = pa.concat_arrays(replaced) if replaced else pa.array([], pa.int64())
    if not len(gone):
        return {"source": [source], "parts": [part], "rows": part["rows"]}
    kept = pc.indices_nonzero(pc.invert(pc.is_in(pa.arange(0, part["rows"]), value_set=gone)))
    if not len(kept):
        return {"source": [source], "parts": [], "rows": 0}
    made = write(store, folder, cut.table_of(store, part["key"]).take(kept), spec, source)
    made.pop("schema")
    return {"source": [source], "parts": [made], "rows": made["rows"]}


def _with(document: Document, found: dict[Of, Document | None]) -> Document:
    stands = [found.get((part["key"], document["source"][0])) or {"parts": [part]} for part in document["parts"]]
    return {**document, "parts": [part for one in stands for part in one["parts"]]}
