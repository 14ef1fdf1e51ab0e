"""What a spec's SQL may say with each scope, decided from the parsed statement before any data is read.

With `scope: row` each row of the result depends on one row of the triggering source, and on reference tables as a whole. With
`scope: lookback` the split's column comes from a source as it is, since it says which day a row belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from handlers.contracts import BadSpec
from handlers.data.statement import TABLES, Node, Sources, Tables, definition_of, functions, impure, of_spec, parse, reads, walk
from handlers.modelspec.model import Lookback, ModelSpec

MODIFIERS = {"LIMIT_MODIFIER": "LIMIT", "LIMIT_PERCENT_MODIFIER": "LIMIT", "DISTINCT_MODIFIER": "DISTINCT", "ORDER_MODIFIER": "ORDER BY"}
ROW = "is not accepted with scope: row, where each row of the result comes from one row of the source"
ALWAYS = "is not accepted: the same rows must give the same result whenever and wherever the query runs"


def check(spec: ModelSpec) -> None:
    """Raise BadSpec naming the first thing in the spec's statement that its scope does not accept."""
    if spec.sql is None or spec.data.query is None:
        return
    scope = spec.data.query.scope
    sources = of_spec(spec)
    node = parse(spec.sql)
    if scope == "row":
        _refuse(_not_a_row(node, sources), ROW)
    _refuse(impure(node, sources), ALWAYS)
    read = reads(node, {}) & sources.names
    if sources.trigger not in read:
        raise BadSpec(f"data.query.sql: the statement does not read {spec.data.trigger!r}, the source whose objects start a run")
    unread = sorted(sources.names - read)
    if unread:
        raise BadSpec(f"data.query.sql: the statement does not read source {unread[0]!r}; use it, or leave it out of data.sources")
    if isinstance(scope, Lookback):
        column = str(getattr(spec.data.split, "column", ""))
        clause = _moves(node, column.lower(), sources)
        if clause:
            raise BadSpec(
                f"data.query.sql: {clause} gives {column!r} another meaning; with scope: lookback the split's column must be the source's "
                "own, as it is: name the new column otherwise, or use scope: all"
            )
    if spec.data.on_duplicate == "last" and (scope != "row" or len(read) > 1):
        raise BadSpec(
            "data.on_duplicate: `last` has no meaning after a query over many rows, which come in no order; "
            "choose the row in the statement, for example QUALIFY row_number() OVER (PARTITION BY key ORDER BY time DESC) = 1"
        )


def _refuse(clause: str | None, why: str) -> None:
    if clause:
        raise BadSpec(f"data.query.sql: {clause} {why}")


# ------------------------------------------------------------------------------------------------ scope: row


def _not_a_row(node: Node, sources: Sources) -> str | None:
    """The first thing for which a row of the result needs more than one row of the triggering source."""
    if node["type"] != "SELECT_NODE":
        return "UNION, INTERSECT or EXCEPT"
    ctes = next(seen for found, seen in walk(node, {}) if found is node)
    for name, read in ctes.items():
        if not read <= sources.broadcast:
            return f"WITH {name} (it reads {', '.join(sorted(read - sources.broadcast))})"
    if node["modifiers"]:
        kind = str(node["modifiers"][0]["type"])
        return MODIFIERS.get(kind, kind)
    for key, clause in (("group_expressions", "GROUP BY"), ("having", "HAVING"), ("qualify", "QUALIFY"), ("sample", "SAMPLE")):
        if node.get(key):
            return clause
    table = node["from_table"]
    if table["type"] in TABLES:
        return TABLES[table["type"]]
    return _joined(table, ctes, sources) or _over_rows(node, ctes, sources)


