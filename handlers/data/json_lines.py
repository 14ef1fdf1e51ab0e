"""JSON Lines as tables, block by block: Arrow parses, and what it refuses is looked for line by line, so that the error names it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
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
NULL = re.compile(rb"(?:\A|\})\s*null")  # null in place of an object, which ends Arrow's reader and its process; or so in a text
WHOLE = 1 << 53  # below it a float tells every integer apart
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
    if NULL.search(block):
        _check_objects(block, key, lines)

    def parsed(types: Mapping[str, Any]) -> pa.Table:
        return arrow_json.read_json(
            pa.BufferReader(block),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=arrow_json.ParseOptions(explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="ignore"),
        )

    try:
        return parsed(read)
    except pa.ArrowInvalid as error:
        wrong = _explained(block, source, str(error), rows, lines)
        if wrong is None:
            # integers as a table of floats writes them
            return parsed({name: pa.float64() if kind == "int" else read[name] for name, kind in source.columns.items()})
        raise BadData(f"{key}: {wrong}") from error


def _check_objects(block: bytes, key: str, lines: int) -> None:
    """Raise BadData for a null where an object is needed."""
    decoder, text, at = json.JSONDecoder(), block.decode("utf-8", "surrogateescape"), 0
    while begin := re.compile(r"\S").search(text, at):
        try:
            found, at = decoder.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            return
        if found is None:
            raise BadData(f"{key}: line {lines + text.count(chr(10), 0, at) + 1}: an object is needed, not 'null'")


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
    there = f"; the file has {streams.listed(others)}" if others else ""
    raise BadData(f"{key}: column {name!r} is missing{there}{streams.meant(name, others)}")


def _one_object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _explained(block: bytes, source: Source, message: str, rows: int, lines: int) -> str | None:
    """What is wrong with the first line of the block that is; Arrow's own words where no line by itself is.

    None where all that Arrow does not take are whole numbers written as floats.
    """
    floats, large = False, None
    for number, line in enumerate(streams.lines(io.BytesIO(block)), lines + 1):
        if line.strip():
            rows += 1
            if wrong := _wrong(line, source, rows, number):
                return wrong
            for name, value in _integers(line, source):
                floats = floats or isinstance(value, float)
                large = large or (f"column {name!r} in row {rows}: {value}" if abs(value) >= WHOLE else None)
    if floats:
        return large and f"{large} is too large beside whole numbers with a point, as other rows have: write those without one"
    return streams.printable(re.sub(r" in row \d+$", "", message))


def _integers(line: str, source: Source) -> Iterator[tuple[str, float]]:
    """The numbers of a line that is an object, in columns of whole ones."""
    found = json.loads(line)
    yield from ((name, found[name]) for name, kind in source.columns.items() if kind == "int" and found.get(name) is not None)


def _wrong(line: str, source: Source, row: int, number: int) -> str | None:
    """What is wrong with a line of some number, which is some row, if anything is."""
    try:
        found = json.loads(line, object_pairs_hook=_object, parse_float=_float)
        json.dumps(found, ensure_ascii=False).encode("utf-8", "strict" if "\\u" in line else "surrogatepass")
    except UnicodeEncodeError:
        return f"line {number} is not JSON: half of a surrogate pair stands in a text: {shown(line.strip())}"
    except (ValueError, RecursionError) as error:
        if line.strip() == "[":
            return LIST
        return f"line {number} is not JSON: {str(error) or 'too deep'}: {shown(line.strip())}{_written(line.strip(), source)}"
    if isinstance(found, list):
        return LIST
    if not isinstance(found, dict):
        return f"line {number}: an object is needed, not {shown(line.strip())}"
    for name, kind in source.columns.items():
        value = found.get(name)
        if value is not None and not _is(value, kind):
            return f"column {name!r} in row {row}: {shown(json.dumps(value, ensure_ascii=False))} is not {a_type(kind)}{_hint(value, kind)}"
    return None


def _written(line: str, source: Source) -> str:
    """How a line that is no JSON has to be written, where that can be seen from it."""
    if line.startswith("{") and line.endswith("},"):
        return "; take out the comma after each object"
    if set(source.columns) & {name.strip(' "') for name in re.split("[,;\t|]", line)}:
        return "; if the file is CSV, write `format: csv` in its source"
    return ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands twice in one object")
    return found


def _float(text: str) -> float:
    found = float(text)
    if abs(found) == float("inf"):
        raise ValueError(f"{text} is too large for a float, which ends at 1.8e308")
    return found


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "vector":
        return isinstance(value, list) and all(each is None or _is(each, "float") for each in value)
    if kind == "int" and isinstance(value, int):
        return -(1 << 63) <= value < 1 << 63
    if kind == "int" and isinstance(value, float):
        return value.is_integer() and abs(value) < WHOLE
    return isinstance(value, ACCEPTED.get(kind, (str,)))


def _hint(value: Any, kind: str) -> str:
    if kind == "vector":
        return "; write it as a list of numbers"
    if isinstance(value, dict | list):
        return "; a column has one value in each row"
    if isinstance(value, str):
        return "; write it without quotes, or declare the column string"
    if kind in ("date", "timestamp"):
        return "; declare the column int, and make a timestamp of it in data.query, such as to_timestamp(seconds)"
    if kind == "string":
        return "; write it in quotes, or declare another type"
    return "; declare the column float" if kind == "int" and not isinstance(value, bool) else "; declare another type"
