"""Parquet as tables, in batches of a bounded size however large a row group is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from handlers.data import streams
from handlers.data.column_types import type_name
from handlers.data.conversion import as_type
from handlers.data.csv_files import no_name_twice
from handlers.data.text_values import Unfit
from handlers.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

    from handlers.modelspec.model import Source

BATCH_ROWS = 65536
BATCH_BYTES = 32 << 20
PAGE_BYTES = 1 << 20  # read at a time of each column


def tables(path: Path, key: str, source: Source, asked: set[str] | None) -> Iterator[pa.Table]:
    """Batches with the declared columns, or all where none are. `asked`, the names in the query if there is one, may be of any type."""
    import pyarrow as pa

    file = opened(path, key)
    there = file.schema_arrow.names
    missing = next((name for name in source.columns if name not in there), None)
    if missing is not None:
        raise BadData(f"{key}: column {missing!r} is missing; the file has {streams.listed(there)}{streams.meant(missing, there)}")
    for_query = [name for name in dict.fromkeys(there) if name in (asked or ()) and name not in source.columns]
    used = [*source.columns, *for_query] if source.columns else there
    no_name_twice(there, used, key)
    kinds: Mapping[str, str] = source.columns or _kinds(file.schema_arrow, key, asked is not None)
    done = 0
    for batch in file.iter_batches(batch_size=batch_rows(file.metadata), columns=used):
        yield _typed(pa.Table.from_batches([batch]), kinds, used, key, done)
        done += len(batch)


def opened(path: Path, key: str) -> parquet.ParquetFile:
    """The file, to be read a batch at a time. Raises BadData for a file that is not Parquet."""
    from pyarrow import parquet

    with path.open("rb") as file:
        begin = file.read(streams.BEGIN)
    if not begin.startswith(streams.PARQUET):
        compression = streams.compression_of(path)
        if compression:
            raise BadData(f"{key}: the file is compressed with {compression}; Parquet is compressed inside: decompress it")
        streams.refuse_foreign(begin, key)
        raise BadData(f"{key}: the file is not Parquet; write `format: csv` or `format: jsonl` in its source, or put a Parquet file there")
    # the timestamps of Spark and Impala (INT96) reach beyond what nanoseconds can say
    return parquet.ParquetFile(path, pre_buffer=False, buffer_size=PAGE_BYTES, coerce_int96_timestamp_unit="us")


def batch_rows(metadata: parquet.FileMetaData) -> int:
    """How many rows make about BATCH_BYTES."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows > 0), default=1.0)
    return int(min(BATCH_ROWS, max(1, BATCH_BYTES // max(1.0, widest))))


def _kinds(schema: pa.Schema, key: str, queried: bool) -> dict[str, str]:
    """The types of columns that are not declared. What no feature can use is left as it is for a query to make something of."""
    found = {}
    for field in schema:
        try:
            kind = type_name(field.type)
            if kind != "vector" or not queried:
                found[field.name] = kind
        except ValueError as error:
            if not queried:
                instead = "declare the columns to read, or make something of it in data.query"
                raise BadData(f"{key}: column {field.name!r} has type {error}, which no feature can use; {instead}") from None
    return found


def _typed(table: pa.Table, kinds: Mapping[str, str], used: list[str], key: str, done: int) -> pa.Table:
    import pyarrow as pa

    arrays = []
    for name in used:
        column = table.column(name)
        try:
            # a damaged page can give text that is not UTF-8
            column.validate(full=True)
            arrays.append(as_type(column, kinds[name]) if name in kinds else column)
        except Unfit as error:
            where = "" if error.row is None else f" in row {done + error.row + 1}:"
            raise BadData(f"{key}: column {name!r}{where} {error}") from None
        except pa.ArrowInvalid as error:
            raise BadData(f"{key}: column {name!r}: the file is damaged: {streams.printable(str(error))}; put it there again") from None
    return pa.table(arrays, names=used)
