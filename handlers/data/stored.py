"""Parts written and described, and the columns that all of them must have. Needs no query."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData
from handlers.data import checks, statistics, units
from handlers.data.column_types import type_name
from handlers.data.cut import described, distinct
from handlers.data.split import label, unit_of
from handlers.data.units import OWN, UNIT
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_BYTES = 32 << 20
LARGEST = 1e150
SAMPLE = 10_000  # values that are looked at


def one_schema(documents: Iterable[dict[str, Any]], where: str) -> dict[str, str]:
    """The columns that all documents with parts have; none where none has. Raises BadData naming a column that differs, and two objects."""
    there = [document for document in documents if document["parts"]]
    for document in there:
        mine, theirs = document["schema"], there[0]["schema"]
        if mine != theirs:
            column = next(n for n in [*theirs, *mine] if mine.get(n) != theirs.get(n))
            both = column in mine and column in theirs
            what = "its type" if both else "the columns that every object has"
            raise BadData(
                f"{document['source'][0]}: column {column!r} is {mine.get(column, 'missing')}, in {there[0]['source'][0]} "
                f"{theirs.get(column, 'missing')}; declare {what} under {where}"
            )
    return there[0]["schema"] if there else {}


def write(store: Store, folder: str, table: pa.Table, spec: ModelSpec, key: str) -> dict[str, Any]:
    """Write one part, rows sorted by unit, and describe it; `key` names the source object in errors."""
    table = checks.unique(table, spec, key)
    known = distinct(table)
    # of steps there may be as many as rows
    listed = known if unit_of(spec.data.split) != "step" else sorted({known[0], known[-1]})
    name = f"{folder}/{label(unit_of(spec.data.split), known[0])}.parquet"
    # written while it is described: both leave this thread to others, and the bucket's answer takes its time
    with ThreadPoolExecutor(1, "write") as writer:
        writing = writer.submit(_put, store, name, table)
        found = described(table, spec)
        size = writing.result()
    _of_a_size(found, key)
    return {
        "key": name,
        "units": listed,
        "rows": len(table),
        "bytes": size,
        "whole": units.reaches_the_end(_newest(table, known[-1]), spec),
        "statistics": found,
        "schema": {field.name: type_name(field.type) for field in table.schema if field.name not in OWN},
    }


def _put(store: Store, name: str, table: pa.Table) -> int:
    """Write the table as an object; how many bytes it has."""
    import io

    from pyarrow import parquet

    sink = io.BytesIO()
    per_row = max(1, table.nbytes // max(1, len(table)))
    repeating = _repeating(table)
    parquet.write_table(
        table,
        sink,
        compression=_compression(table, repeating),
        row_group_size=max(1, ROW_GROUP_BYTES // per_row),
        use_dictionary=repeating,
    )
    data = sink.getvalue()
    store.put(name, data)
    return len(data)


def _repeating(table: pa.Table) -> list[str]:
    """The columns whose values come again, so that a dictionary makes them smaller; others it makes larger and slower to read."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    found = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        some = column.slice(0, SAMPLE)
        if not t.is_nested(column.type) and (t.is_string(column.type) or pc.count_distinct(some).as_py() <= len(some) // 2):
            found.append(name)
    return found


def _compression(table: pa.Table, repeating: Collection[str]) -> dict[str, str]:
    """The compression of each column. Measured numbers are little smaller when compressed, and reading them takes four times as long."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    found = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        some = column.slice(0, SAMPLE)
        # what Parquet calls the numbers of a list
        path, numbers = (f"{name}.list.element", pc.list_flatten(some)) if t.is_list(column.type) else (name, some)
        plain = name not in repeating and t.is_primitive(numbers.type) and not t.is_boolean(numbers.type)
        found[path] = "none" if plain and not _smaller(numbers.drop_null()) else "zstd"
    return found


def _smaller(numbers: pa.ChunkedArray) -> bool:
    """Whether compression makes numbers smaller by a tenth."""
    import pyarrow as pa

    whole = pa.concat_arrays(numbers.chunks) if numbers.num_chunks else pa.array([], numbers.type)
    width = whole.type.bit_width // 8
    data = whole.buffers()[1].slice(whole.offset * width, len(whole) * width) if len(whole) else b""
    return len(pa.compress(data, "zstd", asbytes=True)) <= 0.9 * len(data) if data else True


def _newest(table: pa.Table, unit: int) -> pa.Table:
    import pyarrow.compute as pc

    return table.filter(pc.equal(table.column(UNIT), unit))


def _of_a_size(found: dict[str, statistics.Statistics], key: str) -> None:
    """Raise BadData for a number whose square, summed over rows, is no float any more."""
    for name, column in found.items():
        largest = max((column[end] for end in ("min", "max") if isinstance(column.get(end), float)), key=abs, default=0.0)
        if abs(largest) > LARGEST:
            raise BadData(
                f"{key}: column {name!r} has the value {largest}, which is too large to compute with; "
                "list it under csv.nulls if it stands for a missing value"
            )
