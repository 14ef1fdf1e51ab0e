"""Parts: rows of one source object, sorted by unit (its days, or the places of a hash), as immutable Parquet files.

`parts/<model>/<source digest>/<first unit>.parquet`, named by what can change it, and last `parts/<model>/<source digest>/parts.json`,
the marker, with each part's rows, bytes and mergeable statistics. A source object whose marker is there is not read again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, BadSpec, counted, log
from handlers.data import checks, classes, gather, objects, query, statistics, units
from handlers.data.column_types import type_name
from handlers.data.cut import described, distinct
from handlers.data.gather import Gathered
from handlers.data.listed import text
from handlers.data.references import References
from handlers.data.split import label, unit_of
from handlers.data.units import UNIT
from handlers.modelspec.digests import part_digest
from handlers.modelspec.model import ModelSpec
from handlers.storage import Missing, Store, read_json, write_json

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_BYTES = 32 << 20
LARGEST = 1e150
SAMPLE = 10_000  # values that are looked at


@dataclass(frozen=True, slots=True)
class Made:
    """The parts of one source object: the marker's document, and whether it was made now."""

    document: dict[str, Any]
    fresh: bool


def ensure(store: Store, model: str, spec: ModelSpec, source: list[Any], code: str, references: References | None = None) -> Made:
    """The parts of a source object ([key, size, content]), each row of it by itself; made unless they are there.

    Raises Changed when the bucket holds other bytes.
    """

    def make(folder: str, scratch: Path) -> dict[str, Any]:
        given = objects.tables(store, spec, spec.data.trigger, source, scratch)
        blocks = query.rows(given, spec.sql, spec.data.trigger, source[0], references.tables if references else None)
        return of_blocks(store, folder, spec, source[0], blocks, scratch)

    return once(store, model, named(spec, source, code, references), source, make)


def named(spec: ModelSpec, source: list[Any], code: str, references: References | None = None) -> str:
    """What names the parts of a source object."""
    return part_digest(spec, source, code, references.named() if references else None)


def marker(model: str, name: str) -> str:
    """The key of the marker of parts."""
    return f"parts/{model}/{name}/parts.json"


def once(store: Store, model: str, name: str, source: list[Any], make: Callable[[str, Path], dict[str, Any]]) -> Made:
    """The parts that `name` names, made of `source` unless their marker is there.

    `make` gets the folder of the bucket to write them to, and a folder of this machine to work in.
    """
    try:
        # the same content may have been read under another name
        return Made({**read_json(store, marker(model, name)), "source": source}, fresh=False)
    except Missing:
        pass
    with tempfile.TemporaryDirectory(prefix="retrain-") as scratch:
        document = {"source": source, "digest": name, **make(f"parts/{model}/{name}", Path(scratch))}
    write_json(store, marker(model, name), document)
    log("parts made", source=source[0], rows=document["rows"], parts=len(document["parts"]), unlabelled=document["unlabelled"])
    return Made(document, fresh=True)


def of_blocks(store: Store, folder: str, spec: ModelSpec, key: str, blocks: Iterator[pa.Table], scratch: Path) -> dict[str, Any]:
    """Check the rows, gather them by unit, write the parts; `key` says in errors where the rows come from."""
    now = store.server_time()
    row_checks = checks.RowChecks(spec, key)
    gathered = Gathered(scratch)
    unlabelled = 0
    for block in blocks:
        block, dropped = _labelled(block, spec, key)
        unlabelled += dropped
        row_checks.block(block)
        units.grouped(block, spec, key)
        gathered.add(block, units.of_rows(block, spec, key, now))
    row_checks.end()
    parts = [write(store, folder, table, spec, key) for table in gather.parts(gathered, spec)]
    schema = parts[0].pop("schema") if parts else {}
    for part in parts[1:]:
        part.pop("schema")
    return {"parts": parts, "rows": sum(p["rows"] for p in parts), "unlabelled": unlabelled, "schema": schema}


