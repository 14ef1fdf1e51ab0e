"""Row keys across objects: no key twice, or, with `on_duplicate: last`, the rows of the last object.

Parts are never rewritten, so a day on which objects disagree gets a part of its own, made of theirs and named by them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from handlers.contracts import BadData, counted
from handlers.data import checks, parts
from handlers.modelspec.model import ModelSpec
from handlers.storage import Missing, Store, digest, read_json, write_json

Document = dict[str, Any]
Stored = tuple[str, str]  # key of a part, key of its source object


def with_each_key_once(store: Store, model: str, spec: ModelSpec, documents: list[Document]) -> list[Document]:
    """The documents of parts in which every row key occurs once. Raises BadData naming a key that occurs twice.

    Only what may hold a key twice is read: days that several objects have rows of, or, where the key lacks the split's column and a row
    may so move from day to day, the key columns of every part (in memory, all at once).
    """
    names = spec.data.key
    if not names:
        return documents
    if spec.data.time_split.column not in names:
        _once(store, names, "all days", [stored for _, stored in _stored_parts(documents)])
        return documents
    days: dict[str, list[Stored]] = {}
    for day, stored in _stored_parts(documents):
        days.setdefault(day, []).append(stored)
    shared = {day: parts for day, parts in sorted(days.items()) if len(parts) > 1}
    if spec.data.on_duplicate == "error":
        for day, parts_of_day in shared.items():
            _once(store, names, day, parts_of_day)
        return documents
    return [*_without(documents, set(shared)), *(_merged(store, model, spec, day, parts) for day, parts in shared.items())]


def _stored_parts(documents: list[Document]) -> Iterator[tuple[str, Stored]]:
    for document in sorted(documents, key=lambda d: str(d["source"][0])):
        for part in document["parts"]:
            yield part["day"], (part["key"], document["source"][0])


def _once(store: Store, names: list[str], when: str, stored: list[Stored]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import parquet

    if len(stored) < 2:
        return
    tables = []
    for key, source in stored:
        table = parquet.read_table(io.BytesIO(store.get(key)), columns=names)
        tables.append(table.append_column(" source", pa.array([source] * len(table), pa.string()).dictionary_encode()))
    table = pa.concat_tables(tables).unify_dictionaries()
    groups = table.group_by(names).aggregate([([], "count_all")])
    twice = groups.filter(pc.greater(groups.column("count_all"), 1)).select(names)
    if len(twice):
        first = twice.slice(0, 1).to_pylist()[0]
        same = table
        for name, value in first.items():
            column = same.column(name)
            same = same.filter(pc.is_null(column) if value is None else pc.equal(column, pa.scalar(value, column.type)))
        objects = " and ".join(sorted(set(same.column(" source").to_pylist())))
        shown = ", ".join(f"{name}={value}" for name, value in first.items())
        repeated = f"{counted(len(twice), 'key')} of {when} {'occurs' if len(twice) == 1 else 'occur'} more than once"
        raise BadData(f"{objects}: {repeated}, for example {shown}; data.key must identify one row")


def _without(documents: list[Document], days: set[str]) -> list[Document]:
    return [{**document, "parts": [part for part in document["parts"] if part["day"] not in days]} for document in documents]


def _merged(store: Store, model: str, spec: ModelSpec, day: str, stored: list[Stored]) -> Document:
    """The document of one day's rows of several objects; of rows with one key that of the object whose name is last stays."""
    from datetime import date

    import pyarrow as pa
    from pyarrow import parquet

    name = digest({"merged": [key for key, _ in stored]})
    marker = f"parts/{model}/{name}/parts.json"
    try:
        found: Document = read_json(store, marker)
    except Missing:
        tables = [parquet.read_table(io.BytesIO(store.get(key))) for key, _ in stored]
        kept = checks.unique(pa.concat_tables(tables), spec, stored[-1][1], day)
        part = parts.write(store, f"parts/{model}/{name}", date.fromisoformat(day), [kept], spec, stored[-1][1])
        schema = part.pop("schema")
        source = [" and ".join(object_key for _, object_key in stored)]
        found = {"source": source, "digest": name, "parts": [part], "rows": part["rows"], "unlabelled": 0, "schema": schema}
        write_json(store, marker, found)
    return found
