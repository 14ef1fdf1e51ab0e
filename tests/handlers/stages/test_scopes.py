"""Queries over many rows and several sources: what they give, what a new object makes again, and what is refused."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from handlers.contracts import BadData, BadSpec
from handlers.data import duck
from handlers.storage import FolderStore, read_json
from tests.handlers.stages.world import World, changed

COLUMNS = {"sold_at": "timestamp", "shop": "string", "sold": "float", "late": "boolean"}
WINDOW = "(PARTITION BY shop ORDER BY sold_at RANGE BETWEEN INTERVAL 2 DAYS PRECEDING AND CURRENT ROW)"
ROLLING = f"SELECT sold_at, shop, sold, late, sum(sold) OVER {WINDOW} AS recent FROM incoming"
FEATURES = {"recent": {"type": "number"}, "shop": {"type": "category"}}
START = date(2013, 1, 1)


def sales(first: int, days: int, seed: int = 0, rows: int = 12) -> bytes:
    random = np.random.default_rng([seed, first])
    lines = ["sold_at,shop,sold,late"]
    for n in range(first, first + days):
        day = START + timedelta(days=n)
        for hour in [*sorted(random.integers(0, 24, rows - 1).tolist()), 23]:
            lines += [f"{day}T{hour:02}:00:00Z,{random.choice(['a', 'b'])},{random.integers(1, 99)},{random.random() < 0.5}"]
    return ("\n".join(lines) + "\n").replace("True", "true").replace("False", "false").encode()


@pytest.fixture
def shop(world: World) -> World:
    source = {"prefix": "incoming/late/", "format": "csv", "columns": COLUMNS}
    split = {"by": "time", "column": "sold_at", "valid": "2d", "test": "2d"}
    world.spec = changed(world.spec, data__sources={"incoming": source}, data__split=split, features=FEATURES)
    return world


def query(world: World, sql: str, scope: Any = "row") -> None:
    world.spec["data"]["query"] = {"sql": sql, "scope": scope}


def made(world: World, run: str) -> tuple[str, pa.Table]:
    """(digest of the dataset of what is there now, its rows in order)."""
    _, snapshot = world.snapshot(run)
    dataset = world.dataset(snapshot)
    return dataset, rows(world, dataset)


def rows(world: World, dataset: str) -> pa.Table:
    parts = read_json(world.store, f"datasets/late/{dataset}.json")["parts"]
    tables = [parquet.read_table(io.BytesIO(world.store.get(key))) for key in dict.fromkeys(part["key"] for part in parts)]
    table = pa.concat_tables(tables)
    names = [name for name in table.column_names if not name.startswith(" ")]
    return table.select(names).sort_by([(name, "ascending") for name in names])


def markers(world: World) -> set[str]:
    return {key for key in world.keys("parts/late/") if key.endswith("parts.json")}


def test_a_lookback_gives_what_a_window_over_everything_gives(shop: World) -> None:
    shop.put("1.csv", sales(0, 9))
    query(shop, ROLLING, {"lookback": "2d"})
    _, looked_back = made(shop, "r1")
    query(shop, ROLLING, "all")
    _, everything = made(shop, "r2")
    assert len(looked_back) == 9 * 12
    assert looked_back.equals(everything)
    assert looked_back.column("recent").to_pylist() != looked_back.column("sold").to_pylist()


def test_more_data_makes_again_only_the_days_within_reach(shop: World, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    query(shop, ROLLING, {"lookback": "2d"})
    shop.put("1.csv", sales(0, 9))
    made(shop, "r1")
    before = markers(shop)
    assert len(before) == 9
    shop.put("2.csv", sales(9, 3))
    whole, added = made(shop, "r2")
    assert len(markers(shop) - before) == 3, "the days of the new object"
    shop.put("0.csv", sales(4, 1, seed=7))
    late = markers(shop)
    made(shop, "r3")
    assert len(markers(shop) - late) == 3, "a late day, and two that look back to it"
    fresh = World(tmp_path / "fresh", tmp_path / "fresh-out", shop.spec)
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/fresh")
    fresh.put("2.csv", sales(9, 3))
    fresh.put("1.csv", sales(0, 9))
    assert (whole, added) == made(fresh, "r"), "in one step as in two"


def test_days_that_share_a_connection_are_those_that_have_one_each(shop: World, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit by bit, sums of floats too: what ran before in a connection does not show."""
    opened: list[str] = []
    reading = duck.reading

    def counted(*given: Any) -> Any:
        opened.append("one")
        return reading(*given)

    monkeypatch.setattr(duck, "reading", counted)
    query(shop, ROLLING.replace("sum(sold)", "sum(sold / 7)"), {"lookback": "2d"})
    shop.put("1.csv", sales(0, 6))
    made(shop, "r0")
    assert len(opened) == 1
    for day in range(6, 9):
        shop.put(f"{day}.csv", sales(day, 1))
        made(shop, f"r{day}")
    assert len(opened) == 4
    fresh = World(tmp_path / "fresh", tmp_path / "fresh-out", shop.spec)
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/fresh")
    for name in (1, 6, 7, 8):
        fresh.put(f"{name}.csv", shop.store.get(f"incoming/late/{name}.csv"))
    made(fresh, "r")
    assert len(opened) == 5
    keys = [key for key in shop.keys("parts/late/") if key.endswith(".parquet")]
    assert len(keys) == 18, "of each day what was read and what the query gives"
    assert {key: fresh.store.get(key) for key in keys} == {key: shop.store.get(key) for key in keys}