def _labelled(block: pa.Table, spec: ModelSpec, key: str) -> tuple[pa.Table, int]:
    """The rows whose target is present and finite, and the number of others. Raises for a missing target column or an unknown class."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    target = spec.data.target
    if target.column not in block.column_names:
        raise BadSpec(f"data.target.column: {target.column!r} is not a column of the rows; the columns are {', '.join(block.column_names)}")
    column = block.column(target.column)
    kept = block.filter(pc.fill_null(pc.is_finite(column), False) if t.is_floating(column.type) else pc.is_valid(column))
    if target.classes is not None and len(kept):
        known = classes.of_column(spec, column)
        labels = kept.column(target.column)
        foreign = known.foreign(pc.unique(labels).to_pylist())
        if foreign is not None:
            rows = counted(int(pc.sum(pc.equal(labels, pa.scalar(foreign, labels.type))).as_py()), "row")
            shown = repr(foreign) if isinstance(foreign, str) else text(foreign)
            raise BadData(f"{key}: column {target.column!r} has the value {shown} in {rows}; data.target.classes has {known}")
    return kept, len(block) - len(kept)


def one_schema(documents: Iterable[dict[str, Any]], where: str) -> dict[str, str]:
    """The columns that all documents with parts have; none where none has. Raises BadData naming a column that differs, and two objects."""
    there = [document for document in documents if document["parts"]]
    for document in there:
        mine, theirs = document["schema"], there[0]["schema"]
        if mine != theirs:
            column = next(n for n in [*theirs, *mine] if mine.get(n) != theirs.get(n))
            raise BadData(
                f"{document['source'][0]}: column {column!r} is {mine.get(column, 'missing')}, in {there[0]['source'][0]} "
                f"{theirs.get(column, 'missing')}; declare its type under {where}"
            )
    return there[0]["schema"] if there else {}


def write(store: Store, folder: str, table: pa.Table, spec: ModelSpec, key: str) -> dict[str, Any]:
    """Write one part, rows sorted by unit, and describe it; `key` names the source object in errors."""
    import io

    from pyarrow import parquet

    table = checks.unique(table, spec, key)
    known = distinct(table)
    # of steps there may be as many as rows
    listed = known if unit_of(spec.data.split) != "step" else sorted({known[0], known[-1]})
    buffer = io.BytesIO()
    per_row = max(1, table.nbytes // max(1, len(table)))
    groups = max(1, ROW_GROUP_BYTES // per_row)
    parquet.write_table(table, buffer, compression="zstd", row_group_size=groups, use_dictionary=_repeating(table))
    name = f"{folder}/{label(unit_of(spec.data.split), known[0])}.parquet"
    data = buffer.getvalue()
    store.put(name, data)
    found = described(table, spec)
    _of_a_size(found, key)
    return {
        "key": name,
        "units": listed,
        "rows": len(table),
        "bytes": len(data),
        "whole": units.reaches_the_end(_newest(table, known[-1]), spec),
        "statistics": found,
        "schema": {field.name: type_name(field.type) for field in table.schema if field.name != UNIT},
    }


def _repeating(table: pa.Table) -> list[str]:
    """The columns whose values come again, so that a dictionary makes them smaller; others it makes larger and slower to read."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    found = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        some = column.slice(0, SAMPLE)
        if not t.is_nested(column.type) and (t.is_string(column.type) or pc.count_distinct(some).as_py() <= len(some) // 2):
            found.append(name)
    return found


def _newest(table: pa.Table, unit: int) -> pa.Table:
    import pyarrow.compute as pc

    return table.filter(pc.equal(table.column(UNIT), unit))


def _of_a_size(found: dict[str, statistics.Statistics], key: str) -> None:
    """Raise BadData for a number whose square, summed over rows, is no float any more."""
    for name, column in found.items():
        largest = max((column[end] for end in ("min", "max") if isinstance(column.get(end), float)), key=abs, default=0.0)
        if abs(largest) > LARGEST:
            raise BadData(
                f"{key}: column {name!r} has the value {largest}, which is too large to compute with; "
                "list it under csv.nulls if it stands for a missing value"
            )
