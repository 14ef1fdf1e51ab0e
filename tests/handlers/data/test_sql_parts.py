"""What a query says and what plain Python computes give the same parts, byte by byte: projections, filters, joins, groups and windows."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from handlers.data import making, scopes, windows
from handlers.data.column_types import arrow_type
from handlers.data.references import References
from handlers.modelspec.parse import load
from handlers.storage import FolderStore
from tests.handlers.stages.world import SPEC, changed

Row = dict[str, Any]

QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KINDS = {"t": "date", "k": "int", "s": "string", "x": "float", "late": "boolean"}
SHOPS = {"k": "int", "w": "float", "g": "string"}
FIRST = date(2013, 1, 1)

quarters = st.integers(-400, 400).map(lambda n: n / 4)  # sums of them are exact in any order
keys = st.none() | st.integers(0, 4)
texts = st.none() | st.sampled_from(["a", "b", "A b", "é", "", "NA?"])
sold = st.fixed_dictionaries(
    {
        "t": st.integers(0, 6).map(lambda n: FIRST + timedelta(days=n)),
        "k": keys,
        "s": texts,
        "x": st.none() | quarters,
        "late": st.none() | st.booleans(),
    }
).map(lambda row: {name: row[name] for name in KINDS})
rows = st.lists(sold, min_size=1, max_size=15)
shops = st.lists(st.fixed_dictionaries({"k": keys, "w": st.none() | quarters, "g": texts}), min_size=1, max_size=6)


# --------------------------------------------------------------------------------- expressions, in SQL and in Python


@dataclass(frozen=True)
class Expression:
    """`of` a row, which has the columns of incoming as i.x and those of shops as r.w."""

    sql: str
    kind: str
    of: Callable[[Row], Any]


def strict(sql: str, kind: str, function: Callable[..., Any], *given: Expression) -> Expression:
    """Null where one of what is given is null."""

    def of(row: Row) -> Any:
        values = [each.of(row) for each in given]
        return None if None in values else function(*values)

    return Expression(sql.format(*(each.sql for each in given)), kind, of)


def column(name: str, kind: str) -> Expression:
    return Expression(name, kind, lambda row: row[name])


def wider(*given: Expression) -> str:
    return "float" if "float" in (each.kind for each in given) else given[0].kind


def first_of(a: Expression, b: Expression) -> Expression:
    return Expression(f"coalesce({a.sql}, {b.sql})", wider(a, b), lambda row: b.of(row) if a.of(row) is None else a.of(row))


def case(when: Expression, a: Expression, b: Expression) -> Expression:
    sql = f"CASE WHEN {when.sql} THEN {a.sql} ELSE {b.sql} END"
    return Expression(sql, wider(a, b), lambda row: a.of(row) if when.of(row) else b.of(row))


def both(a: Expression, b: Expression) -> Expression:
    def of(row: Row) -> Any:
        found = (a.of(row), b.of(row))
        return False if False in found else None if None in found else True

    return Expression(f"({a.sql} AND {b.sql})", "boolean", of)


def either(a: Expression, b: Expression) -> Expression:
    def of(row: Row) -> Any:
        found = (a.of(row), b.of(row))
        return True if True in found else None if None in found else False

    return Expression(f"({a.sql} OR {b.sql})", "boolean", of)


def absent(a: Expression) -> Expression:
    return Expression(f"({a.sql} IS NULL)", "boolean", lambda row: a.of(row) is None)


def numbers(joined: bool, deep: int = 2) -> st.SearchStrategy[Expression]:
    leaves = [column("i.x", "float"), column("i.k", "int"), *([column("r.w", "float")] if joined else [])]
    leaf = st.sampled_from([*leaves, Expression("3", "int", lambda row: 3), Expression("0.25::DOUBLE", "float", lambda row: 0.25)])
    if not deep:
        return leaf
    a = numbers(joined, deep - 1)
    return st.one_of(
        leaf,
        st.builds(lambda a, b: strict("({0} + {1})", wider(a, b), lambda x, y: x + y, a, b), a, a),
        st.builds(lambda a, b: strict("({0} - {1})", wider(a, b), lambda x, y: x - y, a, b), a, a),
        st.builds(lambda a, b: strict("({0} * {1})", wider(a, b), lambda x, y: x * y, a, b), a, a),
        st.builds(lambda a: strict("abs({0})", a.kind, abs, a), a),
        st.builds(lambda s: strict("length({0})", "int", len, s), words(joined, deep - 1)),
        st.builds(first_of, a, a),
        st.builds(case, conditions(joined, deep - 1), a, a),
    )


def words(joined: bool, deep: int = 2) -> st.SearchStrategy[Expression]:
    leaf = st.sampled_from([column("i.s", "string"), Expression("'b'", "string", lambda row: "b")])
    if joined:
        leaf = leaf | st.just(column("r.g", "string"))
    if not deep:
        return leaf
    a = words(joined, deep - 1)
    return st.one_of(
        leaf,
        st.builds(lambda a: strict("upper({0})", "string", str.upper, a), a),
        st.builds(lambda a: strict("substr({0}, 1, 1)", "string", lambda s: s[:1], a), a),
        st.builds(lambda a, b: strict("({0} || '-' || {1})", "string", lambda s, t: f"{s}-{t}", a, b), a, a),
        st.builds(first_of, a, a),
        st.builds(case, conditions(joined, deep - 1), a, a),
    )


def conditions(joined: bool, deep: int = 2) -> st.SearchStrategy[Expression]:
    number, word = numbers(joined, max(0, deep - 1)), words(joined, max(0, deep - 1))
    leaf = st.one_of(
        st.just(column("i.late", "boolean")),
        st.builds(lambda a, b: strict("({0} < {1})", "boolean", lambda x, y: x < y, a, b), number, number),
        st.builds(lambda a, b: strict("({0} = {1})", "boolean", lambda x, y: x == y, a, b), word, word),
        st.builds(lambda a: strict("({0} IN ('a', 'é'))", "boolean", lambda s: s in ("a", "é"), a), word),
        st.builds(lambda a: strict("({0} LIKE 'A%')", "boolean", lambda s: s.startswith("A"), a), word),
        st.builds(absent, number | word),
    )
    if not deep:
        return leaf
    a = conditions(joined, deep - 1)
    return st.one_of(
        leaf, st.builds(both, a, a), st.builds(either, a, a), st.builds(lambda a: strict("(NOT {0})", "boolean", lambda x: not x, a), a)
    )


AGGREGATES: list[tuple[str, str, Callable[[list[Any]], Any]]] = [
    ("count({0})", "int", len),
    ("count(DISTINCT {0})", "int", lambda found: len(set(found))),
    ("sum({0})", "float", lambda found: sum(found) if found else None),
    ("min({0})", "", lambda found: min(found, default=None)),
    ("max({0})", "", lambda found: max(found, default=None)),
    ("avg({0})", "float", lambda found: sum(found) / len(found) if found else None),
]


# ------------------------------------------------------------------------------------------------ parts of files


def written(found: list[Row], kinds: dict[str, str], form: str) -> bytes:
    if form == "jsonl":
        return "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in found).encode()
    if form == "csv":
        lines = [",".join("" if v is None else f'"{v}"' if isinstance(v, str) else str(v) for v in row.values()) for row in found]
        return "\n".join([",".join(kinds), *lines, ""]).encode()
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(found, schema=pa.schema([(name, arrow_type(kind)) for name, kind in kinds.items()])), sink)
    return sink.getvalue()


def parts(form: str, kinds: dict[str, str], files: Iterable[list[Row]], query: Any = None, shops: list[Row] | None = None) -> list[Any]:
    """Name, bytes and statistics of each part of such files and of a reference table, by a query or without one."""
    declared = {"incoming": {"prefix": "incoming/late/", "format": form, "columns": kinds}}
    if shops is not None:
        declared["shops"] = {"prefix": "reference/shops/", "format": "jsonl", "columns": SHOPS, "join": "broadcast"}
    split = {"by": "time", "column": "t", "part": "day", "valid": "1d", "test": "1d"}
    tree = changed(SPEC, data__sources=declared, data__query=query, data__split=split, features=None)
    spec = load(json.dumps({**tree, "name": "late", "sql": query and query["sql"]}))
    scopes.check(spec)
    with TemporaryDirectory() as folder:
        store = FolderStore(Path(folder))

        def put(key: str, data: bytes) -> list[Any]:
            return [key, len(data), store.put(key, data)]

        found = {"incoming": [put(f"incoming/late/{n}", written(file, kinds, form)) for n, file in enumerate(files)]}
        if shops is not None:
            found["shops"] = [put("reference/shops/1", written(shops, SHOPS, "jsonl"))]
        references = References(store, spec, found)
        if making.row_by_row(spec):
            made = making.each(store, spec, "incoming", [(one,) for one in found["incoming"]], "code", references)
        else:
            _, made = windows.make(store, "late", spec, found, references, "code")
        return [
            (part["key"].rpartition("/")[2], store.get(part["key"]), part["statistics"]) for one in made for part in one.document["parts"]
        ]


def same(found: list[Any], kinds: dict[str, str], expected: list[Row], ordered: bool) -> None:
    """`ordered`: a query's rows come by all their columns, nulls last."""
    if ordered:
        expected = sorted(expected, key=lambda row: [(value is None, value if value is not None else 0) for value in row.values()])
    plain = parts("parquet", kinds, [expected])
    assert [(name, statistics) for name, _, statistics in found] == [(name, statistics) for name, _, statistics in plain]
    for (_, mine, _), (_, theirs, _) in zip(found, plain, strict=True):
        assert parquet.read_table(io.BytesIO(mine)).to_pylist() == parquet.read_table(io.BytesIO(theirs)).to_pylist()
        assert mine == theirs


