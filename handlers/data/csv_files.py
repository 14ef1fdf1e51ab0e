"""CSV as tables, block by block: Arrow parses, what it cannot convert is converted from text, and an error names row, column and value."""

from __future__ import annotations

import csv as python_csv
import io
import itertools
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.data import streams
from handlers.data.column_types import arrow_type
from handlers.data.conversion import as_type
from handlers.data.csv_hints import delimiter_hint, header_hint
from handlers.data.text_values import Unfit
from handlers.errors import BadData, shown

if TYPE_CHECKING:
    import pyarrow as pa

    from handlers.modelspec.model import Csv, Source

BLOCK_BYTES = 2 << 20
LONGEST_RECORD = 64 << 20
LOOKED_THROUGH = 50  # records, where the first is not the names
HEXADECIMAL = (b"0x", b"0X")


def tables(path: Path, key: str, source: Source, asked: set[str]) -> Iterator[pa.Table]:
    """Blocks with the declared columns, and as text those that are `asked` for besides."""
    file = None
    with streams.text(path, key, source) as stream:
        try:
            for block in streams.blocks(stream, BLOCK_BYTES, LONGEST_RECORD, whole_records(source.csv.delimiter)):
                if file is None:
                    first, begin, end = first_record(block, source.csv)
                    if not first:
                        continue
                    file = _File(first, key, source, asked, block[end:])
                    block = block[end if source.csv.header else begin :]
                if block.strip(b"\r\n"):
                    yield file.table(block)
        except streams.NoEnd as error:
            row = file.row(0) if file else 1
            if file is None and error.held.lstrip().startswith((b'{"', b'[{"')):
                raise BadData(f"{key}: the file looks like JSON; if it is JSON Lines, write `format: jsonl` in its source") from None
            raise BadData(f"{key}: {_text_after(error.held, row, source) or _no_end(row, error.too_long)}") from None
    if file is None:
        raise BadData(f"{key}: the file is empty; a CSV begins with a line of column names")


def _no_end(row: int, too_long: bool) -> str:
    if too_long:
        return f"row {row} is longer than {LONGEST_RECORD >> 20} MiB; is there a quote without an end, or is the file of another format?"
    return f"a quote in row {row} has no end; write a quote within a text as two of them"


def _text_after(held: bytes, row: int, source: Source) -> str | None:
    """What is wrong with a record that nothing ends because text follows a quote that ended, as where a backslash stands before quotes."""
    value, sign, quoted = _grammar(source.csv.delimiter)
    stray = re.match(rb"(?:(?:%b)%b)*+(%b[^%b\r\n]+)" % (value, sign, quoted, sign), held)
    if stray is None:
        return None
    text = stray[1].decode("utf-8", "replace")
    return f"row {row}: text follows the quote that ends a value: {shown(text)}; write a quote within a text as two of them"


def _grammar(delimiter: str) -> tuple[bytes, bytes, bytes]:
    """Patterns: a value, the delimiter, a value in quotes. A quote has a meaning where a value begins, as for Arrow."""
    sign = re.escape(delimiter.encode())
    quoted = rb'"[^"]*+(?:""[^"]*+)*+"(?:(?!%b)[ \t])*+' % sign
    plain = rb'[^"%b\r\n][^%b\r\n]*+' % (sign, sign)
    return rb"%b|%b|" % (quoted, plain), sign, quoted


def whole_records(delimiter: str) -> Callable[[bytes], int]:
    """How many bytes of a text that begins with a record are whole records."""
    value, sign, _ = _grammar(delimiter)
    values = re.compile(rb"(?:(?:%b)(?:%b|(\n|\r\n?)))*+" % (value, sign))

    def end(text: bytes) -> int:
        if b'"' not in text:
            return max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        found = values.match(text)
        # where the last line end outside of quotes is, or -1
        return max(0, found.end(1)) if found else 0

    return end


def records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[list[str], str]]:
    """Each record's values and its text with its line end, whole however many lines it has; a blank line has no values."""
    python_csv.field_size_limit(sys.maxsize)
    taken: list[str] = []

    def kept() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    for values in python_csv.reader(kept(), delimiter=delimiter):
        yield values, "".join(taken)
        taken.clear()


def first_record(block: bytes, declared: Csv) -> tuple[list[str], int, int]:
    """The values of the first line that is not blank and not a spreadsheet's `sep=;`, and where it begins and ends."""
    end = 0
    for values, text in records(streams.lines(io.BytesIO(block)), declared.delimiter):
        begin, end = end, end + len(text.encode("utf-8", "surrogateescape"))
        there = any(map(str.strip, values)) if declared.header else bool(values)
        if there and text.strip("\r\n") != f"sep={declared.delimiter}":
            return values, begin, end
    return [], end, end


