"""A spec's SQL over the blocks of one source object (`scope: row`), and the types of what a query gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, BadSpec
from handlers.data.column_types import type_name
from handlers.data.conversion import as_type
from handlers.data.duck import connect, first_line
from handlers.data.text_values import Unfit

if TYPE_CHECKING:
    import pyarrow as pa

Ask = Callable[[Iterator["pa.Table"], str], Iterator["pa.Table"]]
BLOCK_ROWS = 65536
WRITE = {  # by the name of an Arrow type, or how it begins: an expression that a model can use
    "month_day_nano_interval": "epoch({0}) AS {0} gives its seconds",
    "time": "epoch({0}) AS {0} gives its seconds, hour({0}) its hour",
    "map": "{0}['key'] AS ... gives one value of it",
    "struct": "{0}.field AS ... gives one field of it",
    "sparse_union": "union_extract({0}, 'tag') AS ... gives one kind of it, union_tag({0})::VARCHAR which kind it is",
    "dense_union": "union_extract({0}, 'tag') AS ... gives one kind of it, union_tag({0})::VARCHAR which kind it is",
    "list": "{0}[1] AS ... gives one item of it, len({0}) how many there are",
    "fixed_size_list": "{0}[1] AS ... gives one item of it",
    "binary": "{0}::VARCHAR AS {0} or hex({0}) AS {0} gives its text",
    "null": "write its type, for example {0}::DOUBLE AS {0}",
    "extension": "{0}::DOUBLE AS {0} or {0}::VARCHAR AS {0} gives a value of it",
}


def rows(
    tables: Iterator[pa.Table], sql: str | None, source: str, key: str, references: Mapping[str, pa.Table] | None = None
) -> Iterator[pa.Table]:
    """The statement's rows over the blocks of one source object, a table a block, with reference tables beside it.

    Raises BadData or BadSpec with DuckDB's reason.
    """
    with statement(sql, source, references or {}) as ask:
        yield from ask(tables, key)


@contextmanager
def statement(sql: str | None, source: str, references: Mapping[str, pa.Table]) -> Iterator[Ask]:
    """Asks the statement of one object after the other: `ask(tables, key)` as `rows` does. To connect takes longer than a small object."""
    if sql is None:
        yield lambda tables, key: tables
        return
    connection = connect()
    try:
        for name, reference in references.items():
            connection.register(name, reference)
        yield partial(_asked, connection, sql, source, ordered=bool(references))
    finally:
        connection.close()


def _asked(connection: Any, sql: str, source: str, tables: Iterator[pa.Table], key: str, *, ordered: bool) -> Iterator[pa.Table]:
    import duckdb

    try:
        for table in tables:
            connection.register(source, table)
            found = connection.sql(sql)
            # a join gives its rows in no order of its own
            yield typed((found.order("ALL") if ordered else found).to_arrow_table(), key)
            connection.unregister(source)
    except duckdb.Error as error:
        raise failed(error, key) from error


def failed(error: Exception, key: str) -> BadData | BadSpec:
    """What DuckDB's error is: the statement's fault, or the data's."""
    import duckdb

    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return BadSpec(f"data.query.sql: {first_line(error)}")
    return BadData(f"{key}: data.query.sql: {first_line(error)}")


def typed(table: pa.Table, key: str) -> pa.Table:
    """The rows with the types that a file's columns have: decimals and huge integers are floats, enums are strings."""
    import pyarrow as pa

    arrays = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if table.column_names.count(name) > 1:
            raise BadSpec(f"data.query.sql: column {name!r} is selected twice; name one of them otherwise with AS")
        try:
            kind = type_name(column.type)
        except ValueError as error:
            raise BadSpec(
                f"data.query.sql: column {name!r} has type {error}, which no model can use; {_instead(name, str(error))}"
            ) from None
        try:
            arrays.append(as_type(column, kind))
        except Unfit as error:
            raise BadData(f"{key}: data.query.sql: column {name!r}: {error}") from None
    return pa.table(arrays, names=table.column_names)


def _instead(name: str, kind: str) -> str:
    quoted = name if name.isidentifier() else '"' + name.replace('"', '""') + '"'
    write = next((text for begin, text in WRITE.items() if kind.startswith(begin)), "cast it to a type of the list")
    return f"{write.format(quoted)}; or leave it out"