def joins(found: list[Row], shops: list[Row] | None, how: str) -> list[Row]:
    """The rows with those of shops that have their key."""
    incoming = [{f"i.{name}": value for name, value in row.items()} for row in found]
    if shops is None:
        return incoming
    pairs = []
    for row in incoming:
        met = [shop for shop in shops if shop["k"] is not None and shop["k"] == row["i.k"]]
        pairs += [{**row, "r.w": shop["w"], "r.g": shop["g"]} for shop in met]
        if not met and how == "LEFT":
            pairs.append({**row, "r.w": None, "r.g": None})
    return pairs


forms = st.sampled_from(["csv", "jsonl", "parquet"])
how = st.sampled_from(["LEFT", "INNER"])


def tables(joined: bool, how: str) -> str:
    return "incoming AS i" + (f" {how} JOIN shops AS r ON i.k = r.k" if joined else "")


@QUICK
@given(data=st.data(), found=rows, form=forms, how=how, joined=st.booleans(), scope=st.sampled_from(["row", "all"]))
def test_rows_that_are_selected(data: st.DataObject, found: list[Row], form: str, how: str, joined: bool, scope: str) -> None:
    other = data.draw(shops) if joined else None
    picked = data.draw(st.lists(st.one_of(numbers(joined), words(joined), conditions(joined)), min_size=1, max_size=3), label="columns")
    target, where = data.draw(conditions(joined)), data.draw(st.none() | conditions(joined))
    named = {"t": column("i.t", "date"), **{f"c{n}": each for n, each in enumerate(picked)}, "late": target}
    select = ", ".join(f"{each.sql} AS {name}" for name, each in named.items())
    sql = f"SELECT {select} FROM {tables(joined, how)}" + (f" WHERE {where.sql}" if where else "")
    made = parts(form, KINDS, [found], {"sql": sql, "scope": scope}, other)
    kept = [row for row in joins(found, other, how) if where is None or where.of(row)]
    expected = [{name: each.of(row) for name, each in named.items()} for row in kept]
    same(made, {name: each.kind for name, each in named.items()}, expected, ordered=joined or scope == "all")


