"""Source objects as Arrow tables with the declared types, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from handlers.data import csv_files, json_lines, parquet_files
from handlers.data.streams import damage_named

if TYPE_CHECKING:
    import pyarrow as pa

    from handlers.modelspec.model import Source


def tables(path: Path, key: str, source: Source, asked: Iterable[str] | None = None) -> Iterator[pa.Table]:
    """Blocks of the file `path` that was the object `key`. Raises BadData naming object, column and value.

    `asked` has the names in the query, if there is one: it gets columns that are not declared as they are in the file, in CSV as text.
    """
    names = None if asked is None else set(asked)
    with damage_named(path, key, source):
        if source.format == "csv":
            yield from csv_files.tables(path, key, source, names or set())
        elif source.format == "jsonl":
            yield from json_lines.tables(path, key, source)
        else:
            yield from parquet_files.tables(path, key, source, names)
