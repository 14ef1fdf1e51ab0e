"""Files as they are found: which kind they are, how CSV is written in them, and rows taken from all over them.

At most BYTES of text, or ROWS of Parquet, are looked at; of larger files pieces from all over. What is counted is exact where the whole
file was read, else an estimate.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, counted, shown
from handlers.data import streams
from handlers.data.column_types import type_name
from handlers.data.json_lines import LIST
from handlers.data.streams import BEGIN, PARQUET, compression_of, damage_named, decompressed, marked
from handlers.explore.shapes import STRING, shape
from handlers.modelspec.model import Source

if TYPE_CHECKING:
    import pyarrow as pa

BYTES = 32 << 20
ROWS = 500_000
PIECES = 32
LINES = 8  # of a piece, where a record may begin or end
HEAD_BYTES = 1 << 20
CHUNK_ROWS = 10_000
DELIMITERS = (",", ";", "\t", "|")
MARKED = ("utf-16", "utf-32")  # encodings that a mark says, whose bytes cannot be cut anywhere
TEXT = Source(prefix="incoming/", format="csv", columns={"": "string"})  # of which nothing is known yet
Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written; for the other formats only `format` says something."""

    format: str
    encoding: str = "utf-8"
    delimiter: str = ","
    header: bool = True


@dataclass
class Found:
    """A file: its dialect, the names of its columns in order, and, once `chunks` has been read, its rows and whether that is exact."""

    path: Path
    dialect: Dialect
    names: list[str]
    kinds: dict[str, str | None] = field(default_factory=dict)  # of Parquet: the declared type of each column
    rows: int = 0
    exact: bool = True

    def chunks(self, budget: int = BYTES) -> Iterator[Rows]:
        """The file's rows, at most CHUNK_ROWS at a time, as sequences of values in the order of `names`."""
        if self.dialect.format == "parquet":
            yield from self._of_parquet()
            return
        size = self.path.stat().st_size
        read = seen = 0
        with damage_named(self.path, str(self.path), TEXT), decompressed(self.path) as file:
            if compression_of(self.path) or self.dialect.encoding in MARKED or size <= budget:
                text = self._decoded(file.read(budget))
                if file.read(1):
                    # of such a stream only the beginning is at hand; how much follows is not known
                    self.exact, text = False, text[: text.rfind("\n") + 1]
                pieces: Iterable[tuple[int, str]] = [(size, text)]
            else:
                self.exact, pieces = False, self._pieces(file, size, budget // PIECES)
            for number, (length, text) in enumerate(pieces):
                read += length
                for chunk in _chunked(self._records(text, header=self.dialect.header and number == 0)):
                    seen += len(chunk)
                    yield chunk
        self.rows = round(seen * size / read) if read else seen

    def _pieces(self, file: pa.NativeFile, size: int, length: int) -> Iterator[tuple[int, str]]:
        """Bytes and text of pieces from all over the file, each from the beginning of a record to the end of one."""
        for number in range(PIECES):
            file.seek(size * number // PIECES)
            data = file.read(length)
            begin = 0
            for _ in range(LINES):
                # a line may begin inside quotes: then a later one is tried
                begin = data.find(b"\n", begin) + 1 if number else 0
                end = self._end(data, begin)
                if end:
                    yield end - begin, self._decoded(data[begin:end])
                    break

    def _end(self, data: bytes, begin: int) -> int:
        """Where the last whole record ends; 0 where there is none, or where `begin` is inside quotes."""
        end = len(data)
        for _ in range(LINES):
            end = data.rfind(b"\n", begin, end)
            if end <= begin:
                return 0
            if self.dialect.format == "jsonl" or self._whole(self._decoded(data[begin : end + 1])):
                return end + 1
        return 0

    def _whole(self, text: str) -> bool:
        """Whether every quote begins or ends a value, and every record has all columns."""
        separator = re.escape(self.dialect.delimiter)
        value = rf'(?:"(?:[^"]|"")*"|[^"{separator}\r\n]*)'
        if '"' in text and not re.fullmatch(rf"(?:{value}(?:{separator}|\r?\n))*", text):
            return False
        return all(
            len(record) in (0, len(self.names)) for record in csv.reader(io.StringIO(text, newline=""), delimiter=self.dialect.delimiter)
        )

    def _decoded(self, data: bytes) -> str:
        encoding = "utf-8-sig" if self.dialect.encoding == "utf-8" else self.dialect.encoding
        return data.decode(encoding, errors="replace")

    def _records(self, text: str, header: bool) -> Iterator[Sequence[Any]]:
        if self.dialect.format == "jsonl":
            for row in _objects(text.splitlines(), self.path):
                yield [row.get(name) for name in self.names]
            return
        width = len(self.names)
        records = csv.reader(io.StringIO(text, newline=""), delimiter=self.dialect.delimiter)
        if header:
            next((record for record in records if [name.strip() for name in record] == self.names), None)
        for record in records:
            if record:
                yield record if len(record) == width else [*record, *[None] * width][:width]

    def _of_parquet(self) -> Iterator[Rows]:
        from pyarrow import parquet

        with parquet.ParquetFile(self.path) as file:
            self.rows = file.metadata.num_rows
            groups = range(file.num_row_groups)
            most = max(1, ROWS * len(groups) // max(1, self.rows)) if self.rows > ROWS else len(groups)
            taken = sorted({len(groups) * i // most for i in range(most)})
            usable = [name for name, kind in self.kinds.items() if kind is not None]
            left = ROWS
            for batch in file.iter_batches(batch_size=CHUNK_ROWS, row_groups=taken, columns=usable):
                columns = {name: batch.column(i).to_pylist() for i, name in enumerate(batch.schema.names)}
                empty = [None] * len(batch)
                yield list(zip(*(columns.get(name, empty) for name in self.names), strict=True))
                left -= len(batch)
                if left <= 0:
                    break


def found(path: Path) -> Found:
    """What a file is. Raises BadData for one that no source can have."""
    with path.open("rb") as file:
        begin = file.read(BEGIN)
    if begin.startswith(PARQUET):
        return _parquet(path)
    with damage_named(path, str(path), TEXT), streams.text(path, str(path), TEXT):
        pass
    with damage_named(path, str(path), TEXT), decompressed(path) as file:
        head = file.read(HEAD_BYTES)
    if not head.strip():
        raise BadData(f"{path}: the file is empty")
    encoding = _encoding(head)
    text = head.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    if len(head) == HEAD_BYTES:
        text = text[: text.rfind("\n") + 1] or text
    if text.lstrip().startswith("{"):
        names = dict.fromkeys(name for row in _objects(text.splitlines(), path) for name in row)
        return Found(path, Dialect("jsonl"), list(names))
    if text.lstrip().startswith("["):
        raise BadData(f"{path}: {LIST}")
    return _csv(path, text, encoding)


def _csv(path: Path, text: str, encoding: str) -> Found:
    csv.field_size_limit(sys.maxsize)
    said = re.match(r"\s*sep=(.)\r?\n", text)
    delimiter = said[1] if said else _delimiter(text)
    records = [r for r in itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1000) if any(map(str.strip, r))]
    first, *others = records[1:] if said else records
    width, times = Counter(map(len, others)).most_common(1)[0] if others else (len(first), 0)
    if len(first) < width and times > len(others) / 2:
        line = shown(delimiter.join(first))
        what = f"the first line {line} has {counted(len(first), 'value')} and most lines have {width}"
        raise BadData(f"{path}: {what}; take out what stands before the names")
    header = _is_header(first, others)
    if header:
        return Found(path, Dialect("csv", encoding, delimiter), [name.strip() for name in first])
    return Found(path, Dialect("csv", encoding, delimiter, header=False), [f"column_{i + 1}" for i in range(len(first))])


def _is_header(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Names are texts, none twice; where every column is text, the first line is taken for names."""
    names = [name.strip() for name in first if name.strip()]
    if any(shape(name) != STRING for name in names) or len(set(names)) < len(names):
        return all(shape(name) == STRING for name in names) and bool(names)
    return not others or bool(names)


def _delimiter(text: str) -> str:
    """The delimiter that cuts most lines into the same number of values, more than one."""

    def score(delimiter: str) -> tuple[float, int]:
        lines = list(itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 200))
        widths = Counter(len(line) for line in lines if line)
        if not widths:
            return 0.0, 0
        width, times = widths.most_common(1)[0]
        return (times / sum(widths.values()) if width > 1 else 0.0), width

    csv.field_size_limit(sys.maxsize)
    best = max(DELIMITERS, key=lambda d: (round(score(d)[0], 2), score(d)[1]))
    return best if score(best)[0] else ","


def _encoding(head: bytes) -> str:
    if (mark := marked(head)) is not None:
        return mark[1].removesuffix("-le").removesuffix("-be")
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # the head may end inside a character
        if error.start < len(head) - 4:
            return "cp1252" if not {0x81, 0x8D, 0x8F, 0x90, 0x9D} & set(head) else "latin-1"
    return "utf-8"


def _objects(lines: Iterable[str], path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadData(f"{path}: line {number} is not JSON: {error}; accepted: one JSON object in each line") from error
        if not isinstance(row, dict):
            raise BadData(f"{path}: line {number} is not a JSON object; accepted: one JSON object in each line")
        yield row


def _parquet(path: Path) -> Found:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadData(f"{path}: {error}") from error
    return Found(path, Dialect("parquet"), list(schema.names), {f.name: _kind(f.type) for f in schema})


def _kind(arrow: pa.DataType) -> str | None:
    try:
        return type_name(arrow)
    except ValueError:
        return None


def _chunked(records: Iterator[Sequence[Any]]) -> Iterator[Rows]:
    while chunk := list(itertools.islice(records, CHUNK_ROWS)):
        yield chunk
