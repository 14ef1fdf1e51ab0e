"""Source objects as Arrow tables with the declared types, block by block."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData
from handlers.data.statistics import is_list
from handlers.modelspec.model import Source

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 4 << 20
BLOCK_ROWS = 65536
LONGEST = 500  # characters of the names that an error shows
PARQUET = b"PAR1"
FINER = r"(\.\d{6})\d+"  # what a timestamp has beyond its microseconds
ZONE = r"(?:Z|[+-]\d\d(?::?\d\d)?)$"


def arrow_type(name: str) -> Any:
    """The Arrow type of a declared column type; timestamps are UTC microseconds."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "date": pa.date32(),
        "vector": pa.list_(pa.float64()),
    }
    return types[name]


def type_name(arrow: Any) -> str:
    """The declared type that an Arrow type stands for; raises ValueError for a type that no feature can use."""
    import pyarrow.types as t

    tests = (
        ("boolean", t.is_boolean),
        ("int", t.is_integer),
        ("float", lambda a: t.is_floating(a) or t.is_decimal(a)),
        ("timestamp", t.is_timestamp),
        ("date", t.is_date),
        ("vector", lambda a: is_list(a) and (t.is_integer(a.value_type) or t.is_floating(a.value_type) or t.is_decimal(a.value_type))),
        ("string", lambda a: t.is_string(a) or t.is_large_string(a) or t.is_dictionary(a)),
    )
    for name, test in tests:
        if test(arrow):
            return name
    raise ValueError(str(arrow))


def tables(path: Path, key: str, source: Source, asked: Iterable[str] = ()) -> Iterator[pa.Table]:
    """Blocks of the file `path` that was the object `key`. Raises BadData naming object, column and value.

    A CSV column that is not declared but `asked` for by the query is what CSV holds: text.
    """
    import pyarrow as pa

    readers = {"parquet": _parquet, "jsonl": _jsonl}
    _of_its_kind(path, key, source)
    try:
        yield from _csv(path, key, source, set(asked)) if source.format == "csv" else readers[source.format](path, key, source)
    except pa.ArrowInvalid as error:
        there = _header(path, source.csv.delimiter) if source.format == "csv" and source.csv.header else list(source.columns)
        raise BadData(f"{key}: {_sentence(str(error), there)}") from error
    except pa.ArrowTypeError as error:
        raise BadData(f"{key}: {error}") from error


