"""The columns that a spec names against those that its rows have: found before any data is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from handlers.contracts import BadData, BadSpec
from handlers.data import manifest, query, statement
from handlers.data.column_types import arrow_type, type_name
from handlers.explore.files import found
from handlers.modelspec.model import ColumnCheck, ModelSpec, Source

UNKNOWN = re.compile(r'Referenced column "(.*?)" not found')  # as DuckDB says it
SpecPath = tuple[str | int, ...]
Wrong = tuple[SpecPath, str]
LONGEST = 400  # characters of the names that an error shows


def wrong(spec: ModelSpec, seen: Mapping[str, str | None] | None = None) -> list[Wrong]:
    """(path in the spec, message) of each name that no column has, and of features that cannot be made of their column.

    `seen` are the columns of the files that are to be read, with their types where the files say them.
    """
    schema = known(spec, seen)
    if schema is None:
        return []
    missing = [(path, _absent(name, schema)) for path, name in named(spec) if name not in schema]
    return missing or _features(spec, schema)


def named(spec: ModelSpec) -> Iterator[tuple[SpecPath, str]]:
    """Every column of the rows that a spec names, and where."""
    data = spec.data
    yield ("data", "target", "column"), data.target.column
    split = data.split.model_dump()
    for key in ("column", "stratify"):
        if split.get(key):
            yield ("data", "split", key), split[key]
    for place, names in ((("data", "split", "key"), split.get("key") or []), (("data", "key"), data.key)):
        yield from (((*place, i), name) for i, name in enumerate(names))
    for key in ("group", "weight"):
        if getattr(data, key):
            yield ("data", key), getattr(data, key)
    yield from ((("checks", name), name) for name, check in spec.checks.items() if isinstance(check, ColumnCheck))
    yield from ((("features", name), name) for name in spec.features)
    yield from ((("evaluate", "slices", name), name) for name in spec.evaluate.slices)


def known(spec: ModelSpec, seen: Mapping[str, str | None] | None = None) -> dict[str, str] | None:
    """The rows' columns with their types; None where only the data can tell. Raises BadSpec for a statement that cannot be run."""
    each = {name: _of_source(spec, name, seen if name == spec.data.trigger else None) for name in spec.data.sources}
    if spec.sql is None:
        return each[spec.data.trigger]
    there = {name: columns for name, columns in each.items() if columns is not None}
    return _of_query(spec, there) if len(there) == len(each) else None


def _of_source(spec: ModelSpec, name: str, seen: Mapping[str, str | None] | None) -> dict[str, str] | None:
    source = spec.data.sources[name]
    columns: dict[str, str] = dict(source.columns)
    if not columns:
        if seen is None or None in seen.values():
            return None
        return {column: str(kind) for column, kind in seen.items()}
    if source.format == "csv" and spec.sql is not None:
        # a column that only the statement names is text
        also = statement.names(spec.sql) - set(columns)
        columns |= {column: "string" for column in sorted(also) if seen is None or column in seen}
    return columns


def _of_query(spec: ModelSpec, columns: Mapping[str, Mapping[str, str]]) -> dict[str, str] | None:
    """The columns of the statement's result, from sources without a row."""
    import pyarrow as pa

    def empty(of: Mapping[str, str]) -> pa.Table:
        return pa.schema([(name, arrow_type(kind)) for name, kind in of.items()]).empty_table()

    others = {name: empty(of) for name, of in columns.items() if name != spec.data.trigger}
    try:
        (result,) = query.rows(iter([empty(columns[spec.data.trigger])]), spec.sql, spec.data.trigger, "a source without rows", others)
    except BadData:  # only the data can tell
        return None
    except BadSpec as error:
        unknown = UNKNOWN.search(str(error))
        near = get_close_matches(unknown[1], [name for of in columns.values() for name in of], n=1) if unknown else []
        if not near:
            raise
        raise BadSpec(f"{error}; did you mean {near[0]!r}?") from error
    return {field.name: type_name(field.type) for field in result.schema}


def seen_in(path: Path, source: Source) -> dict[str, str | None] | None:
    """The columns of a file, with their types where it is Parquet; None where it is not what the spec says, which reading it tells."""
    try:
        file = found(path)
    except (BadData, OSError):
        return None
    if file.dialect.format != source.format or source.format == "jsonl":
        return None
    if source.format == "csv" and (not source.csv.header or file.dialect.delimiter != source.csv.delimiter):
        return None
    return {name: file.kinds.get(name) for name in file.names}


def nearest(name: str, there: Sequence[str]) -> str | None:
    """The name that was meant by one that is not there; None where none is near."""
    return next(iter(get_close_matches(name, there, n=1) or [other for other in there if other.lower() == name.lower()]), None)


def _absent(name: str, schema: Mapping[str, Any]) -> str:
    meant = nearest(name, list(schema))
    if meant:
        return f"the rows have no column {name!r}; did you mean {meant!r}?"
    shown = ", ".join(schema)
    return f"the rows have no column {name!r}; the columns are {shown if len(shown) <= LONGEST else shown[:LONGEST] + ', ...'}"


def _features(spec: ModelSpec, schema: dict[str, str]) -> list[Wrong]:
    try:
        manifest.features(spec, schema)
    except BadSpec as error:
        where, _, message = str(error).partition(": ")
        return [(tuple(where.split(".", 1)) if where.startswith("features.") else (where,), message)]
    return []