def _joined(table: Node, ctes: Tables, sources: Sources) -> str | None:
    """What is wrong with FROM: the triggering source once, and reference tables that keep or drop its rows."""
    if table["type"] == "JOIN":
        sides = [reads(table[side], ctes) for side in ("left", "right")]
        kept = {"INNER": (0, 1), "LEFT": (0,), "SEMI": (0,), "ANTI": (0,), "RIGHT": (1,)}.get(str(table["join_type"]), ())
        here = [number for number, read in enumerate(sides) if sources.trigger in read]
        if len(here) == 2:
            return f"a join of {sources.trigger!r} with itself"
        if here and here[0] not in kept:
            return f"a {str(table['join_type']).lower()} join, which adds rows of a reference table,"
        return _joined(table["left"], ctes, sources) or _joined(table["right"], ctes, sources)
    read = reads(table, ctes)
    foreign = sorted(read & sources.others)
    if foreign:
        return f"a join with {foreign[0]!r}, which is not a reference table (join: broadcast),"
    if table["type"] == "SUBQUERY" and not read <= sources.broadcast and read <= sources.names:
        return "a subquery"
    return None


def _over_rows(node: Node, ctes: Tables, sources: Sources) -> str | None:
    for found in _outside_subqueries({key: value for key, value in node.items() if key != "cte_map"}):
        kind = found.get("class")
        if kind == "WINDOW":
            return f"the window function {found['function_name']}()"
        if kind == "SUBQUERY" and not reads(found["subquery"], ctes) <= sources.broadcast:
            return "a subquery"
        if kind == "FUNCTION" and _over_many(str(found["function_name"]).lower()):
            return f"{found['function_name']}()"
    return None


def _outside_subqueries(node: Any) -> Iterator[Node]:
    if isinstance(node, dict):
        if "class" in node:
            yield node
        for key, value in node.items():
            if key != "subquery":
                yield from _outside_subqueries(value)
    elif isinstance(node, list):
        for value in node:
            yield from _outside_subqueries(value)


def _over_many(name: str, within: frozenset[str] = frozenset()) -> bool:
    """Whether a function reads many rows, or gives many for one; of a macro, whether one that it stands for does."""
    if name in ("unnest", "generate_subscripts"):
        return True
    for kind, _, definition in functions().get(name, frozenset()):
        if kind not in ("scalar", "macro"):
            return True
        inner = (str(f["function_name"]).lower() for f in _outside_subqueries(definition_of(definition)) if f["class"] == "FUNCTION")
        if definition and any(_over_many(one, within | {name}) for one in inner if one not in {*within, name}):
            return True
    return False


# ------------------------------------------------------------------------------------------------ scope: lookback


def _moves(node: Node, column: str, sources: Sources) -> str | None:
    """What in the statement gives the split's column another value than that of the source's row."""
    tables = [
        found for found, _ in walk(node, {}) if found.get("type") == "BASE_TABLE" and found["table_name"].lower() in sources.broadcast
    ]
    references = {str(found.get("alias") or found["table_name"]).lower() for found in tables}
    for found, _ in walk(node, {}):
        if column in (str(name).lower() for name in [*(found.get("column_name_alias") or []), *(found.get("aliases") or [])]):
            return "a list of column names"
        if found.get("setop_type") == "UNION":
            return "UNION by position (write UNION ALL BY NAME)"
        why = _moves_in(found, column, references) if "class" in found else None
        if why:
            return why
    return None


def _moves_in(found: Node, column: str, references: set[str]) -> str | None:
    if found["class"] == "STAR":
        renamed = [str(one["value"]).lower() for one in found.get("rename_list") or []]
        replaced = [str(one["key"]).lower() for one in found.get("replace_list") or []]
        if column in replaced:
            return "REPLACE"
        return "RENAME" if column in renamed else "AS after COLUMNS()" if found.get("alias") else None
    path = [str(name).lower() for name in found.get("column_names") or []]
    own = path[-1:] == [column]
    if own and len(path) > 1 and path[-2] in references:
        return f"{'.'.join(path)}, a reference table's column,"
    if str(found.get("alias", "")).lower() == column and not own:
        return f"AS {column}"
    return None
