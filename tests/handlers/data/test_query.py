"""What `scope: row` carries, and what is refused by the name of its clause."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from handlers.contracts import BadData, BadSpec
from handlers.data.query import check_scope, connect, names, rows

TABLE = pa.table({"a": [1, 2, 3], "s": ["x", "y", None], "t": [datetime(2013, 1, 1, 23, 30)] * 3})


def answer(sql: str, *tables: pa.Table) -> list[dict[str, Any]]:
    return [row for table in rows(iter(tables or (TABLE,)), sql, "incoming", "incoming/x.csv") for row in table.to_pylist()]


@pytest.mark.parametrize(
    ("sql", "clause"),
    [
        ("SELECT sum(a) OVER () FROM incoming", "window function sum"),
        ("SELECT lag(a) OVER (ORDER BY t) FROM incoming", "window function lag"),
        ("SELECT a FROM incoming JOIN other USING (a)", "a join"),
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
        check_scope(sql, "incoming", ["a", "s", "t"])
    assert clause in str(refused.value)


@pytest.mark.parametrize(
    "sql", ["SELECT 1; SELECT 2", "INSERT INTO incoming VALUES (1)", "COPY incoming TO 'x'", "ATTACH 'x'", "SELEC a", "", "PRAGMA version"]
)
def test_only_one_select_is_accepted(sql: str) -> None:
    with pytest.raises(BadSpec, match=r"data\.query\.sql"):
        check_scope(sql, "incoming")


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
    check_scope(sql, "incoming", ["a", "s", "t"])
    assert len(answer(sql)) >= 2


def test_a_column_may_be_called_as_a_clock() -> None:
    check_scope("SELECT current_date FROM incoming", "incoming", ["current_date"])


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


@pytest.mark.parametrize("value", ["[s, s]", "{'x': a}", "INTERVAL 1 DAY"])
def test_a_type_that_no_model_can_use_is_refused_by_the_name_of_its_column(value: str) -> None:
    with pytest.raises(BadSpec, match=r"data\.query\.sql: column 'v' has type .*, which no model can use; cast it"):
        answer(f"SELECT {value} AS v FROM incoming")


def test_a_query_that_gives_a_name_twice_is_refused() -> None:
    with pytest.raises(BadSpec, match=r"data\.query\.sql: column 'a' is selected twice; name one of them otherwise with AS"):
        answer("SELECT *, s AS a FROM incoming")
