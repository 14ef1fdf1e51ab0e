"""JSON Lines as tables, block by block: Arrow parses, and what it refuses is looked for line by line, so that the error names it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.data import streams
from handlers.data.column_types import arrow_type
from handlers.data.conversion import as_type
from handlers.data.text_values import Unfit, a_type
from handlers.errors import BadData, shown

if TYPE_CHECKING:
    import pyarrow as pa

    from handlers.modelspec.model import Source

BLOCK_BYTES = 4 << 20
LONGEST_LINE = 64 << 20
LIST = "the file is a list; write its objects one a line, without brackets and commas around them"
ACCEPTED: dict[str, tuple[type, ...]] = {"string": (str,), "int": (int,), "float": (int, float), "boolean": (bool,)}


def tables(path: Path, key: str, source: Source) -> Iterator[pa.Table]:
    """Blocks with the declared columns. A field that is in no line is missing from the file as a column is."""
    rows = lines = 0
    empty = set(source.columns)
    with streams.text(path, key, source) as stream:
        try:
            for block in streams.blocks(stream, BLOCK_BYTES, LONGEST_LINE, whole_lines):
                if not block.isspace():
                    found = _parsed(block, key, source, rows, lines)
                    empty -= {name for name in empty if found.column(name).null_count < len(found)}
                    yield _typed(found, key, source, rows)
                    rows += len(found)
                lines += block.count(b"\n")
        except streams.NoEnd:
            raise BadData(f"{key}: line {lines + 1} is longer than {LONGEST_LINE >> 20} MiB; write an object a line") from None
    if rows:
        _check_fields(path, key, source, empty)


def whole_lines(text: bytes) -> int:
    """How many bytes of a text are whole lines."""
    return max(text.rfind(b"\n"), text.rfind(b"\r") if b"\n" not in text else -1) + 1


def _parsed(block: bytes, key: str, source: Source, rows: int, lines: int) -> pa.Table:
    """The objects of a block; `rows` and `lines` were read before."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    # JSON has no dates and no times: they are text, which becomes what is declared
    read = {name: pa.string() if kind in ("date", "timestamp") else arrow_type(kind) for name, kind in source.columns.items()}
    try:
        return arrow_json.read_json(
            pa.BufferReader(block),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=arrow_json.ParseOptions(explicit_schema=pa.schema(list(read.items())), unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid as error:
        raise BadData(f"{key}: {_explained(block, source, str(error), rows, lines)}") from error


def _typed(table: pa.Table, key: str, source: Source, done: int) -> pa.Table:
    import pyarrow as pa

    arrays = []
    for name, kind in source.columns.items():
        column = table.column(name)
        try:
            # Arrow's reader does not look whether text is UTF-8
            column.validate(full=True)
            arrays.append(as_type(column, kind))
        except Unfit as error:
            raise BadData(f"{key}: column {name!r} in row {done + (error.row or 0) + 1}: {error}") from None
        except pa.ArrowInvalid:
            raise BadData(f"{key}: column {name!r}: the text is not UTF-8; save the file as UTF-8") from None
    return pa.table(arrays, names=list(source.columns))


def _check_fields(path: Path, key: str, source: Source, empty: Iterable[str]) -> None:
    """Raise BadData for a declared field that no line has, even as null. Only fields without a value are looked for."""
    wanted = set(empty)
    others: dict[str, None] = {}
    if not wanted:
        return
    with streams.text(path, key, source) as stream:
        for line in streams.lines(stream):
            found = _one_object(line)
            if found is None:
                # Arrow took it: an object over several lines, or several on one
                found = {name: None for name in wanted if json.dumps(name) in line or json.dumps(name, ensure_ascii=False) in line}
            wanted.difference_update(found)
            others.update(dict.fromkeys(found) if len(others) < 30 else {})
            if not wanted:
                return
    name = next(name for name in source.columns if name in wanted)
    there = f"; the file has {streams.printable(', '.join(others))}" if others else ""
    raise BadData(f"{key}: column {name!r} is missing{there}")


def _one_object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _explained(block: bytes, source: Source, message: str, rows: int, lines: int) -> str:
    """What is wrong with the first line of the block that is; Arrow's own words where no line by itself is."""
    for number, line in enumerate(streams.lines(io.BytesIO(block)), lines + 1):
        if line.strip():
            rows += 1
            if wrong := _wrong(line, source, rows, number):
                return wrong
    return streams.printable(re.sub(r" in row \d+$", "", message))


def _wrong(line: str, source: Source, row: int, number: int) -> str | None:
    """What is wrong with a line of some number, which is some row, if anything is."""
    try:
        found = json.loads(line, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        if line.strip() == "[":
            return LIST
        return f"line {number} is not JSON: {str(error) or 'too deep'}: {shown(line.strip())}"
    if isinstance(found, list):
        return LIST
    if not isinstance(found, dict):
        return f"line {number}: an object is needed, not {shown(line.strip())}"
    for name, kind in source.columns.items():
        value = found.get(name)
        if value is not None and not _is(value, kind):
            return f"column {name!r} in row {row}: {shown(json.dumps(value, ensure_ascii=False))} is not {a_type(kind)}{_hint(value, kind)}"
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands twice in one object")
    return found


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "vector":
        return isinstance(value, list) and all(each is None or _is(each, "float") for each in value)
    if kind == "int" and isinstance(value, int):
        return -(1 << 63) <= value < 1 << 63
    return isinstance(value, ACCEPTED.get(kind, (str,)))


def _hint(value: Any, kind: str) -> str:
    if kind == "vector":
        return "; write it as a list of numbers"
    if isinstance(value, dict | list):
        return "; a column has one value in each row"
    if isinstance(value, str):
        return "; write it without quotes, or declare the column string"
    if kind in ("string", "date", "timestamp"):
        return "; write it in quotes, or declare another type"
    return "; declare the column float" if kind == "int" and not isinstance(value, bool) else "; declare another type"