@QUICK
@given(data=st.data(), found=st.lists(rows, min_size=1, max_size=3), form=forms, how=how, joined=st.booleans(), having=st.booleans())
def test_rows_that_are_grouped(data: st.DataObject, found: list[list[Row]], form: str, how: str, joined: bool, having: bool) -> None:
    other = data.draw(shops) if joined else None
    by = data.draw(st.lists(words(joined) | st.just(column("i.k", "int")), max_size=2), label="GROUP BY")
    pairs = st.tuples(st.sampled_from(AGGREGATES), numbers(joined, 1))
    picked = data.draw(st.lists(pairs, min_size=1, max_size=3), label="aggregates")
    where = data.draw(st.none() | conditions(joined))
    kinds = (
        {"t": "date"}
        | {f"g{n}": each.kind for n, each in enumerate(by)}
        | {f"a{n}": kind or of.kind for n, ((_, kind, _), of) in enumerate(picked)}
    )
    select = ["i.t AS t", *(f"{each.sql} AS g{n}" for n, each in enumerate(by))]
    select += [f"{sql.format(of.sql)} AS a{n}" for n, ((sql, _, _), of) in enumerate(picked)]
    select.append("count(*) > 1 AS late")
    sql = f"SELECT {', '.join(select)} FROM {tables(joined, how)}" + (f" WHERE {where.sql}" if where else "")
    sql += " GROUP BY ALL" + (" HAVING count(*) <> 2" if having else "")
    made = parts(form, KINDS, found, {"sql": sql, "scope": "all"}, other)

    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in joins([row for file in found for row in file], other, how):
        if where is None or where.of(row):
            groups.setdefault((row["i.t"], *(each.of(row) for each in by)), []).append(row)
    expected = []
    for key, of_group in groups.items():
        if not having or len(of_group) != 2:
            values = [[v for row in of_group if (v := of.of(row)) is not None] for _, of in picked]
            found_of = [function(each) for ((_, _, function), _), each in zip(picked, values, strict=True)]
            expected.append(dict(zip([*kinds, "late"], [*key, *found_of, len(of_group) > 1], strict=True)))
    same(made, {**kinds, "late": "boolean"}, expected, ordered=True)


@QUICK
@given(found=st.lists(rows, min_size=1, max_size=3), form=forms, scope=st.sampled_from(["all", {"lookback": "2d"}]))
def test_rows_that_look_back(found: list[list[Row]], form: str, scope: Any) -> None:
    window = "(PARTITION BY s ORDER BY t RANGE BETWEEN INTERVAL 2 DAYS PRECEDING AND CURRENT ROW)"
    made = parts(
        form, KINDS, found, {"sql": f"SELECT *, sum(x) OVER {window} AS recent, count(*) OVER {window} AS n FROM incoming", "scope": scope}
    )
    flat = [row for file in found for row in file]
    expected = []
    for row in flat:
        near = [each for each in flat if each["s"] == row["s"] and timedelta() <= row["t"] - each["t"] <= timedelta(days=2)]
        numbers = [each["x"] for each in near if each["x"] is not None]
        expected.append({**row, "recent": sum(numbers) if numbers else None, "n": len(near)})
    same(made, {**KINDS, "recent": "float", "n": "int"}, expected, ordered=True)
