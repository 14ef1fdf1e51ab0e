"""Raw parts: the rows of one source object as its source declares them, before a query that needs many rows.

`parts/<model>/<raw digest>/<day>.parquet` with `scope: lookback`, `rows.parquet` with `scope: all`, and last `raw.json`, the marker. A part
is known by its content, so the same rows in another object or under another name make nothing again.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from handlers.contracts import BadSpec, log
from handlers.data import objects, units
from handlers.data.column_types import arrow_type
from handlers.data.gather import Gathered
from handlers.data.labels import by_time
from handlers.data.objects import Identity
from handlers.data.parts import Made
from handlers.data.split import label
from handlers.data.units import UNIT
from handlers.modelspec.digests import raw_digest
from handlers.modelspec.model import ColumnType, ModelSpec
from handlers.storage import Store, write_json

if TYPE_CHECKING:
    import pyarrow as pa

Document = dict[str, Any]


def make(store: Store, model: str, spec: ModelSpec, name: str, source: Identity, code: str) -> Made:
    """The raw parts of an object of the source `name`, whose marker is not there."""
    digest = named(spec, name, source, code)
    folder = f"parts/{model}/{digest}"
    with tempfile.TemporaryDirectory(prefix="retrain-") as scratch:
        blocks = objects.tables(store, spec, name, source, Path(scratch))
        schema: dict[str, str] = {}
        blocks = _noted(blocks, schema)
        everything = spec.data.query is not None and spec.data.query.scope == "all"
        made = _whole(blocks, Path(scratch)) if everything else _by_day(store, blocks, spec, name, source, Path(scratch))
        found: list[Document] = []
        for day, path, rows in made:
            key = f"{folder}/{day or 'rows'}.parquet"
            store.upload(path, key)
            found.append({"key": key, "day": day, "rows": rows, "content": _content(path)})
            path.unlink()
    document: Document = {
        "source": source,
        "digest": digest,
        "parts": found,
        "schema": schema,
        "rows": sum(int(part["rows"]) for part in found),
    }
    write_json(store, marker(model, digest), document)
    log("rows kept", source=source[0], rows=document["rows"], parts=len(found))
    return Made(document, fresh=True)


def named(spec: ModelSpec, name: str, source: Identity, code: str) -> str:
    """What names the raw parts of an object of the source `name`."""
    return raw_digest(spec, name, source, objects.asked(spec), code)


def marker(model: str, digest: str) -> str:
    """The key of the marker of raw parts."""
    return f"parts/{model}/{digest}/raw.json"


def _noted(blocks: Iterator[pa.Table], schema: dict[str, str]) -> Iterator[pa.Table]:
    """The blocks; `schema` gets the types of their columns, by the spec's names where it has one."""
    names = {str(arrow_type(kind)): kind for kind in get_args(ColumnType)}
    for block in blocks:
        schema.update((field.name, names.get(str(field.type), str(field.type))) for field in block.schema)
        yield block


def _whole(blocks: Iterator[pa.Table], scratch: Path) -> Iterator[tuple[str | None, Path, int]]:
    from pyarrow import parquet

    path, rows, writer = scratch / "rows.parquet", 0, None
    for block in blocks:
        writer = writer or parquet.ParquetWriter(path, block.schema, compression="zstd")
        writer.write_table(block)
        rows += len(block)
    if writer is not None:
        writer.close()
        yield None, path, rows


def _by_day(
    store: Store, blocks: Iterator[pa.Table], spec: ModelSpec, name: str, source: Identity, scratch: Path
) -> Iterator[tuple[str | None, Path, int]]:
    import pyarrow.compute as pc
    from pyarrow import parquet

    column, now, gathered = by_time(spec).column, store.server_time(), Gathered(scratch)
    for block in blocks:
        if column not in block.column_names:
            raise BadSpec(f"data.sources.{name}: {without_a_day(source[0], column, name, spec)}")
        gathered.add(block, units.of_rows(block, spec, source[0], now))
    for bucket in gathered.buckets():
        for number in pc.unique(bucket.column(UNIT)).to_pylist():
            table = bucket.filter(pc.equal(bucket.column(UNIT), number)).drop_columns([UNIT])
            # as one array for each column, so that the bytes do not depend on where the blocks end
            table = table.combine_chunks()
            path = scratch / "day.parquet"
            parquet.write_table(table, path, compression="zstd", row_group_size=1 << 17)
            yield str(label("day", number)), path, len(table)


def without_a_day(what: str, column: str, name: str, spec: ModelSpec) -> str:
    """Why a source cannot be cut by day."""
    more = "use scope: all" if name == spec.data.trigger else "declare join: broadcast for a reference table, or use scope: all"
    return f"{what} has no column {column!r}, the split's, which says the day of a row with scope: lookback; {more}"


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
