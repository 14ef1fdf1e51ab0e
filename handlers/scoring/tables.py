"""Rows to predict for, from a file or from memory, as a table of the columns that the model was made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from handlers.data import sources
from handlers.data.conversion import as_type
from handlers.data.streams import PARQUET
from handlers.data.text_values import Unfit
from handlers.errors import BadData, WrongUsage

if TYPE_CHECKING:
    import pyarrow as pa

    from handlers.modelspec.model import Source

LINES = (".jsonl", ".ndjson")
COMPRESSED = (".gz", ".zst")


def of_file(path: Path, columns: Mapping[str, str], csv: Mapping[str, Any], more: Sequence[str]) -> Iterator[pa.Table]:
    """Blocks of a CSV, Parquet or JSON Lines file with `columns`, and with those of `more` that a table has. BadData names column and row.

    `csv` says how a CSV is written, as the spec's source does; its first line has the names of the columns.
    """
    source = SimpleNamespace(format=format_of(path), columns=dict(columns), csv=SimpleNamespace(**{**csv, "header": True}))
    vector = next((name for name, kind in columns.items() if kind == "vector"), None)
    if vector is not None and source.format == "csv":
        raise BadData(f"{path.name}: column {vector!r} is a vector, which a CSV cannot hold; give the rows as Parquet or JSON Lines")
    # what it has is what is read of a source here
    yield from sources.tables(path, path.name, cast("Source", source), more)


def format_of(path: Path) -> str:
    """csv, parquet or jsonl: by what the file begins with, and by its name."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(PARQUET))
    except OSError as error:
        raise WrongUsage(f"{path}: cannot be read ({error.strerror})") from error
    if begin == PARQUET:
        return "parquet"
    names = [suffix for suffix in path.suffixes if suffix not in COMPRESSED]
    return "jsonl" if names and names[-1] in LINES else "csv"


def of_memory(rows: Any) -> pa.Table:
    """An Arrow table of an Arrow table or batch, a pandas DataFrame, a list of dicts, or a dict of columns."""
    import pyarrow as pa

    if isinstance(rows, pa.Table):
        return rows
    if isinstance(rows, pa.RecordBatch):
        return pa.Table.from_batches([rows])
    try:
        if type(rows).__module__.partition(".")[0] == "pandas":
            return pa.Table.from_pandas(rows, preserve_index=False)
        if isinstance(rows, Mapping):
            return pa.table(dict(rows))
        if isinstance(rows, Sequence) and all(isinstance(row, Mapping) for row in rows):
            # of all rows: the first one may lack a key
            names = list(dict.fromkeys(name for row in rows for name in row))
            return pa.table({name: [row.get(name) for row in rows] for name in names})
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise BadData(f"the rows are no table: {str(error).splitlines()[0]}") from error
    accepted = "an Arrow table, a pandas DataFrame, a list of dicts, a dict of columns"
    raise BadData(f"the rows are a {type(rows).__name__}; accepted: {accepted}")


def typed(table: pa.Table, columns: Mapping[str, str]) -> pa.Table:
    """The columns in their types; others are left out. BadData names the column and the row that is in the way, counted from 0."""
    import pyarrow as pa

    arrays = []
    for name, kind in columns.items():
        found = table.column_names.count(name)
        if found != 1:
            there = ", ".join(map(repr, table.column_names[:30])) or "none"
            raise BadData(
                f"column {name!r} is missing; the rows have {there}" if not found else f"column {name!r} stands twice in the rows"
            )
        try:
            arrays.append(as_type(table.column(name), kind))
        except Unfit as error:
            where = "" if error.row is None else f" in row {error.row}:"
            raise BadData(f"column {name!r}{where} {error}") from None
    return pa.table(arrays, names=list(columns))
