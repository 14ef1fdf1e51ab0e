"""Predictions for files, block by block: memory does not grow with the rows. A file is there whole, or not at all."""

from __future__ import annotations

import csv as python_csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from handlers.errors import BadData, WrongUsage
from handlers.scoring import tables
from handlers.scoring.scorer import Scorer

if TYPE_CHECKING:
    import pyarrow as pa

Done = Callable[[str, int], None]


def predicted(scorer: Scorer, path: Path, *, proba: bool = False, wide: bool = False) -> Iterator[pa.Table]:
    """Predictions for the rows of a file, block by block, after its key columns (`data.key`) where it has them, and after the columns that
    were read where the result is to be `wide`. Of a file without rows comes one block without rows."""
    import pyarrow as pa

    blocks = tables.of_file(path, scorer.columns, scorer.documents.schema["csv"], scorer.key)
    nothing = True
    for block in blocks:
        nothing = False
        found = scorer.predictions(block.select(list(scorer.columns)), proba=proba)
        before = [name for name in scorer.key if name in block.column_names] + (list(scorer.columns) if wide else [])
        taken = next((name for name in before if name in found.column_names), None)
        if taken is not None:
            raise BadData(f"{path.name}: the column {taken!r} is called as a column of the predictions")
        yield pa.table([*(block.column(name) for name in before), *found.columns], names=[*before, *found.column_names])
    if nothing:
        yield scorer.predict(pa.table({name: [] for name in scorer.columns}), proba=proba)


def predict(
    scorer: Scorer,
    paths: Sequence[Path],
    out: Path | None,
    *,
    proba: bool = False,
    wide: bool = False,
    lines: bool = False,
    done: Done = lambda _name, _rows: None,
) -> int:
    """Write the predictions for the files, one after the other, to `out`, or to standard output without one; the number of rows.

    They are Parquet where `out` is so called, JSON Lines where it is or where `lines` says so, else CSV. `done` hears of each block.
    """
    rows = 0
    with _written(out) as file:
        writer: Any = None
        try:
            for path in paths:
                for block in predicted(scorer, path, proba=proba, wide=wide):
                    if writer is None:
                        writer = _writer(file, block.schema, out, lines=lines)
                    elif block.schema != writer.schema:
                        block = _as_before(block, writer.schema, path)
                    _write(writer, block, out)
                    rows += len(block)
                    done(path.name, rows)
        finally:
            if writer is not None:
                writer.close()
    return rows


def _as_before(block: pa.Table, schema: pa.Schema, path: Path) -> pa.Table:
    import pyarrow as pa

    try:
        return block.select(schema.names).cast(schema)
    except (KeyError, pa.ArrowInvalid) as error:
        has = ", ".join(f"{field.name} ({field.type})" for field in block.schema)
        wanted = ", ".join(f"{field.name} ({field.type})" for field in schema)
        raise BadData(f"{path.name}: its predictions have the columns {has}, those of the files before {wanted}") from error


class _Csv:
    """CSV; a text is in quotes where it needs them."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        from pyarrow import csv

        self.schema = schema
        header = io.StringIO()
        python_csv.writer(header, lineterminator="\n").writerow(schema.names)
        file.write(header.getvalue().encode())
        self._csv = csv.CSVWriter(file, schema, write_options=csv.WriteOptions(include_header=False, quoting_style="needed"))

    def write_table(self, table: pa.Table) -> None:
        self._csv.write_table(table)

    def close(self) -> None:
        self._csv.close()


class _Lines:
    """JSON Lines."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self.schema, self._file = schema, file

    def write_table(self, table: pa.Table) -> None:
        self._file.writelines(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n" for row in table.to_pylist())

    def close(self) -> None:
        return


def _writer(file: BinaryIO, schema: pa.Schema, out: Path | None, *, lines: bool) -> Any:
    if out is not None and out.suffix == ".parquet":
        from pyarrow.parquet import ParquetWriter

        return ParquetWriter(file, schema)
    return _Lines(file, schema) if lines or (out is not None and out.suffix in tables.LINES) else _Csv(file, schema)


@contextmanager
def _written(out: Path | None) -> Iterator[BinaryIO]:
    """A file that gets its name when it is whole; standard output without a name."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    fresh = out.with_name(f".{out.name}.{os.getpid()}.new")
    try:
        file = fresh.open("wb")
    except OSError as error:
        raise _not_written(out, error) from error
    try:
        with file:
            yield file
        fresh.replace(out)
    finally:
        fresh.unlink(missing_ok=True)


def _write(writer: Any, block: pa.Table, out: Path | None) -> None:
    try:
        writer.write_table(block)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _not_written(out, error) from error


def _not_written(out: Path | None, error: OSError) -> WrongUsage:
    return WrongUsage(f"{out or 'standard output'}: cannot be written ({error.strerror or error})")