FOREIGN = (  # what a file that is not text begins with
    (b"\x1f\x8b", "is compressed with gzip; decompress it before the upload"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; decompress it before the upload"),
    (b"PK\x03\x04", "is a ZIP archive or a spreadsheet; save it as CSV"),
    (PARQUET, "is Parquet; write `format: parquet` in its source"),
    (b"\xff\xfe", "is UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16; save it as UTF-8"),
)


def _of_its_kind(path: Path, key: str, source: Source) -> None:
    """Raise BadData for a file that is of another kind than its source says, before its bytes get into a message."""
    with path.open("rb") as file:
        begin = file.read(4)
    if source.format == "parquet":
        if begin != PARQUET:
            raise BadData(
                f"{key}: the file is not Parquet; write `format: csv` or `format: jsonl` in its source, or put a Parquet file there"
            )
        return
    for magic, what in FOREIGN:
        if begin.startswith(magic):
            raise BadData(f"{key}: the file {what}")


def _no_name_twice(there: list[str], used: Iterable[str], key: str) -> None:
    twice = next((name for name in used if there.count(name) > 1), None)
    if twice is not None:
        raise BadData(f"{key}: column {twice!r} stands twice in the file; give each column a name of its own")


def _csv(path: Path, key: str, source: Source, asked: set[str]) -> Iterator[pa.Table]:
    import pyarrow as pa
    from pyarrow import csv

    if path.stat().st_size == 0:
        raise BadData(f"{key}: the file is empty; a CSV begins with a line of column names")
    header = _header(path, source.csv.delimiter) if source.csv.header else []
    if source.csv.header:
        _has_columns(header, key, source)
    text = [name for name in header if name in asked and name not in source.columns]
    _no_name_twice(header, [*source.columns, *text], key)
    names = None if source.csv.header else list(source.columns)
    reader = csv.open_csv(
        path,
        read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False, column_names=names),
        parse_options=csv.ParseOptions(delimiter=source.csv.delimiter, newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={name: _read_type(kind) for name, kind in source.columns.items()} | {name: pa.string() for name in text},
            include_columns=[*source.columns, *text],
            null_values=source.csv.nulls,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    for batch in reader:
        yield _instants(pa.Table.from_batches([batch]), key, source)


def _read_type(kind: str) -> Any:
    """What a text format is read as: timestamps as text, since Arrow takes a column either with zones or without."""
    import pyarrow as pa

    return pa.string() if kind == "timestamp" else arrow_type(kind)


def _instants(table: pa.Table, key: str, source: Source) -> pa.Table:
    """Declared timestamps from their text: ISO 8601, a time without a zone, or a date alone, is in UTC."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in (name for name, kind in source.columns.items() if kind == "timestamp"):
        text = pc.replace_substring_regex(table.column(name), FINER, r"\1")
        whole = pc.if_else(pc.equal(pc.utf8_length(text), 10), pc.binary_join_element_wise(text, "T00:00:00Z", ""), text)
        zoned = pc.if_else(pc.match_substring_regex(whole, r"\d:\d.*" + ZONE), whole, pc.binary_join_element_wise(whole, "Z", ""))
        try:
            instants = zoned.cast(arrow_type("timestamp"))
        except pa.ArrowInvalid:
            bad = next(value for value, given in zip(text.to_pylist(), zoned, strict=True) if not _is_instant(given))
            raise BadData(
                f"{key}: column {name!r}: {bad!r} is not a timestamp; accepted: ISO 8601, in UTC unless it gives a zone"
            ) from None
        table = table.set_column(table.column_names.index(name), name, instants)
    return table


def _is_instant(text: pa.Scalar) -> bool:
    import pyarrow as pa

    try:
        text.cast(arrow_type("timestamp"))
    except pa.ArrowInvalid:
        return False
    return True


def _header(path: Path, delimiter: str) -> list[str]:
    import csv

    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return next(csv.reader(file, delimiter=delimiter), [])


def _parquet(path: Path, key: str, source: Source) -> Iterator[pa.Table]:
    import pyarrow as pa
    from pyarrow import parquet

    file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    _has_columns(file.schema_arrow.names, key, source)
    _no_name_twice(file.schema_arrow.names, source.columns or file.schema_arrow.names, key)
    for batch in file.iter_batches(batch_size=BLOCK_ROWS, columns=list(source.columns) or None):
        yield _typed(pa.Table.from_batches([batch]), key, source)


def _jsonl(path: Path, key: str, source: Source) -> Iterator[pa.Table]:
    import pyarrow as pa
    from pyarrow import json

    # JSON has no dates: they are text, which `_typed` turns into what is declared
    schema = pa.schema([(name, pa.string() if kind == "date" else _read_type(kind)) for name, kind in source.columns.items()])
    options = json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    if path.stat().st_size:
        reader = json.open_json(path, read_options=json.ReadOptions(use_threads=False, block_size=BLOCK_BYTES), parse_options=options)
        for batch in reader:
            yield _typed(_instants(pa.Table.from_batches([batch]), key, source), key, source)


def _has_columns(there: list[str], key: str, source: Source) -> None:
    missing = [name for name in source.columns if name not in there]
    if missing:
        shown = ", ".join(there[:30])[:LONGEST]
        raise BadData(f"{key}: column {missing[0]!r} is missing; the file has {shown}")


def _typed(table: pa.Table, key: str, source: Source) -> pa.Table:
    """The table with declared types, or, where none are declared, with the types a model can use."""
    import pyarrow as pa

    declared: dict[str, str] = dict(source.columns)
    if not declared:
        for field in table.schema:
            try:
                declared[field.name] = type_name(field.type)
            except ValueError as error:
                raise BadData(
                    f"{key}: column {field.name!r} has type {error}, which no feature can use; declare the columns to read"
                ) from None
    arrays = []
    for name, kind in declared.items():
        try:
            column = table.column(name)
            # nanoseconds are cut to microseconds; other casts must not lose anything
            arrays.append(
                column.cast(arrow_type(kind), safe=not (kind == "timestamp" and column.type == pa.timestamp("ns", column.type.tz)))
            )
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise BadData(f"{key}: column {name!r} is declared {kind}: {error}") from error
    return pa.table(arrays, names=list(declared))


def _sentence(message: str, names: list[str]) -> str:
    """Arrow's message with the column's name instead of its number among the columns of the file."""
    wrong = r"In CSV column #(\d+): (?:Row #(\d+): )?CSV conversion error to (\S+): invalid (?:value '(.*)'|UTF8 data)"
    found = re.search(wrong, message, re.DOTALL)
    if not found:
        return message.strip()
    number = int(found[1])
    column = repr(names[number]) if number < len(names) else f"number {number + 1}"
    article = "an" if found[3][0] in "aeio" else "a"
    row = f" in row {found[2]}" if found[2] else ""
    if found[4] is None:
        return f"column {column}{row}: the text is not UTF-8; save the file as UTF-8"
    return f"column {column}{row}: {found[4]!r} is not {article} {found[3]}; declare its type or list it under csv.nulls"