def test_the_same_rows_under_another_name_make_nothing_again(shop: World) -> None:
    query(shop, ROLLING, {"lookback": "2d"})
    shop.put("1.csv", sales(0, 9))
    first, _ = made(shop, "r1")
    before = markers(shop)
    shop.store.delete("incoming/late/1.csv")
    shop.put("other.csv", sales(0, 9))
    assert made(shop, "r2")[0] == first
    assert markers(shop) == before


def test_everything_is_made_again_with_scope_all_and_sorted(shop: World) -> None:
    sql = (
        "SELECT max(sold_at) AS sold_at, shop, any_value(late ORDER BY sold_at) AS late, sum(sold) AS recent "
        "FROM incoming GROUP BY shop, sold_at::DATE"
    )
    query(shop, sql, "all")
    shop.put("1.csv", sales(0, 9, rows=30))
    shop.spec["features"] = {"recent": {"type": "number"}}
    with pytest.raises(BadData, match="at least 10 are needed"):
        made(shop, "r0")
    query(shop, sql.replace("shop, sold_at::DATE", "shop, sold_at"), "all")
    _, first = made(shop, "r1")
    assert first.num_rows == len({(row["sold_at"], row["shop"]) for row in first.to_pylist()})
    before = markers(shop)
    shop.put("2.csv", sales(9, 1, rows=30))
    _, second = made(shop, "r2")
    assert len(markers(shop) - before) == 1
    assert second.num_rows > first.num_rows


