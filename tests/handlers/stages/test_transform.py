"""From a snapshot to a dataset: what is made once, what is refused, and in which order rows are given out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from handlers.contracts import BadData, BadSpec
from handlers.data.encode import Encoder
from handlers.data.manifest import load_dataset
from handlers.data.read import batches
from handlers.data.split import label
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load
from tests.handlers.stages.datasets import dense, made, rows
from tests.handlers.stages.world import World, month


def refusal(world: World) -> str:
    with pytest.raises((BadData, BadSpec)) as refused:
        made(world)
    return str(refused.value)


def test_columns_that_differ_between_objects_are_named(world: World) -> None:
    world.spec["data"]["sources"]["incoming"] = {"prefix": "incoming/late/", "format": "parquet"}
    table = csv.read_csv(pa.BufferReader(month("2013-01-01", 30)))
    for name, kind in (("1", pa.float64()), ("2", pa.float64()), ("3", pa.string())):
        sink = pa.BufferOutputStream()
        parquet.write_table(table.set_column(2, "distance", table.column("distance").cast(kind)), sink)
        world.put(name, sink.getvalue().to_pybytes())
    assert refusal(world) == ("incoming/late/3: column 'distance' is string, in incoming/late/1 float; declare its type under data.sources")


def test_another_month_costs_that_month(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    first, summary, _ = made(world, "r1")
    assert (summary["objects_read"], summary["rows_made"], summary["parts_reused"]) == (1, 1200, 0)
    world.put("2.csv", month("2013-01-31", 10, seed=1))
    second, summary, store = made(world, "r2")
    old = {part.key for part in first.parts}
    fresh = [key for key in store.put_keys if key.startswith("parts/")]
    assert (summary["objects_read"], summary["rows_made"], summary["parts_reused"]) == (1, 400, 30)
    assert len(fresh) == 11  # ten days and their marker
    assert not old & set(fresh)
    assert first.digest != second.digest


def test_the_same_snapshot_makes_nothing_and_the_same_dataset(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    first, _, _ = made(world, "r1")
    again, summary, store = made(world, "r2")
    assert (again, summary["objects_read"]) == (first, 0)
    assert [key for key in store.put_keys if key.startswith("parts/")] == []
    assert load_dataset(world.store, world.model, first.digest) == first


def test_another_split_makes_no_part_again(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    first, _, _ = made(world, "r1")
    world.spec["data"]["split"]["test"] = "3d"
    second, summary, _ = made(world, "r2")
    assert (summary["objects_read"], second.digest != first.digest, second.split["test"]) == (0, True, ["2013-01-28", "2013-01-30"])


def test_an_interrupted_object_is_made_again_whole(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    first, _, _ = made(world, "r1")
    marker = first.parts[0].key.rpartition("/")[0] + "/parts.json"
    world.store.delete(marker)
    again, summary, store = made(world, "r2")
    assert (again, summary["objects_read"], store.put_keys[-1]) == (first, 1, f"datasets/late/{first.digest}.json")
    assert [key for key in store.put_keys if key.startswith("parts/")][-1] == marker


def test_statistics_are_those_of_train(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    dataset, summary, _ = made(world)
    assert dataset.statistics["distance"]["count"] == summary["rows"]["train"] == 40 * (30 - 14)
    assert sum(dataset.statistics["carrier"]["counts"].values()) == summary["rows"]["train"]


def keyed(world: World, **data: Any) -> None:
    world.spec["data"]["sources"]["incoming"]["columns"] = {"id": "int", "day": "date", "distance": "float", "late": "boolean"}
    world.spec["features"] = {"distance": {"type": "number"}}
    world.spec["data"] |= {"key": ["id", "day"], **data}


def numbered(first_day: int, days: int, start: int = 0, distance: int = 0) -> bytes:
    dates = (f"2013-01-{first_day + n // 8:02d}" for n in range(days * 8))
    lines = [f"{start + n},{date},{distance + n},{'true' if n % 2 else 'false'}" for n, date in enumerate(dates)]
    return ("\n".join(["id,day,distance,late", *lines]) + "\n").encode()


def test_a_key_in_two_objects_is_named_with_both(world: World) -> None:
    keyed(world)
    world.put("a.csv", numbered(1, 20))
    world.put("b.csv", numbered(20, 2, start=19 * 8))
    found = refusal(world)
    assert "incoming/late/a.csv and incoming/late/b.csv" in found
    assert "id=152, day=2013-01-20" in found


def test_a_key_twice_in_one_object_is_named(world: World) -> None:
    keyed(world)
    world.put("a.csv", numbered(1, 20) + b"5,2013-01-01,1,true\n")
    assert "incoming/late/a.csv: 2 rows have the key id=5, day=2013-01-01" in refusal(world)


def test_a_key_without_the_day_is_looked_for_on_every_day(world: World) -> None:
    keyed(world, key=["id"])
    world.put("a.csv", numbered(1, 20))
    world.put("b.csv", numbered(21, 2, start=7))
    assert "incoming/late/a.csv and incoming/late/b.csv: 16 keys" in refusal(world)


def test_the_last_object_wins_where_the_spec_says_so(world: World) -> None:
    keyed(world, on_duplicate="last")
    world.put("a.csv", numbered(1, 20))
    _, before, _ = made(world, "r1")
    world.put("b.csv", numbered(2, 1, start=8, distance=5000))
    dataset, after, _ = made(world, "r2")
    assert after["rows"] == before["rows"]
    assert dataset.statistics["distance"]["max"] == 5007
    again, summary, store = made(world, "r3")
    assert (again, summary["objects_read"]) == (dataset, 0)
    assert [key for key in store.put_keys if key.startswith("parts/")] == []


def test_the_last_object_cannot_win_where_rows_move_between_days(world: World) -> None:
    keyed(world, key=["id"], on_duplicate="last")
    with pytest.raises(BadSpec, match=r"spec\.data\.on_duplicate.*'day' in data\.key"):
        world.read_spec()


def test_a_row_of_the_far_future_is_named(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    world.put("2.csv", b"day,carrier,distance,late\n2099-05-01,AA,100,true\n")
    found = refusal(world)
    assert [word for word in ("incoming/late/2.csv", "'day'", "2099-05-01") if word not in found] == []


def test_a_stray_date_in_the_past_is_named_too(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    world.put("2.csv", b"day,carrier,distance,late\n2013-08-18,AA,100,true\n")
    found = refusal(world)
    assert [word for word in ("valid", "incoming/late/2.csv", "'day'", "2013-08-18") if word not in found] == []


def test_a_role_of_a_few_rows_is_refused(world: World) -> None:
    world.spec["data"]["split"] |= {"valid": "1d", "test": "1d"}
    world.put("1.csv", month("2013-01-01", 30, rows=4))
    assert "4 rows for valid" in refusal(world)


def test_a_role_of_one_class_is_refused(world: World) -> None:
    lines = [f"2013-01-{d:02d},AA,{i},{'true' if i % 2 and d < 25 else 'false'}" for d in range(1, 31) for i in range(20)]
    world.put("1.csv", ("day,carrier,distance,late\n" + "\n".join(lines) + "\n").encode())
    assert "'late' is false in every row of test" in refusal(world)


def test_rows_without_a_target_are_not_taken(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30) + b"2013-01-01,AA,100,NA\n")
    _, summary, _ = made(world)
    assert summary["rows_made"] == 1200


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        ({"distance": {"min": 60}}, "column 'distance' has the value"),
        ({"carrier": {"allowed": ["AA", "BB"]}}, "column 'carrier' has the value 'CC'"),
        ({"rows": {"min": 5000}}, "1,200 rows, fewer than checks.rows.min, which is 5000"),
        ({"distance": {"type": "int"}}, "is of type float; checks.distance.type is int"),
        ({"carrier": {"unique": True}}, "column 'carrier' has the value"),
        ({"nothing": {"min": 1}}, "checks.nothing: there is no such column"),
    ],
)
def test_a_failed_check_names_column_and_value(world: World, checks: dict[str, Any], words: str) -> None:
    world.spec["checks"] = checks
    world.put("1.csv", month("2013-01-01", 30))
    assert words in refusal(world)


def test_a_number_too_large_to_square_is_named(world: World) -> None:
    lines = month("2013-01-01", 30).decode().splitlines()
    place = lines[0].split(",").index("distance")
    fields = lines[1].split(",")
    world.put("1.csv", "\n".join([lines[0], ",".join([*fields[:place], "1e308", *fields[place + 1 :]]), *lines[2:]]).encode() + b"\n")
    assert "incoming/late/1.csv: column 'distance' has the value 1e+308, which is too large to compute with" in refusal(world)


@pytest.mark.parametrize("value", ["", "nan", "inf"])
def test_what_is_not_a_number_counts_as_missing(world: World, value: str) -> None:
    world.spec["checks"] = {"distance": {"max_missing": 0.05}}
    lines = month("2013-01-01", 30).decode().splitlines()
    place = lines[0].split(",").index("distance")
    half = [",".join(value if i == place and n % 2 else field for i, field in enumerate(line.split(","))) for n, line in enumerate(lines)]
    world.put("1.csv", "\n".join(half).encode() + b"\n")
    assert "column 'distance' is missing in 50.0% of 1,200 rows; checks.distance.max_missing is 0.05" in refusal(world)


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ({"nothing": {"type": "number"}}, "features.nothing: there is no such column; the columns are day, carrier, distance, late"),
        ({"carrier": {"type": "number"}}, "features.carrier: type number, but the column is string"),
        ({"distance": {"type": "category"}}, "features.distance: type category, but the column is float"),
    ],
)
def test_a_feature_that_cannot_be_made_is_named(world: World, features: dict[str, Any], words: str) -> None:
    world.spec["features"] = features
    world.put("1.csv", month("2013-01-01", 30))
    assert words in refusal(world)


def test_a_file_without_a_header_has_the_order_of_the_spec(world: World) -> None:
    world.spec["data"]["sources"]["incoming"]["csv"] = {"header": False}
    world.put("1.csv", month("2013-01-01", 30).partition(b"\n")[2])
    first, _, _ = made(world, "r1")
    assert first.statistics["carrier"]["counts"].keys() == {"AA", "BB", "CC"}
    columns = world.spec["data"]["sources"]["incoming"]["columns"]
    world.spec["data"]["sources"]["incoming"]["columns"] = dict(reversed(columns.items()))
    assert "incoming/late/1.csv: column 'late' in row 1" in refusal(world)


def test_without_features_every_other_column_is_one(world: World) -> None:
    del world.spec["features"]
    world.put("1.csv", month("2013-01-01", 30))
    dataset, _, _ = made(world)
    assert {name: feature.type for name, feature in dataset.features.items()} == {"carrier": "category", "distance": "number"}


def encoded(world: World, features: dict[str, Any]) -> tuple[Encoder, Any, ModelSpec]:
    world.spec["features"] = features
    dataset, _, _ = made(world)
    spec = load(world.read_spec())
    first = next(iter(batches(world.store, dataset, spec, Encoder(dataset, spec), "test")))
    return Encoder(dataset, spec), dense(first), spec


def test_categories_are_columns_and_numbers_are_scaled(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    encoder, x, _ = encoded(world, {"carrier": {"type": "category"}, "distance": {"type": "number", "scale": "standard"}})
    assert encoder.names == ["carrier=AA", "carrier=BB", "carrier=CC", "distance"]
    assert (x[:, :3].sum(axis=1) == 1).all()
    assert abs(x[:, 3].mean()) < 0.5


def test_a_rare_value_goes_to_the_default(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30) + b"2013-01-02,ZZ,100,true\n2013-01-30,QQ,100,true\n")
    encoder, x, _ = encoded(world, {"carrier": {"type": "category", "default": "UNK", "min_count": 2}})
    assert encoder.names == ["carrier=AA", "carrier=BB", "carrier=CC", "carrier=UNK"]
    assert (x.sum(axis=1) == 1).all()


def test_a_value_without_a_default_is_no_column(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30) + b"2013-01-25,QQ,100,true\n")
    _, x, _ = encoded(world, {"carrier": {"type": "category"}})
    assert sorted(set(x.sum(axis=1))) == [0.0, 1.0]


def test_a_hashed_category_has_its_size(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    encoder, x, _ = encoded(world, {"carrier": {"type": "category", "hash": 16}})
    assert (encoder.width, x.shape[1], set(x.sum(axis=1))) == (16, 16, {1.0})


@pytest.mark.parametrize(("missing", "value"), [("mean", None), (-1.0, -1.0), ("keep", float("nan"))])
def test_a_missing_number_is_replaced_as_asked(world: World, missing: Any, value: Any) -> None:
    lines = month("2013-01-01", 30).decode().splitlines()
    first_of_test = next(i for i, line in enumerate(lines) if line.startswith("2013-01-25"))
    lines[first_of_test] = "2013-01-25,AA,NA,true"
    world.put("1.csv", ("\n".join(lines) + "\n").encode())
    encoder, x, _ = encoded(world, {"distance": {"type": "number", "missing": missing}})
    dataset, _, _ = made(world, "again")
    expected = dataset.statistics["distance"]["mean"] if value is None else value
    assert np.array_equal(x[:1, 0], [expected], equal_nan=True)
    assert encoder.names == ["distance"]


def test_a_missing_hashed_value_is_its_default(world: World) -> None:
    text = month("2013-01-01", 30).decode().splitlines()
    first = 1 + 24 * 40  # of test
    text[first] = ",".join(["2013-01-25", "", *text[first].split(",")[2:]])
    world.put("1.csv", "\n".join([*text, ""]).encode())
    features = {"carrier": {"type": "category", "hash": 64, "default": "UNK"}}
    _, x, _ = encoded(world, features)
    assert x[0].sum() == 1
    _, without, _ = encoded(world, {"carrier": {"type": "category", "hash": 64}})
    assert without[0].sum() == 0
    assert np.array_equal(without[1:], x[1:])


def test_a_target_that_is_not_finite_is_none(world: World) -> None:
    lines = ["day,carrier,distance,late"]
    for n in range(30):
        for late in ("1.5", "nan", "inf", "-2"):
            lines += [f"2013-01-{n + 1:02},AA,{n},{late}"] * 5
    world.put("1.csv", "\n".join([*lines, ""]).encode())
    world.spec["task"] = "regression"
    world.spec["data"]["sources"]["incoming"]["columns"]["late"] = "float"
    world.spec["data"]["target"] = {"column": "late", "clip": [-1, 1]}
    world.spec["model"] = {"estimator": "sklearn.linear_model.SGDRegressor"}
    world.spec["search"] = {}
    world.spec["evaluate"] = {"select_by": "mae"}
    world.spec["promote"] = {}
    found, summary, _ = made(world)
    assert summary["rows_made"] == 300
    y = np.concatenate([batch.y for batch in rows(world, found)])
    assert sorted(set(y.tolist())) == [-1.0, 1.0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s["data"].update(weight="heavy"), "data.weight: 'heavy' is not a column"),
        (lambda s: s["data"].update(weight="carrier"), "data.weight: 'carrier' is string"),
        (lambda s: s["evaluate"].update(slices={"cerrier": {"min_rows": 1}}), "evaluate.slices.cerrier: 'cerrier' is not a column"),
        (
            lambda s: s.update(features={}) or s["data"].update(target={"column": "carrier"}),
            "data.target.classes: needed for a target of type string",
        ),
        (
            lambda s: s.update(task="regression", features={}) or s["data"].update(target={"column": "carrier"}),
            "data.target.column: 'carrier' is string; a regression target is int or float",
        ),
        (
            lambda s: s.update(features={"carrier": {"type": "category"}}) or s["data"].update(target={"column": "distance"}),
            "data.target.classes: needed for a target of type float; list the values of 'distance'",
        ),
        (
            lambda s: s.update(features={"carrier": {"type": "category"}}) or s["data"].update(target={"column": "day", "classes": [1, 2]}),
            "data.target.column: 'day' is date; a class is a string, int, float or boolean",
        ),
        (lambda s: s["data"]["split"].update(column="distance"), "data.split.column: 'distance' is of type float"),
        (lambda s: s["data"]["split"].update(column="dya"), "data.split.column: 'dya' is not a column"),
        (lambda s: s["data"]["target"].update(column="lat"), "data.target.column: 'lat' is not a column"),
    ],
)
def test_a_column_that_cannot_be_used_so_is_named(world: World, change: Any, words: str) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    change(world.spec)
    assert words in refusal(world)


def test_days_are_those_of_the_split_s_timezone(world: World) -> None:
    hours = [f"2013-01-{day:02}T{hour:02}:30:00Z" for day in range(1, 31) for hour in range(24)]
    lines = [f"{hour},AA,{n % 7},{str(n % 2 == 0).lower()}" for n, hour in enumerate(hours)]
    world.put("1.csv", "\n".join(["day,carrier,distance,late", *lines, ""]).encode())
    world.spec["data"]["sources"]["incoming"]["columns"]["day"] = "timestamp"
    assert [part.rows for part in made(world)[0].of_role("train")] == [24] * 16
    world.spec["data"]["split"]["timezone"] = "America/New_York"
    parts = made(world, "again")[0].of_role("train")
    assert ([label("day", unit) for unit in parts[0].units], parts[0].rows, parts[1].rows) == (["2012-12-31"], 5, 24)


def test_a_day_without_a_date_is_bad_data(world: World) -> None:
    world.put("1.csv", b"day,carrier,distance,late\n,AA,1,true\n")
    assert "column 'day' is missing in 1 row;" in refusal(world)


def test_the_same_rows_are_the_same_bytes(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    before = {part.key: world.store.get(part.key) for part in made(world)[0].parts}
    for key in world.keys("parts/"):
        world.store.delete(key)
    assert {part.key: world.store.get(part.key) for part in made(world, "again")[0].parts} == before
