"""Row keys across objects: a day that several objects have rows of may not have a key twice."""

from __future__ import annotations

import io
from typing import Any

from handlers.contracts import BadData
from handlers.spec.model import ModelSpec
from handlers.storage import Store


def no_key_twice(store: Store, spec: ModelSpec, documents: list[dict[str, Any]]) -> None:
    """Raise BadData naming one key that two objects have; only days that more than one object has rows of are read."""
    names = spec.data.key
    if not names:
        return
    days: dict[str, list[tuple[str, str]]] = {}
    for document in documents:
        for part in document["parts"]:
            days.setdefault(part["day"], []).append((part["key"], document["source"][0]))
    for day, parts in sorted(days.items()):
        if len(parts) > 1:
            _check(store, names, day, parts)


def _check(store: Store, names: list[str], day: str, parts: list[tuple[str, str]]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import parquet

    tables = [parquet.read_table(io.BytesIO(store.get(key)), columns=names) for key, _ in parts]
    groups = pa.concat_tables(tables).group_by(names).aggregate([([], "count_all")])
    twice = groups.filter(pc.greater(groups.column("count_all"), 1))
    if len(twice):
        shown = ", ".join(f"{name}={value}" for name, value in twice.select(names).slice(0, 1).to_pylist()[0].items())
        objects = " and ".join(source for _, source in parts)
        raise BadData(f"{objects}: {len(twice)} keys of {day} are in more than one object, for example {shown}; data.key names one row")