def test_a_query_over_everything_spills_and_gives_the_same(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    query(shop, ROLLING, "all")
    shop.put("1.csv", sales(0, 9, rows=2000))
    first, _ = made(shop, "r1")
    for key in shop.keys("parts/"):
        shop.store.delete(key)
    monkeypatch.setattr(duck, "MEMORY", "24MiB")
    assert made(shop, "r2")[0] == first


STORES = {"prefix": "reference/stores/", "format": "csv", "columns": {"shop": "string", "size": "float"}, "join": "broadcast"}
JOINED = "SELECT i.sold_at, i.shop, i.sold, i.late, s.size AS recent FROM incoming i LEFT JOIN stores s USING (shop)"


def test_rows_are_joined_to_a_reference_table(shop: World) -> None:
    shop.spec["data"]["sources"]["stores"] = STORES
    query(shop, JOINED)
    shop.put("1.csv", sales(0, 9))
    assert shop.snapshot("r0")[0] == "no-data"
    assert "reference/stores/" in read_json(shop.store, "runs/late/r0/request.json")["reason"]
    shop.store.put("reference/stores/a.csv", b"shop,size\na,1\n")
    shop.store.put("reference/stores/b.csv", b"shop,size\nb,2\n")
    _, table = made(shop, "r1")
    assert {(row["shop"], row["recent"]) for row in table.to_pylist()} == {("a", 1.0), ("b", 2.0)}
    before = markers(shop)
    shop.put("2.csv", sales(9, 2))
    made(shop, "r2")
    assert len(markers(shop) - before) == 1, "only the new object"
    shop.store.put("reference/stores/b.csv", b"shop,size\nb,3\n")
    decision, snapshot = shop.snapshot("r3")
    assert decision == "busy", "a changed reference table is new data, so another run is wanted after the first"
    after = rows(shop, shop.dataset(snapshot))
    assert {(row["shop"], row["recent"]) for row in after.to_pylist()} == {("a", 1.0), ("b", 3.0)}
    document = read_json(shop.store, f"snapshots/late/{snapshot}.json")
    assert document["sources"] == {"incoming": "incoming/late/", "stores": "reference/stores/"}
    assert [key for key, *_ in document["objects"] if key.startswith(document["sources"]["stores"])] == [
        "reference/stores/a.csv",
        "reference/stores/b.csv",
    ]


def test_a_lookback_joins_another_source_by_key(shop: World) -> None:
    visits = {"prefix": "incoming/late/visits/", "format": "csv", "columns": {"sold_at": "timestamp", "shop": "string", "n": "float"}}
    shop.spec["data"]["sources"] = {
        "incoming": {**shop.spec["data"]["sources"]["incoming"], "prefix": "incoming/late/sales/"},
        "visits": visits,
    }
    sql = (
        "SELECT i.sold_at, i.shop, i.late, i.sold, coalesce(sum(v.n), 0) AS recent FROM incoming i LEFT JOIN visits v "
        "ON v.shop = i.shop AND v.sold_at <= i.sold_at AND v.sold_at > i.sold_at - INTERVAL 2 DAYS GROUP BY ALL"
    )
    shop.put("sales/1.csv", sales(0, 9))
    shop.put("visits/1.csv", b"sold_at,shop,n\n" + b"".join(b"2013-01-%02dT00:00:00Z,a,%d\n" % (day, day) for day in (2, 5, 8)))
    query(shop, sql, {"lookback": "2d"})
    _, looked_back = made(shop, "r1")
    query(shop, sql, "all")
    assert looked_back.equals(made(shop, "r2")[1])
    found = {row["recent"] for row in looked_back.to_pylist() if row["shop"] == "a"}
    assert {0.0, 2.0, 5.0, 8.0} == found


@pytest.mark.parametrize("days", [0, 3])
def test_rows_whose_labels_may_still_come_are_not_used_yet(shop: World, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    def clock(day: int, hour: int) -> None:
        moment = datetime(2013, 1, day, hour, tzinfo=UTC).timestamp()
        monkeypatch.setattr(FolderStore, "server_time", lambda self: moment)

    if days:
        shop.spec["data"]["target"]["label_delay"] = f"{days}d"
    query(shop, "SELECT *, sold AS recent FROM incoming")
    shop.put("1.csv", sales(0, 12))
    clock(13, 6)
    _, snapshot = shop.snapshot("r1")
    assert ("labelled_before" in read_json(shop.store, f"snapshots/late/{snapshot}.json")) == bool(days)
    dataset = shop.dataset(snapshot)
    assert read_json(shop.store, f"datasets/late/{dataset}.json")["split"]["test"][1] == f"2013-01-{12 - days:02}"
    if days:
        clock(16, 6)
        assert shop.dataset(snapshot) == dataset, "a step that runs later uses what the snapshot says"
        before = markers(shop)
        decision, later = shop.snapshot("r2")
        assert (decision, later != snapshot) == ("train", True), "labels have come, so there is something to learn"
        assert read_json(shop.store, f"datasets/late/{shop.dataset(later)}.json")["split"]["test"][1] == "2013-01-12"
        assert markers(shop) == before, "and no file is read again"


def test_labels_that_are_all_too_young_are_named(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FolderStore, "server_time", lambda self: datetime(2013, 1, 13, tzinfo=UTC).timestamp())
    shop.spec["data"]["target"]["label_delay"] = "20d"
    query(shop, "SELECT *, sold AS recent FROM incoming")
    shop.put("1.csv", sales(0, 12))
    with pytest.raises(BadData, match=r"data\.target\.label_delay is 20d: days from 2012-12-24 on are not used yet"):
        made(shop, "r1")


@pytest.mark.parametrize(
    ("sql", "clause"),
    [
        ("SELECT sold_at - INTERVAL 1 DAY AS sold_at, shop, late, sold AS recent FROM incoming", "AS sold_at"),
        (
            "SELECT max(sold_at) AS sold_at, shop, first(late ORDER BY sold_at) AS late, sum(sold) AS recent FROM incoming GROUP BY shop",
            "AS sold_at",
        ),
        ("SELECT * REPLACE (sold_at + INTERVAL 1 DAY AS sold_at), sold AS recent FROM incoming", "REPLACE"),
        ("WITH w AS (SELECT sold_at + INTERVAL 1 DAY AS sold_at, late FROM incoming) SELECT *, 1 AS recent FROM w", "AS sold_at"),
        ("SELECT * FROM (SELECT late, shop FROM incoming) AS x(late, sold_at)", "a list of column names"),
        ("SELECT * FROM incoming UNION ALL SELECT * FROM incoming", "UNION by position"),
    ],
)
def test_the_day_of_a_row_cannot_be_moved_with_a_lookback(shop: World, sql: str, clause: str) -> None:
    query(shop, sql, {"lookback": "2d"})
    with pytest.raises(BadSpec, match="scope: lookback") as refused:
        shop.read_spec()
    assert clause in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data__query__scope": {"lookback": "36h"}}, r"scope\.lookback: '36h' is not a number of whole days"),
        ({"data__sources__stores": {**STORES, "join": None}}, r"data\.sources\.stores: with scope: row it must be a reference table"),
        ({"data__sources__stores": {**STORES, "prefix": "incoming/late/x/"}}, r"lies under the prefix of 'incoming'"),
        ({"data__sources__stores": {**STORES, "prefix": "parts/x/"}}, r"'parts/x/' is where runs leave their results"),
        ({"data__sources__incoming__join": "broadcast"}, r"the source whose objects start a run is not a reference table"),
        ({"data__sources__stores": STORES}, r"the statement does not read source 'stores'"),
        ({"data__sources__stores": STORES, "data__query": None}, r"data\.query: required with several sources"),
        (
            {"data__sources__stores": {**STORES, "join": None}, "data__query__scope": {"lookback": "2d"}},
            r"data\.sources\.stores: scope: lookback needs the split's column 'sold_at'",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_data_is_read(shop: World, changes: dict[str, Any], told: str) -> None:
    query(shop, ROLLING.replace(WINDOW, "()") if changes.get("data__query__scope") else "SELECT *, sold AS recent FROM incoming")
    shop.spec = changed(shop.spec, **changes)
    with pytest.raises(BadSpec, match=told):
        shop.read_spec()


@pytest.mark.parametrize(
    ("sql", "clause"),
    [
        ("SELECT i.* FROM stores s LEFT JOIN incoming i USING (shop)", "a left join, which adds rows of a reference table,"),
        ("SELECT i.* FROM incoming i FULL JOIN stores s USING (shop)", "a full join"),
        ("SELECT i.* FROM incoming i JOIN incoming j USING (sold_at) JOIN stores s ON true", "a join of 'incoming' with itself"),
        ("SELECT i.*, (SELECT count(*) FROM incoming) AS n FROM incoming i JOIN stores s USING (shop)", "a subquery"),
        ("SELECT i.*, sum(size) OVER () AS n FROM incoming i JOIN stores s USING (shop)", "the window function sum()"),
        ("SELECT shop, sum(size) AS n FROM incoming i JOIN stores s USING (shop) GROUP BY shop", "GROUP BY"),
        ("WITH w AS (SELECT max(sold_at) AS m FROM incoming) SELECT i.* FROM incoming i, w, stores", "WITH w (it reads incoming)"),
        ("SELECT i.* FROM (SELECT * FROM incoming LIMIT 5) i JOIN stores s USING (shop)", "a subquery"),
    ],
)
def test_a_join_that_needs_more_than_a_row_and_reference_tables_is_refused(shop: World, sql: str, clause: str) -> None:
    shop.spec["data"]["sources"]["stores"] = STORES
    query(shop, sql)
    with pytest.raises(BadSpec, match="scope: row") as refused:
        shop.read_spec()
    assert clause in str(refused.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT i.*, s.size FROM incoming i, stores s WHERE i.shop = s.shop",
        "SELECT * FROM incoming SEMI JOIN stores USING (shop)",
        "SELECT *, (SELECT max(size) FROM stores s WHERE s.shop = i.shop) AS size FROM incoming i",
        "SELECT * FROM incoming WHERE shop IN (SELECT shop FROM stores WHERE size > 0)",
        "WITH m AS (SELECT shop, max(size) AS size FROM stores GROUP BY shop) SELECT * FROM incoming JOIN m USING (shop)",
        "SELECT i.*, s.size FROM incoming i JOIN (SELECT shop, avg(size) AS size FROM stores GROUP BY ALL) s USING (shop)",
    ],
)
def test_a_row_and_whole_reference_tables_are_carried(shop: World, sql: str) -> None:
    shop.spec["data"]["sources"]["stores"] = STORES
    query(shop, sql)
    shop.spec["features"] = {"sold": {"type": "number"}}
    shop.store.put("reference/stores/a.csv", b"shop,size\na,1\nb,2\n")
    shop.put("1.csv", sales(0, 9))
    assert made(shop, "r1")[1].num_rows == 9 * 12