class _File:
    """One CSV file, from its first line on: the names of its columns, and how many of its rows are done."""

    def __init__(self, first: list[str], key: str, source: Source, asked: set[str], after: bytes) -> None:
        self.first, self.key, self.source, self.done = first, key, source, 0
        declared = list(source.columns)
        if source.csv.header:
            # blanks around a name are no part of it, unless a declared name has them
            wanted = {*declared, *asked}
            self.names = [name if name in wanted else name.strip() for name in first]
            self._has_columns(after)
        elif [name.strip() for name in first] == declared:
            raise BadData(f"{key}: the first line has the names of the columns; leave out csv.header: false")
        else:
            self.names = declared
        self.text = [name for name in dict.fromkeys(self.names) if name in asked and name not in declared]
        no_name_twice(self.names, [*declared, *self.text], key)

    def _has_columns(self, after: bytes) -> None:
        missing = next((name for name in self.source.columns if name not in self.names), None)
        if missing is not None:
            hint = header_hint(self.first, self.source, missing) or self._later(after)
            raise BadData(f"{self.key}: column {missing!r} is missing; the file has {streams.listed(self.names)}{hint}")

    def _later(self, after: bytes) -> str:
        """For a file that has something else before its header."""
        found = records(streams.lines(io.BytesIO(after)), self.source.csv.delimiter)
        for values, text in itertools.islice(found, LOOKED_THROUGH):
            if {*self.source.columns} <= {name.strip() for name in values}:
                return f"; the line {shown(text.strip())} has the names: take out the lines before it"
        return ""

    def row(self, number: int) -> int:
        """The number in the file of a row of the current block, from 0; the header counts."""
        return self.done + number + 1 + self.source.csv.header

    def table(self, block: bytes) -> pa.Table:
        """The next rows, typed."""
        import pyarrow as pa

        try:
            try:
                # Arrow takes hexadecimal numbers for integers
                found = self._parsed(block, {"int"} if any(begin in block for begin in HEXADECIMAL) else ())
                if self._infinite(found):
                    found = self._parsed(block, {"float"})
            except pa.ArrowInvalid as error:
                if "conversion error" not in str(error) or "UTF8" in str(error):
                    raise
                found = self._parsed(block, set(self.source.columns.values()))
        except pa.ArrowInvalid as error:
            raise BadData(f"{self.key}: {self._explained(str(error))}") from error
        typed = self._typed(found)
        self.done += len(found)
        return typed

    def _infinite(self, table: pa.Table) -> bool:
        """Whether a number may be one that is too large for a float."""
        import pyarrow.compute as pc
        import pyarrow.types as t

        floats = (column for column in table.columns if t.is_floating(column.type))
        return any(pc.any(pc.is_inf(column)).as_py() for column in floats)

    def _parsed(self, block: bytes, as_text: Collection[str]) -> pa.Table:
        """`as_text` has the declared types that are read as text."""
        import pyarrow as pa
        from pyarrow import csv

        declared = self.source.csv
        types = {name: pa.string() if kind in as_text else _read_type(kind, declared) for name, kind in self.source.columns.items()}
        used = [*self.source.columns, *self.text]
        return csv.read_csv(
            pa.BufferReader(block),
            read_options=csv.ReadOptions(
                block_size=len(block) + 1,
                use_threads=False,
                # a name that nobody uses may stand twice
                column_names=[name if name in used else f"\x1f{number}" for number, name in enumerate(self.names)],
            ),
            parse_options=csv.ParseOptions(delimiter=declared.delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=types | dict.fromkeys(self.text, pa.string()),
                include_columns=used,
                null_values=declared.nulls,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                decimal_point=declared.decimal,
            ),
        )

    def _typed(self, table: pa.Table) -> pa.Table:
        import pyarrow as pa

        arrays = []
        for name, kind in self.source.columns.items():
            try:
                arrays.append(as_type(table.column(name), kind, self.source.csv))
            except Unfit as error:
                number = error.row or 0
                values = table.column(name)
                again = self.source.csv.header and pa.types.is_string(values.type) and values[number].as_py() == name
                why = f"{name!r} is its name; the row has the names of the columns again: take it out" if again else error
                raise BadData(f"{self.key}: column {name!r} in row {self.row(number)}: {why}") from None
        return pa.table([*arrays, *(table.column(name) for name in self.text)], names=[*self.source.columns, *self.text])

    def _explained(self, message: str) -> str:
        """What Arrow says, in words of the file."""
        width = re.search(r"Row #(\d+): Expected (\d+) columns?, got (\d+): (.*)", message, re.DOTALL)
        if width:
            row, expected, actual = (int(width[number]) for number in (1, 2, 3))
            whose = "the header has" if self.source.csv.header else "the spec declares"
            hint = delimiter_hint(self.first, self.source) if actual == 1 else ""
            count = f"{actual} value" + ("s" if actual > 1 else "")
            return f"row {self.row(row - 1)} has {count} and {whose} {expected}: {shown(width[4])}{hint}"
        found = re.search(r"In CSV column #(\d+): (?:Row #(\d+): )?.*invalid UTF8 data", message, re.DOTALL)
        if found:
            where = f" in row {self.row(int(found[2]) - 1)}" if found[2] else ""
            what = "the text is not UTF-8; write csv.encoding, such as cp1252 or latin-1, or save the file as UTF-8"
            return f"column {self.names[int(found[1])]!r}{where}: {what}"
        return streams.printable(message)


def _read_type(kind: str, declared: Csv) -> Any:
    """What Arrow converts by itself; the rest is read as text."""
    import pyarrow as pa

    # Arrow takes a column of timestamps either with zones or without
    other = kind == "timestamp" or (kind == "date" and declared.dates) or (kind in ("int", "float") and declared.thousands)
    return pa.string() if other else arrow_type(kind)


def no_name_twice(there: list[str], used: list[str], key: str) -> None:
    """Raise BadData for a name that is used and stands twice."""
    twice = next((name for name in used if there.count(name) > 1), None)
    if twice is not None:
        raise BadData(f"{key}: column {twice!r} stands twice in the file; give each column a name of its own")
