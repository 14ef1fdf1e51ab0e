"""What `scope: row` carries, and what is refused by the name of its clause."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from handlers.contracts import BadData, BadSpec
from handlers.data import scopes
from handlers.data.duck import connect
from handlers.data.query import rows
from handlers.data.statement import names
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load
from tests.handlers.stages.world import SPEC, changed

TABLE = pa.table({"a": [1, 2, 3], "s": ["x", "y", None], "t": [datetime(2013, 1, 1, 23, 30)] * 3})

COLUMNS = {"a": "int", "s": "string", "t": "timestamp"}


def spec(sql: str, scope: object = "row", columns: dict[str, str] = COLUMNS, **sources: object) -> ModelSpec:
    query = {"sql": sql, "scope": scope}
    incoming = {**SPEC["data"]["sources"]["incoming"], "columns": columns}
    data = {"data__query": query, "data__sources": {"incoming": incoming, **sources}, "data__split__column": "t"}
    return load(json.dumps({**changed(SPEC, **data), "name": "late", "sql": sql}))


def check_scope(sql: str, columns: dict[str, str] = COLUMNS) -> None:
    scopes.check(spec(sql, columns=columns))


def answer(sql: str, *tables: pa.Table) -> list[dict[str, Any]]:
    return [row for table in rows(iter(tables or (TABLE,)), sql, "incoming", "incoming/x.csv") for row in table.to_pylist()]


@pytest.mark.parametrize(
    ("sql", "clause"),
    [
        ("SELECT sum(a) OVER () FROM incoming", "window function sum"),
        ("SELECT lag(a) OVER (ORDER BY t) FROM incoming", "window function lag"),
        ("SELECT a FROM incoming JOIN other USING (a)", "table 'other'"),
        ("SELECT i.a FROM incoming i, incoming j", "a join"),
        ("SELECT s FROM incoming GROUP BY s", "GROUP BY"),
        ("SELECT s, count(*) FROM incoming GROUP BY ALL", "count_star"),
        ("SELECT DISTINCT a FROM incoming", "DISTINCT"),
        ("SELECT a FROM incoming ORDER BY a", "ORDER BY"),
        ("SELECT a FROM incoming LIMIT 3", "LIMIT"),
        ("SELECT a FROM incoming USING SAMPLE 3", "SAMPLE"),
        ("SELECT a FROM incoming TABLESAMPLE 10%", "SAMPLE"),
        ("SELECT max(a) FROM incoming", "max()"),
        ("SELECT count(*) FROM incoming", "count_star()"),
        ("SELECT first(a) FROM incoming", "first()"),
        ("SELECT unnest([a, 1]) FROM incoming", "unnest()"),
        ("SELECT random() FROM incoming", "random()"),
        ("SELECT now() FROM incoming", "now()"),
        ("SELECT uuid() FROM incoming", "uuid()"),
        ("SELECT current_date FROM incoming", "current_date"),
        ("SELECT a FROM incoming WHERE t < current_timestamp", "current_timestamp"),
        ("SELECT (SELECT max(a) FROM incoming) FROM incoming", "a subquery"),
        ("SELECT a FROM incoming WHERE a IN (SELECT a FROM incoming)", "a subquery"),
        ("SELECT a FROM (SELECT a FROM incoming)", "a subquery"),
        ("WITH i AS (SELECT a FROM incoming) SELECT a FROM i", "WITH"),
        ("SELECT a FROM incoming UNION ALL SELECT a FROM incoming", "UNION"),
        ("SELECT a FROM incoming QUALIFY a > 1", "QUALIFY"),
        ("SELECT * FROM read_csv('/etc/passwd')", "a table function"),
        ("SELECT * FROM '/etc/passwd'", "/etc/passwd"),
        ("SELECT * FROM other", "'other'"),
        ("SELECT 1", "a SELECT without FROM"),
    ],
)
def test_what_needs_more_than_a_row_is_refused_by_name(sql: str, clause: str) -> None:
    with pytest.raises(BadSpec, match=r"data\.query\.sql") as refused:
        check_scope(sql)
    assert clause in str(refused.value)


@pytest.mark.parametrize(
    "sql", ["SELECT 1; SELECT 2", "INSERT INTO incoming VALUES (1)", "COPY incoming TO 'x'", "ATTACH 'x'", "SELEC a", "PRAGMA version"]
)
def test_only_one_select_is_accepted(sql: str) -> None:
    with pytest.raises(BadSpec, match=r"data\.query\.sql"):
        check_scope(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, a > 1 AS big FROM incoming WHERE s IS NOT NULL",
        "SELECT * EXCLUDE (s) FROM incoming",
        "SELECT CASE WHEN a > 1 THEN 'x' ELSE lower(s) END AS c, hour(t) AS h, a IN (1, 2) AS i FROM incoming",
        "SELECT coalesce(s, 'none') AS s, list_sum([a, 1]) AS l FROM incoming",
    ],
)
def test_what_looks_at_one_row_is_carried(sql: str) -> None:
    check_scope(sql)
    assert len(answer(sql)) >= 2


def test_a_column_may_be_called_as_a_clock() -> None:
    check_scope("SELECT current_date FROM incoming", {"current_date": "date"})


def test_blocks_give_the_rows_that_the_whole_gives() -> None:
    sql = "SELECT a * 2 AS b FROM incoming WHERE a <> 2"
    assert answer(sql, TABLE.slice(0, 1), TABLE.slice(1, 2)) == answer(sql) == [{"b": 2}, {"b": 6}]


def test_the_columns_of_a_statement_are_known() -> None:
    assert names("SELECT a, i.s FROM incoming i WHERE t > now()") == {"a", "s", "t"}


def test_an_unknown_column_is_the_spec_s_fault_and_a_bad_value_the_data_s() -> None:
    with pytest.raises(BadSpec, match="nothing"):
        answer("SELECT nothing FROM incoming")
    with pytest.raises(BadData, match=r"incoming/x\.csv: data\.query\.sql: .*'x'"):
        answer("SELECT s::INT AS n FROM incoming")


def test_a_statement_reaches_no_file(tmp_path: Path) -> None:
    import duckdb

    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with pytest.raises(duckdb.PermissionException):
        connect().execute(f"SELECT * FROM read_csv('{secret}')")


def test_days_are_those_of_utc() -> None:
    assert answer("SELECT t::TIMESTAMPTZ::DATE::VARCHAR AS d FROM incoming")[0] == {"d": "2013-01-01"}


def test_what_a_query_gives_has_the_types_of_a_file() -> None:
    sql = "SELECT 102.5 AS decimal, a::HUGEINT AS huge, s::ENUM('x', 'y') AS enum, t, a, a = 1 AS yes FROM incoming"
    (table,) = rows(iter([TABLE]), sql, "incoming", "incoming/x.csv")
    found = {field.name: str(field.type) for field in table.schema}
    assert found == {"decimal": "double", "huge": "double", "enum": "string", "t": "timestamp[us, tz=UTC]", "a": "int64", "yes": "bool"}
    assert table.column("decimal").to_pylist() == [102.5] * 3
    assert table.column("huge").to_pylist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("value", "instead"),
    [
        ("[s, s]", "v[1] AS"),
        ("array_value(s, s)", "v[1] AS"),
        ("{'x': a}", "v.field AS"),
        ("MAP {'x': a}", "v['key'] AS"),
        ("union_value(x := a)", "union_extract(v, 'tag')"),
        ("INTERVAL 1 DAY", "epoch(v) AS v"),
        ("t::TIME", "epoch(v) AS v"),
        ("t::TIMETZ", "epoch(v) AS v"),
        ("'0101'::BIT", "v::VARCHAR AS v"),
        ("s::BLOB", "hex(v) AS v"),
        ("NULL", "v::DOUBLE AS v"),
        ("a::BIGNUM", "v::DOUBLE AS v"),
        ("a::VARIANT", "v.field AS"),
    ],
)
def test_a_type_that_no_model_can_use_is_refused_by_the_name_of_its_column(value: str, instead: str) -> None:
    with pytest.raises(BadSpec, match=r"data\.query\.sql: column 'v' has type .*, which no model can use; ") as refused:
        answer(f"SELECT {value} AS v FROM incoming")
    assert instead in str(refused.value)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("uuid '6d3d2541-710b-4bde-b3af-4711738636bf'", "string"),
        ("'{}'::JSON", "string"),
        ("a::UTINYINT", "int64"),
        ("a::UBIGINT", "int64"),
        ("a::UHUGEINT", "double"),
        ("a::FLOAT", "double"),
        ("t::TIMESTAMP_NS", "timestamp[us, tz=UTC]"),
        ("t::TIMESTAMP_S", "timestamp[us, tz=UTC]"),
        ("t::DATE", "date32[day]"),
        ("[a, a]", "list<item: double>"),
        ("array_value(a, a)", "list<item: double>"),
    ],
)
def test_what_a_model_can_use_is_cast(value: str, kind: str) -> None:
    (table,) = rows(iter([TABLE]), f"SELECT {value} AS v FROM incoming", "incoming", "incoming/x.csv")
    assert str(table.schema.field("v").type) == kind


def test_nanoseconds_are_cut_and_a_number_that_is_too_large_is_bad_data() -> None:
    found = answer("SELECT '2013-01-01 00:00:00.123456789'::TIMESTAMP_NS AS v FROM incoming")
    assert found[0]["v"].microsecond == 123456
    with pytest.raises(BadData, match=r"incoming/x\.csv: data\.query\.sql: column 'v'"):
        answer("SELECT 18446744073709551615::UBIGINT AS v FROM incoming")


def unstable() -> list[str]:
    """Every scalar function whose value DuckDB does not promise, `error` apart, which gives none."""
    query = "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')"
    return sorted({name for (name,) in connect().execute(query).fetchall()} - {"error"})


@pytest.mark.parametrize("scope", ["row", "all"])
def test_no_function_is_carried_whose_value_is_not_decided_by_its_arguments(scope: str) -> None:
    there = unstable()
    assert {"now", "today", "random", "uuid", "current_setting", "getvariable", "nextval", "setseed", "txid_current"} <= set(there)
    for name in there:
        for spelling in (f"{name}(a)", f"main.{name.upper()}(a)", f"s || {name}()"):
            with pytest.raises(BadSpec, match=rf"(?i)data\.query\.sql: .*{name}"):
                scopes.check(spec(f"SELECT {spelling} AS v FROM incoming", scope))


@pytest.mark.parametrize(("argument", "least"), [("", 8), ("TIMESTAMP '2013-01-01'", 0), ("TIMESTAMPTZ '2013-01-01'", 0)])
def test_what_is_carried_has_the_same_value_later_and_elsewhere(argument: str, least: int) -> None:
    """DuckDB lists some clocks as stable, so every function that takes nothing, or a time, is asked twice."""
    import duckdb

    first, second = connect(), connect()
    query = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', 'macro') ORDER BY 1"
    differ = []
    for (name,) in first.execute(query).fetchall():
        if name in ("sleep_ms", "pg_sleep"):
            continue
        value = f'SELECT "{name}"({argument}) AS v'
        try:
            found, later = (repr(connection.execute(value).fetchall()) for connection in (first, second))
        except duckdb.Error:
            continue
        if found != later:
            differ.append(name)
            with pytest.raises(BadSpec, match=name):
                check_scope(f"{value} FROM incoming")
    assert len(differ) >= least


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("age(t)", "age() of one argument"),
        ("current_localtime()", "current_localtime"),
        ("current_localtimestamp()", "current_localtimestamp"),
        ("ago(INTERVAL 1 DAY)", "ago()"),
        ("pg_postmaster_start_time()", "pg_postmaster_start_time()"),
        ("current_catalog()", "current_catalog"),
        ("localtimestamp", "localtimestamp"),
        ("'now'::TIMESTAMP", "'now' as a time"),
        ("CAST('today' AS DATE)", "'today' as a time"),
        ("TRY_CAST(' Tomorrow' AS TIMESTAMPTZ)", "'tomorrow' as a time"),
        ("list_transform([a], lambda x: x + random())", "random()"),
        ("reservoir_quantile(a, 0.5)", "reservoir_quantile()"),
        ("$1", "a parameter"),
        ("get_block_size('memory')", "get_block_size()"),
    ],
)
@pytest.mark.parametrize("scope", ["row", "all"])
def test_the_clock_and_the_machine_are_refused_in_every_spelling(value: str, named: str, scope: str) -> None:
    with pytest.raises(BadSpec) as refused:
        scopes.check(spec(f"SELECT {value} AS v FROM incoming", scope))
    assert named in str(refused.value)


@pytest.mark.parametrize("name", ["geomean", "weighted_avg", "json_group_array", "regexp_split_to_table"])
def test_a_macro_that_stands_for_many_rows_is_refused_with_scope_row(name: str) -> None:
    with pytest.raises(BadSpec, match=name):
        check_scope(f"SELECT {name}(a, 'x') AS v FROM incoming")


def test_the_age_at_a_day_is_carried() -> None:
    check_scope("SELECT age(t, TIMESTAMP '2013-01-01') AS v, epoch(age(t, TIMESTAMP '2013-01-01')) AS w FROM incoming")


@pytest.mark.parametrize(
    ("sql", "clause"),
    [
        ("SELECT * FROM read_csv('/etc/passwd'), incoming", "a table function (read_csv)"),
        ("SELECT * FROM incoming, query('SELECT now()')", "a table function (query)"),
        ("SELECT * FROM incoming, duckdb_settings()", "a table function (duckdb_settings)"),
        ("SELECT * FROM incoming, '/etc/passwd'", "table '/etc/passwd'"),
        ("SELECT * FROM incoming, other", "table 'other'"),
        ("SELECT * FROM incoming, information_schema.tables", "table 'information_schema.tables'"),
        ("SELECT * FROM memory.main.incoming", "incoming' (the source is called"),
        ("WITH x AS (SELECT 1 AS a) SELECT * FROM x", "does not read 'incoming'"),
        ("SELECT 1 AS a", "does not read 'incoming'"),
        ("SELECT a FROM incoming LIMIT 3", "LIMIT without ORDER BY"),
        ("SELECT a FROM incoming WHERE a IN (SELECT a FROM incoming LIMIT 1)", "LIMIT without ORDER BY"),
        ("SELECT DISTINCT ON (a) a, s FROM incoming", "DISTINCT ON without ORDER BY"),
        ("SELECT lag(a) OVER (PARTITION BY s) FROM incoming", "the window function lag() without ORDER BY"),
        ("SELECT a FROM incoming TABLESAMPLE 10%", "SAMPLE"),
        ("SELECT a FROM incoming USING SAMPLE 3", "SAMPLE"),
        ("FROM incoming PIVOT (sum(a) FOR s IN ('x'))", "PIVOT"),
        ("SUMMARIZE incoming", "DESCRIBE or SUMMARIZE"),
        ("SELECT a FROM incoming POSITIONAL JOIN incoming i", "POSITIONAL JOIN"),
        ("WITH w AS (SELECT now() AS n) SELECT a, n FROM incoming, w", "now()"),
    ],
)
def test_what_no_scope_carries_is_refused_by_name(sql: str, clause: str) -> None:
    with pytest.raises(BadSpec, match=r"data\.query\.sql") as refused:
        scopes.check(spec(sql, "all"))
    assert clause in str(refused.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, sum(a) OVER (PARTITION BY s ORDER BY t RANGE BETWEEN INTERVAL 7 DAYS PRECEDING AND CURRENT ROW) AS w, t FROM incoming",
        "SELECT s, max(t) AS newest, count(*) AS n FROM incoming GROUP BY s HAVING count(*) > 0",
        "WITH incoming AS (SELECT * FROM incoming WHERE a > 1), b AS (SELECT s FROM incoming) SELECT * FROM incoming JOIN b USING (s)",
        "SELECT a FROM incoming UNION ALL SELECT a + 1 FROM incoming ORDER BY 1 LIMIT 5",
        "SELECT DISTINCT a FROM incoming i WHERE EXISTS (SELECT 1 FROM incoming j WHERE j.a = i.a)",
        "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n WHERE a < 3) SELECT i.a FROM n JOIN incoming i USING (a)",
        "SELECT a, x FROM incoming, unnest([1, 2]) u(x) QUALIFY row_number() OVER (PARTITION BY a ORDER BY t) = 1",
    ],
)
def test_scope_all_carries_what_needs_many_rows(sql: str) -> None:
    scopes.check(spec(sql, "all"))
    assert answer(sql)


def test_a_query_that_gives_a_name_twice_is_refused() -> None:
    with pytest.raises(BadSpec, match=r"data\.query\.sql: column 'a' is selected twice; name one of them otherwise with AS"):
        answer("SELECT *, s AS a FROM incoming")
