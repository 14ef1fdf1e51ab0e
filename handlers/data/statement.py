"""A spec's SQL as a tree, and what no scope accepts: a statement reads the spec's sources alone, and its result depends on their rows
alone, never on the clock, on chance or on the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from handlers.contracts import BadSpec
from handlers.data.duck import connect
from handlers.modelspec.model import ModelSpec

Node = dict[str, Any]
Tables = Mapping[str, frozenset[str]]  # names of a WITH clause, and which sources each reads

TABLES = {
    "TABLE_FUNCTION": "a table function",
    "EXPRESSION_LIST": "VALUES",
    "EMPTY": "a SELECT without FROM",
    "PIVOT": "PIVOT",
    "SHOW_REF": "DESCRIBE or SUMMARIZE",
}
ACCEPTED_TABLES = {"BASE_TABLE", "JOIN", "SUBQUERY", "EXPRESSION_LIST", "EMPTY", "TABLE_FUNCTION"}
TABLE_FUNCTIONS = {"unnest", "range", "generate_series"}  # give what their arguments say and nothing else
CLOCKS = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "get_current_timestamp"}
CLOCK_WORDS = {"now", "today", "tomorrow", "yesterday"}
IN_AN_ORDER = {"row_number", "ntile", "lag", "lead", "first", "first_value", "last", "last_value", "nth_value", "fill"}
MISLABELLED = {"current_localtime", "current_localtimestamp", "version"}  # DuckDB lists them as stable
RANDOM_SAMPLES = {"reservoir_quantile"}  # draws a sample of the rows
STOPS = {"error"}  # gives no value at all


@dataclass(frozen=True, slots=True)
class Sources:
    """What a statement may read: the source that triggers, reference tables, other sources; `columns` are the declared ones of all."""

    trigger: str
    broadcast: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.trigger}) | self.broadcast | self.others


def of_spec(spec: ModelSpec) -> Sources:
    """The sources of a spec as a statement sees them: names without regard to case."""
    data = spec.data
    broadcast = frozenset(name.lower() for name, source in data.sources.items() if source.join)
    columns = frozenset(column.lower() for source in data.sources.values() for column in source.columns)
    others = frozenset(map(str.lower, data.sources)) - broadcast - {data.trigger.lower()}
    return Sources(data.trigger.lower(), broadcast, others, columns)


@cache
def parse(sql: str) -> Node:
    """The tree of the one SELECT statement; raises BadSpec."""
    tree = _tree(sql)
    if tree["error"]:
        what = str(tree["error_message"])
        raise BadSpec(f"data.query.sql: {'one SELECT statement is accepted' if 'SELECT' in what else what}")
    if len(tree["statements"]) != 1:
        raise BadSpec(f"data.query.sql: exactly one SELECT statement is accepted, not {len(tree['statements'])}")
    node: Node = tree["statements"][0]["node"]
    return node


def _tree(sql: str) -> Node:
    connection = connect()
    try:
        (answer,) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    finally:
        connection.close()
    found: Node = json.loads(answer)
    return found


def names(sql: str) -> set[str]:
    """Every name in the statement that may be a column."""
    return {str(found["column_names"][-1]) for found, _ in walk(parse(sql), {}) if found.get("class") == "COLUMN_REF"}


def joins(sql: str) -> bool:
    """Whether the statement reads more than one table, so that its rows come in no order of their own."""
    return len([found for found, _ in walk(parse(sql), {}) if found.get("type") == "BASE_TABLE"]) > 1


# ------------------------------------------------------------------------------------------------ the tree


def walk(node: Any, ctes: Tables) -> Iterator[tuple[Node, Tables]]:
    """Every mapping of a tree, with the names of the WITH clauses that it sees."""
    if isinstance(node, list):
        for value in node:
            yield from walk(value, ctes)
    elif isinstance(node, dict):
        inner = dict(ctes)
        for entry in (node.get("cte_map") or {}).get("map") or []:
            name, body = str(entry["key"]).lower(), entry["value"]
            seen = {**inner, name: frozenset[str]()} if "RECURSIVE" in str(_query(body).get("type")) else inner
            yield from walk(body, seen)
            inner = {**inner, name: reads(body, seen)}
        yield node, inner
        for key, value in node.items():
            if key != "cte_map":
                yield from walk(value, inner)


def _query(body: Node) -> Node:
    found: Node = body.get("query_node") or body.get("query", {}).get("node") or {}
    return found


def reads(node: Any, ctes: Tables) -> frozenset[str]:
    """The tables that a tree reads, through WITH clauses too."""
    found: set[str] = set()
    for one, seen in walk(node, ctes):
        if one.get("type") == "BASE_TABLE":
            name = str(one["table_name"]).lower()
            found |= seen.get(name, {name})
    return frozenset(found)


# ------------------------------------------------------------------------------------------------ every scope


def impure(node: Any, sources: Sources, within: frozenset[str] = frozenset()) -> str | None:
    """The first thing that reads anything but the sources, or whose value is not decided by their rows."""
    for found, ctes in walk(node, {}):
        why = _of_expression(found, sources.columns, within) if "class" in found else _of_table(found, ctes, sources)
        why = why or _of_clauses(found)
        if why:
            return why
    return None


def _of_table(found: Node, ctes: Tables, sources: Sources) -> str | None:
    kind = str(found.get("type", ""))
    if found.get("sample"):
        return "TABLESAMPLE" if kind == "BASE_TABLE" else "SAMPLE"
    if kind in TABLES and kind not in ACCEPTED_TABLES:
        return TABLES[kind]
    if kind == "TABLE_FUNCTION":
        name = str(found["function"].get("function_name", "")).lower()
        return None if name in TABLE_FUNCTIONS else f"a table function ({name})"
    if kind == "JOIN" and found.get("ref_type") == "POSITIONAL":
        return "POSITIONAL JOIN"
    if kind != "BASE_TABLE":
        return None
    name = str(found["table_name"])
    if found.get("schema_name") or found.get("catalog_name") or name.lower() not in {*ctes, *sources.names}:
        path = ".".join(str(found.get(key)) for key in ("catalog_name", "schema_name", "table_name") if found.get(key))
        others = ", ".join(map(repr, sorted(sources.names)))
        called = f"the source is called {others}" if len(sources.names) == 1 else f"the sources are called {others}"
        return f"table {path!r} ({called})"
    return None


def _of_clauses(found: Node) -> str | None:
    kinds = [str(one.get("type")) for one in found.get("modifiers") or []]
    ordered = "ORDER_MODIFIER" in kinds
    for one in found.get("modifiers") or []:
        if str(one["type"]).startswith("LIMIT") and not ordered:
            return "LIMIT without ORDER BY"
        if one.get("distinct_on_targets") and not ordered:
            return "DISTINCT ON without ORDER BY"
    return None


def _of_expression(found: Node, columns: frozenset[str], within: frozenset[str]) -> str | None:
    kind = found["class"]
    if kind == "PARAMETER":
        return "a parameter"
    if kind in ("FUNCTION", "WINDOW"):
        name = str(found["function_name"]).lower()
        if kind == "WINDOW" and name in IN_AN_ORDER and not found.get("orders"):
            return f"the window function {name}() without ORDER BY"
        return None if name in within else _changes(name, len(found.get("arguments") or []), within)
    if kind == "COLUMN_REF" and len(found["column_names"]) == 1:
        name = str(found["column_names"][0]).lower()
        return f"{name} (its value depends on when the query runs)" if name in CLOCKS and name not in columns else None
    if kind == "CAST":
        text = (found.get("child") or {}).get("literal") or {}
        word = str(text.get("text", "")).strip().lower()
        return f"{word!r} as a time (its value depends on when the query runs)" if word in CLOCK_WORDS and _is_time(found) else None
    return None


def _is_time(cast: Node) -> bool:
    return str((cast.get("type_expr") or {}).get("type_name", "")).lower().startswith(("date", "time"))


def _changes(name: str, arguments: int, within: frozenset[str] = frozenset()) -> str | None:
    """Why a function's value is not decided by its arguments; of a macro, what it stands for (`within` others)."""
    kinds = functions().get(name, frozenset())
    if name in RANDOM_SAMPLES:
        return f"{name}() (it draws a sample of the rows)"
    if name == "age" and arguments == 1:
        return "age() of one argument (its value depends on when the query runs; give the day that it counts to)"
    listed = any(stability in ("VOLATILE", "CONSISTENT_WITHIN_QUERY") for _, stability, _ in kinds)
    if name in MISLABELLED or (listed and name not in STOPS):
        return f"{name}() (its value changes from call to call)"
    for _, _, definition in kinds:
        inner = impure(definition_of(definition), Sources(""), within | {name}) if definition else None
        if inner:
            return f"{name}(), which stands for {inner},"
    return None


@cache
def definition_of(macro: str) -> Any:
    return _tree(f"SELECT {macro}").get("statements") or []


@cache
def functions() -> dict[str, frozenset[tuple[str, str, str]]]:
    """Kinds, stabilities and, of a macro, definitions of every function that DuckDB has, by name."""
    connection = connect()
    try:
        rows = connection.execute(
            "SELECT lower(function_name), function_type, coalesce(stability, ''), coalesce(macro_definition, '') FROM duckdb_functions()"
        ).fetchall()
    finally:
        connection.close()
    found: dict[str, set[tuple[str, str, str]]] = {"count_star": {("aggregate", "CONSISTENT", "")}}
    for name, kind, stability, definition in rows:
        if kind not in ("table", "table_macro", "pragma"):
            found.setdefault(name, set()).add((kind, stability, definition))
    return {name: frozenset(kinds) for name, kinds in found.items()}
