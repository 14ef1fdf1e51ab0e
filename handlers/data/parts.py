"""Parts: the rows of one source object and one day, immutable Parquet files named by what can change them.

`parts/<model>/<source digest>/<day>.parquet`, and last `parts/<model>/<source digest>/parts.json`, the marker, with each part's rows,
bytes and mergeable statistics. A source object whose marker is there is not read again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, BadSpec, counted, log
from handlers.data import checks, classes, query, sources, statement, statistics
from handlers.data.column_types import type_name
from handlers.data.days import Days
from handlers.data.instants import local
from handlers.data.listed import text
from handlers.data.split import newest_allowed
from handlers.modelspec.digests import part_digest
from handlers.modelspec.model import ModelSpec
from handlers.storage import Missing, Store, read_json, write_json

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_BYTES = 32 << 20
LARGEST = 1e150


@dataclass(frozen=True, slots=True)
class Made:
    """The parts of one source object: the marker's document, and whether it was made now."""

    document: dict[str, Any]
    fresh: bool


def ensure(store: Store, model: str, spec: ModelSpec, source: list[Any], code: str) -> Made:
    """The parts of a source object ([key, size, checksum]); made unless they are there."""
    name = part_digest(spec, source, code)
    marker = f"parts/{model}/{name}/parts.json"
    try:
        return Made(read_json(store, marker), fresh=False)
    except Missing:
        pass
    document = {"source": source, "digest": name, **_make(store, f"parts/{model}/{name}", spec, source)}
    write_json(store, marker, document)
    log("parts made", source=source[0], rows=document["rows"], parts=len(document["parts"]), unlabelled=document["unlabelled"])
    return Made(document, fresh=True)


def _make(store: Store, folder: str, spec: ModelSpec, source: list[Any]) -> dict[str, Any]:
    """Read the object, run the query, cut by day, write the parts."""
    key = source[0]
    declared = spec.data.sources[spec.data.trigger]
    now = store.server_time()
    with tempfile.TemporaryDirectory(prefix="retrain-") as scratch:
        path = Path(scratch) / "object"
        try:
            store.download(key, path)
        except Missing:
            raise BadData(f"{key}: the object was removed after the snapshot was taken") from None
        blocks = query.rows(
            sources.tables(path, key, declared, statement.names(spec.sql) if spec.sql else None), spec.sql, spec.data.trigger, key
        )
        row_checks = checks.RowChecks(spec, key)
        days = Days(Path(scratch))
        unlabelled = 0
        for block in blocks:
            block, dropped = _labelled(block, spec, key)
            unlabelled += dropped
            row_checks.block(block)
            for day, rows in _by_day(block, spec, key, now):
                days.add(day, rows)
        row_checks.end()
        parts = [write(store, folder, day, rows, spec, key) for day, rows in days.take()]
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


def _by_day(block: pa.Table, spec: ModelSpec, key: str, now: float) -> Iterator[tuple[date, pa.Table]]:
    """The block cut by the day of the split's column, in its timezone."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    split = spec.data.time_split
    if split.column not in block.column_names:
        raise BadSpec(f"data.split.column: {split.column!r} is not a column of the rows; the columns are {', '.join(block.column_names)}")
    column = block.column(split.column)
    if column.null_count:
        raise BadData(f"{key}: column {split.column!r} is missing in {counted(column.null_count, 'row')}; the split needs it in every row")
    if t.is_timestamp(column.type):
        days = local(column, split.timezone).cast(pa.date32(), safe=False)
    elif t.is_date(column.type):
        days = column.cast(pa.date32())
    else:
        raise BadSpec(f"data.split.column: {split.column!r} is of type {type_name(column.type)}; a timestamp or a date is needed")
    for value in pc.unique(days).to_pylist():
        if value > newest_allowed(now):
            first = block.filter(pc.equal(days, pa.scalar(value, pa.date32()))).column(split.column)[0].as_py()
            newest = newest_allowed(now)
            raise BadData(f"{key}: column {split.column!r} has the value {first}, which is in the future; accepted: up to {newest}")
        yield value, block.filter(pc.equal(days, pa.scalar(value, pa.date32())))


def _reaches_the_end(column: pa.ChunkedArray, timezone: str) -> bool:
    """Whether a day's rows reach its last hour, or have no time of day at all; otherwise the day may still be incomplete."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    if t.is_date(column.type):
        return True
    newest = pc.max(local(column, timezone)).as_py()
    return bool(newest.hour == 23 or newest.time() == newest.time().min)


def write(store: Store, folder: str, day: date, blocks: list[pa.Table], spec: ModelSpec, key: str) -> dict[str, Any]:
    """Write one part of a day's rows and describe it; `key` names the source object in errors."""
    import io

    import pyarrow as pa
    from pyarrow import parquet

    table = checks.unique(pa.concat_tables(blocks), spec, key, str(day))
    buffer = io.BytesIO()
    per_row = max(1, table.nbytes // max(1, len(table)))
    parquet.write_table(table, buffer, compression="zstd", row_group_size=max(1, ROW_GROUP_BYTES // per_row))
    name = f"{folder}/{day}.parquet"
    data = buffer.getvalue()
    store.put(name, data)
    features = [field for field in table.column_names if field not in spec.data.key or field in spec.features]
    found = statistics.of_table(table, features)
    _of_a_size(found, key)
    return {
        "key": name,
        "day": str(day),
        "rows": len(table),
        "bytes": len(data),
        "whole": _reaches_the_end(table.column(spec.data.time_split.column), spec.data.time_split.timezone),
        "statistics": found,
        "schema": {field.name: type_name(field.type) for field in table.schema},
    }


def _of_a_size(found: dict[str, statistics.Statistics], key: str) -> None:
    """Raise BadData for a number whose square, summed over rows, is no float any more."""
    for name, column in found.items():
        largest = max((column[end] for end in ("min", "max") if isinstance(column.get(end), float)), key=abs, default=0.0)
        if abs(largest) > LARGEST:
            raise BadData(
                f"{key}: column {name!r} has the value {largest}, which is too large to compute with; "
                "list it under csv.nulls if it stands for a missing value"
            )
