"""A spec's SQL over one source object: DuckDB with one thread, in UTC, without access to anything but the rows it is given.

With `scope: row` each row of the result depends on one row of the source alone. The statement is parsed, and a clause that needs more
is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, BadSpec
from handlers.data.column_types import as_type, type_name
from handlers.data.duck import connect
from handlers.data.text_values import Unfit

if TYPE_CHECKING:
    import pyarrow as pa

MODIFIERS = {"LIMIT_MODIFIER": "LIMIT", "LIMIT_PERCENT_MODIFIER": "LIMIT", "DISTINCT_MODIFIER": "DISTINCT", "ORDER_MODIFIER": "ORDER BY"}
TABLES = {
    "JOIN": "a join",
    "SUBQUERY": "a subquery",
    "TABLE_FUNCTION": "a table function",
    "EXPRESSION_LIST": "VALUES",
    "EMPTY": "a SELECT without FROM",
}
CLOCKS = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "get_current_timestamp"}
BATCH_ROWS = 65536


def check_scope(sql: str, source: str, columns: Iterable[str] = ()) -> None:
    """Raise BadSpec naming the first thing in the statement that `scope: row` does not accept."""
    connection = connect()
    try:
        (answer,) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    finally:
        connection.close()
    tree = json.loads(answer)
    if tree["error"]:
        what = tree["error_message"]
        raise BadSpec(f"data.query.sql: {'one SELECT statement is accepted' if 'SELECT' in what else what}")
    if len(tree["statements"]) != 1:
        raise BadSpec(f"data.query.sql: exactly one SELECT statement is accepted, not {len(tree['statements'])}")
    node = tree["statements"][0]["node"]
    clause = _clause(node, source) or _inside(node, set(columns))
    if clause:
        raise BadSpec(
            f"data.query.sql: {clause} is not accepted with scope: row, where each row of the result comes from one row of the source"
        )


def names(sql: str) -> set[str]:
    """Every name in the statement that may be a column."""
    connection = connect()
    try:
        (answer,) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    finally:
        connection.close()
    return {str(found["column_names"][-1]) for found in _expressions(json.loads(answer)) if found.get("class") == "COLUMN_REF"}


def _clause(node: dict[str, Any], source: str) -> str | None:
    """What is wrong with the statement's own clauses."""
    if node["type"] != "SELECT_NODE":
        return "UNION, INTERSECT or EXCEPT"
    if node["cte_map"]["map"]:
        return "WITH"
    if node["modifiers"]:
        kind = str(node["modifiers"][0]["type"])
        return MODIFIERS.get(kind, kind)
    for key, name in (("group_expressions", "GROUP BY"), ("having", "HAVING"), ("qualify", "QUALIFY"), ("sample", "SAMPLE")):
        if node.get(key):
            return name
    table = node["from_table"]
    if table["type"] != "BASE_TABLE":
        return TABLES.get(table["type"], str(table["type"]))
    if table.get("sample"):
        return "TABLESAMPLE"
    if table["table_name"] != source or table["schema_name"]:
        return f"table {table['table_name']!r} (the source is called {source!r})"
    return None


def _inside(node: Any, columns: set[str]) -> str | None:
    """The first expression that reads other rows, other tables, or the clock."""
    for found in _expressions(node):
        kind = found.get("class")
        if kind == "WINDOW":
            return f"the window function {found['function_name']}()"
        if kind == "SUBQUERY":
            return "a subquery"
        if kind == "FUNCTION" and (why := _function(str(found["function_name"]).lower())):
            return why
        if kind == "COLUMN_REF" and len(found["column_names"]) == 1:
            name = str(found["column_names"][0]).lower()
            if name in CLOCKS and name not in columns:
                return f"{name} (its value depends on when the query runs)"
    return None


def _expressions(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "class" in node:
            yield node
        for value in node.values():
            yield from _expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _expressions(value)


def _function(name: str) -> str | None:
    kinds = _functions().get(name)
    if kinds is None:
        return None
    scalar = any(kind in ("scalar", "macro") for kind, _ in kinds)
    if name in ("unnest", "generate_subscripts") or not scalar:
        return f"{name}()"
    if any(stability in ("VOLATILE", "CONSISTENT_WITHIN_QUERY") for _, stability in kinds):
        return f"{name}() (its value changes from call to call)"
    return None


@cache
def _functions() -> dict[str, set[tuple[str, str]]]:
    """Kinds and stabilities of every function that DuckDB has, by name."""
    connection = connect()
    try:
        rows = connection.execute("SELECT lower(function_name), function_type, coalesce(stability, '') FROM duckdb_functions()").fetchall()
    finally:
        connection.close()
    found: dict[str, set[tuple[str, str]]] = {"count_star": {("aggregate", "CONSISTENT")}}
    for name, kind, stability in rows:
        found.setdefault(name, set()).add((kind, stability))
    return found


def rows(tables: Iterator[pa.Table], sql: str | None, source: str, key: str) -> Iterator[pa.Table]:
    """The statement's rows over the blocks of one source object, a table a block. Raises BadData or BadSpec with DuckDB's reason."""
    if sql is None:
        yield from tables
        return
    import duckdb

    connection = connect()
    try:
        for table in tables:
            connection.register(source, table)
            yield _typed(connection.sql(sql).to_arrow_table(), key)
            connection.unregister(source)
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
        raise BadSpec(f"data.query.sql: {_first_line(error)}") from error
    except duckdb.Error as error:
        raise BadData(f"{key}: data.query.sql: {_first_line(error)}") from error
    finally:
        connection.close()


def _typed(table: pa.Table, key: str) -> pa.Table:
    """The rows with the types that a file's columns have: decimals and huge integers are floats, enums are strings."""
    import pyarrow as pa

    arrays = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if table.column_names.count(name) > 1:
            raise BadSpec(f"data.query.sql: column {name!r} is selected twice; name one of them otherwise with AS")
        try:
            kind = type_name(column.type)
        except ValueError as error:
            raise BadSpec(f"data.query.sql: column {name!r} has type {error}, which no model can use; cast it, or leave it out") from None
        try:
            arrays.append(as_type(column, kind))
        except Unfit as error:
            raise BadData(f"{key}: data.query.sql: column {name!r}: {error}") from None
    return pa.table(arrays, names=table.column_names)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
