"""Predictions for files, block by block: memory does not grow with the rows. A file is there whole, or not at all."""

from __future__ import annotations

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


def predicted(scorer: Scorer, path: Path, *, proba: bool = False) -> Iterator[pa.Table]:
    """Predictions for the rows of a file, block by block, after its key columns (`data.key`), where it has them."""
    import pyarrow as pa

    blocks = tables.of_file(path, scorer.columns, scorer.documents.schema["csv"], scorer.key)
    for block in blocks:
        found = scorer.predictions(block.select(list(scorer.columns)), proba=proba)
        keys = [name for name in scorer.key if name in block.column_names]
        taken = next((name for name in keys if name in found.column_names), None)
        if taken is not None:
            raise BadData(f"{path.name}: the key column {taken!r} is called as a column of the predictions")
        yield pa.table([*(block.column(name) for name in keys), *found.columns], names=[*keys, *found.column_names])


def predict(scorer: Scorer, paths: Sequence[Path], out: Path | None, *, proba: bool = False, done: Done = lambda _name, _rows: None) -> int:
    """Write the predictions for the files, one after the other, to `out`: Parquet where it is so called, else CSV; to standard output
    without one. `done` hears of each block. The number of rows."""
    rows = 0
    with _written(out) as file:
        writer: Any = None
        try:
            for path in paths:
                for block in _with_empty(scorer, path, proba):
                    if writer is None:
                        writer = _writer(file, block.schema, parquet=out is not None and out.suffix == ".parquet")
                    if block.schema != writer.schema:
                        block = _as_before(block, writer.schema, path)
                    _write(writer, block, out)
                    rows += len(block)
                    done(path.name, rows)
        finally:
            if writer is not None:
                writer.close()
    return rows


def _with_empty(scorer: Scorer, path: Path, proba: bool) -> Iterator[pa.Table]:
    """The predictions of a file; of one without rows a table without rows."""
    import pyarrow as pa

    nothing = True
    for block in predicted(scorer, path, proba=proba):
        nothing = False
        yield block
    if nothing:
        yield scorer.predict(pa.table({name: [] for name in scorer.columns}), proba=proba)


def _as_before(block: pa.Table, schema: pa.Schema, path: Path) -> pa.Table:
    import pyarrow as pa

    try:
        return block.select(schema.names).cast(schema)
    except (KeyError, pa.ArrowInvalid) as error:
        has = ", ".join(f"{field.name} ({field.type})" for field in block.schema)
        wanted = ", ".join(f"{field.name} ({field.type})" for field in schema)
        raise BadData(f"{path.name}: its predictions have the columns {has}, those of the files before {wanted}") from error


class _Csv:
    """CSV with texts in quotes where they need them."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        from pyarrow import csv

        self.schema = schema
        self._csv = csv.CSVWriter(file, schema, write_options=csv.WriteOptions(quoting_style="needed", quoting_header="needed"))

    def write_table(self, table: pa.Table) -> None:
        self._csv.write_table(table)

    def close(self) -> None:
        self._csv.close()


def _writer(file: BinaryIO, schema: pa.Schema, *, parquet: bool) -> Any:
    if not parquet:
        return _Csv(file, schema)
    from pyarrow.parquet import ParquetWriter

    return ParquetWriter(file, schema)


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
