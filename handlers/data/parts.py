"""Parts: rows of one source object, sorted by unit (its days, or the places of a hash), as immutable Parquet files.

`parts/<model>/<source digest>/<first unit>.parquet`, named by what can change it, and last `parts/<model>/<source digest>/parts.json`,
the marker, with each part's rows, bytes and mergeable statistics. A source object whose marker is there is not read again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, BadSpec, counted, log
from handlers.data import checks, classes, gather, objects, query, units
from handlers.data.gather import Gathered
from handlers.data.listed import text
from handlers.data.references import References
from handlers.data.stored import write
from handlers.modelspec.digests import part_digest
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store, optional_json, write_json

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of one source object: its content, how many rows, and whether it was read now."""

    content: str
    rows: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class Made:
    """The parts of one source object or of several: the marker's document, and whether it was made now.

    Of several `members` are [key, content, rows], in the order of the keys, and `source` begins with the first key.
    """

    document: dict[str, Any]
    fresh: bool

    @property
    def read(self) -> list[Read]:
        """Each source object."""
        whole = [["", self.document["source"][-1], self.document["rows"]]]
        return [Read(str(content), int(rows), self.fresh) for _, content, rows in self.document.get("members", whole)]


def ensure(
    store: Store, model: str, spec: ModelSpec, source: list[Any], code: str, references: References | None = None, *, look: bool = True
) -> Made:
    """The parts of a source object ([key, size, content]), each row of it by itself; made unless they are there, which `look` finds out.

    Raises Changed when the bucket holds other bytes.
    """

    def make(folder: str, scratch: Path) -> dict[str, Any]:
        given = objects.tables(store, spec, spec.data.trigger, source, scratch)
        blocks = query.rows(given, spec.sql, spec.data.trigger, source[0], references.tables if references else None)
        return of_blocks(store, folder, spec, source[0], blocks, scratch)

    return once(store, model, named(spec, source, code, references), source, make, look=look)


def named(spec: ModelSpec, source: list[Any], code: str, references: References | None = None) -> str:
    """What names the parts of a source object."""
    return part_digest(spec, source, code, references.named() if references else None)


def marker(model: str, name: str) -> str:
    """The key of the marker of parts."""
    return f"parts/{model}/{name}/parts.json"


def once(store: Store, model: str, name: str, source: list[Any], make: Callable[[str, Path], dict[str, Any]], *, look: bool = True) -> Made:
    """The parts that `name` names, made of `source` unless their marker is there; without `look` somebody has looked for it just now.

    `make` gets the folder of the bucket to write them to, and a folder of this machine to work in.
    """
    there = optional_json(store, marker(model, name)) if look else None
    if there is not None:
        # the same content may have been read under another name
        return Made({**there, "source": source}, fresh=False)
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
        block, dropped = labelled(block, spec, key)
        unlabelled += dropped
        row_checks.block(block)
        units.grouped(block, spec, key)
        gathered.add(block, units.of_rows(block, spec, key, now))
    row_checks.end()
    return described([write(store, folder, table, spec, key) for table in gather.parts(gathered, spec)], unlabelled)


def described(parts: list[dict[str, Any]], unlabelled: int) -> dict[str, Any]:
    """What a marker says of parts."""
    schema = parts[0].pop("schema") if parts else {}
    for part in parts[1:]:
        part.pop("schema")
    return {"parts": parts, "rows": sum(p["rows"] for p in parts), "unlabelled": unlabelled, "schema": schema}


def labelled(block: pa.Table, spec: ModelSpec, key: str) -> tuple[pa.Table, int]:
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
