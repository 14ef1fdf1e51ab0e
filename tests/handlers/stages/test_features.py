"""Features of every type from a file to a verdict."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from handlers.contracts import BadData, BadSpec
from handlers.data.manifest import Dataset
from handlers.runs.evaluation import TrainedTrial
from tests.handlers.stages.datasets import dense, made, rows
from tests.handlers.stages.world import World, month

COLUMNS = {"day": "timestamp", "amount": "float", "known": "boolean", "note": "string", "face": "vector", "late": "boolean"}
FEATURES: dict[str, dict[str, Any]] = {
    "day": {"type": "timestamp", "units": ["hour", "weekday"]},
    "amount": {"type": "number", "missing": "median", "clip": [0.01, 0.99], "scale": "standard"},
    "known": {"type": "boolean", "missing": True},
    "note": {"type": "text", "ngrams": [1, 2], "hash": 512},
    "face": {"type": "vector", "size": 3},
}


def table(days: int, *, size: int = 3, kind: pa.DataType | None = None) -> pa.Table:
    """Ten rows a day; whether one is late shows in its note and its vector."""
    chance = np.random.default_rng(1)
    found = []
    for n in range(days * 10):
        late = bool(chance.random() < 0.4)
        found.append(
            {
                "day": datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=n // 10, hours=n % 10 + 14),
                "amount": None if n % 7 == 0 else float(chance.normal(100, 20)),
                "known": None if n % 5 == 0 else bool(n % 2),
                "note": "bad weather here" if late and n % 3 else "all is well",
                "face": None if n % 11 == 0 else [float(late) + float(chance.normal()) * 0.7 for _ in range(size)],
                "late": late,
            }
        )
    schema = pa.schema([(name, {"face": kind or pa.list_(pa.float32())}.get(name, known)) for name, known in ARROW.items()])
    return pa.Table.from_pylist(found, schema)


ARROW: dict[str, pa.DataType] = {
    "day": pa.timestamp("us", tz="UTC"),
    "amount": pa.float64(),
    "known": pa.bool_(),
    "note": pa.string(),
    "face": pa.list_(pa.float64()),
    "late": pa.bool_(),
}


def as_parquet(of: pa.Table) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(of, buffer)
    return buffer.getvalue()


def as_json_lines(of: pa.Table) -> bytes:
    return "".join(json.dumps(row, default=lambda value: value.isoformat()) + "\n" for row in of.to_pylist()).encode()


@pytest.fixture
def wide(world: World) -> World:
    """The world with a source and features of every type."""
    source = world.spec["data"]["sources"]["incoming"]
    source.update(format="parquet", columns=dict(COLUMNS))
    world.spec["features"] = {name: dict(feature) for name, feature in FEATURES.items()}
    world.spec["search"] = {}
    return world


def encoded(world: World, dataset: Dataset) -> Any:
    return np.vstack([dense(batch) for role in ("train", "valid", "test") for batch in rows(world, dataset, role)])


@pytest.mark.parametrize("kind", [pa.list_(pa.float32(), 3), pa.large_list(pa.float64()), pa.list_(pa.float32())], ids=str)
def test_the_same_rows_in_every_format_are_the_same_numbers(wide: World, kind: pa.DataType) -> None:
    of = table(30, kind=kind)
    wide.put("1.parquet", as_parquet(of))
    first = encoded(wide, made(wide, "a")[0])
    wide.store.delete("incoming/late/1.parquet")
    wide.spec["data"]["sources"]["incoming"]["format"] = "jsonl"
    wide.put("1.jsonl", as_json_lines(of))
    assert np.array_equal(encoded(wide, made(wide, "b")[0]), first)
    assert first.shape == (280, 4 + 1 + 1 + 512 + 3), "30 days but the gaps"


def test_columns_need_not_be_declared(wide: World) -> None:
    wide.put("1.parquet", as_parquet(table(30)))
    declared = encoded(wide, made(wide, "a")[0])
    wide.spec["data"]["sources"]["incoming"]["columns"] = {}
    assert np.array_equal(encoded(wide, made(wide, "b")[0]), declared)


def test_a_whole_run_promotes_a_champion_that_still_scores(wide: World) -> None:
    wide.put("1.parquet", as_parquet(table(40)))
    assert wide.run("a")["outcome"] == "promoted"
    dataset, _, _ = made(wide, "again")
    opened = TrainedTrial.open(wide.store, wide.model, wide.champion()["trial"])
    assert opened.predict(wide.store, dataset, opened.spec, "test").score.shape == (60,)
    assert wide.verdict("a")["metrics"]["roc_auc"]["challenger"]["value"] > 0.7


def test_what_is_not_served_is_judged_as_missing(wide: World) -> None:
    """The note gives everything away, in rows that are learned from only."""
    of = table(40)
    notes = pa.array(["yes" if late else "no" for late in of["late"].to_pylist()])
    of = of.set_column(of.column_names.index("note"), "note", notes)
    wide.put("1.parquet", as_parquet(of))
    wide.spec["features"] = {"note": {"type": "category"}, "amount": {"type": "number", "scale": "standard"}}
    wide.run("a")
    assert wide.verdict("a")["metrics"]["roc_auc"]["challenger"]["value"] == 1
    wide.spec["features"]["note"]["serve"] = False
    wide.run("b")
    assert wide.verdict("b")["metrics"]["roc_auc"]["challenger"]["value"] < 0.75


def test_a_champion_needs_only_the_columns_that_are_served(wide: World) -> None:
    wide.put("1.parquet", as_parquet(table(40)))
    wide.spec["features"]["note"]["serve"] = False
    wide.spec["features"]["amount"]["serve"] = False
    wide.run("a")
    champion = wide.champion()["trial"]
    for name in ("note", "amount"):
        del wide.spec["features"][name]
        del wide.spec["data"]["sources"]["incoming"]["columns"][name]
    wide.run("b")
    assert wide.verdict("b")["champion"]["trial"] == champion
    assert "champion" in wide.verdict("b")["metrics"]["roc_auc"]


def test_a_vector_of_another_length_is_named_with_its_row(wide: World) -> None:
    of = table(30).to_pylist()
    of[57]["face"] = [1.0, 2.0]
    of[59]["face"] = [1.0]
    wide.put("1.parquet", as_parquet(pa.Table.from_pylist(of, table(1).schema)))
    named = "column 'face' has 2 vectors of another length than features.face.size, which is 3; the first has 2 numbers and is in row 8"
    with pytest.raises(BadData, match=rf"incoming/late/1\.parquet: {named}"):
        made(wide)


def test_another_size_makes_no_part_again(wide: World) -> None:
    wide.put("1.parquet", as_parquet(table(30, size=4)))
    with pytest.raises(BadData, match=r"column 'face' has \d+ vectors .* which is 3; the first has 4 numbers and is in row 2 of parts/"):
        made(wide, "a")
    wide.spec["features"]["face"]["size"] = 4
    assert made(wide, "b")[1]["objects_read"] == 0


@pytest.mark.parametrize(
    ("zone", "feature", "expected"), [("Asia/Tokyo", {}, "Asia/Tokyo"), ("Asia/Tokyo", {"timezone": "Europe/Paris"}, "Europe/Paris")]
)
def test_units_are_of_the_split_s_clock_unless_told(wide: World, zone: str, feature: dict[str, str], expected: str) -> None:
    wide.spec["data"]["split"]["timezone"] = zone
    wide.spec["features"]["day"].update(feature)
    wide.put("1.parquet", as_parquet(table(30)))
    assert made(wide)[0].features["day"].timezone == expected


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features": {"face": {"type": "number"}}}, "features.face: type number, but the column is vector; accepted: vector"),
        ({"features": {"day": {"type": "text"}}}, "features.day: type text, but the column is timestamp; accepted: timestamp"),
        ({"features": {"amount": {"type": "timestamp", "units": ["hour"]}}}, "features.amount: type timestamp, but the column is float"),
        (
            {"features": {"note": {"type": "vector", "size": 3}}},
            "features.note: type vector, but the column is string; accepted: category, text",
        ),
        ({"features": {}}, "features: column 'face' is a vector, which does not become a feature by default"),
        ({"checks": {"face": {"min": 0}}}, "checks.face.min: 'face' is a vector; accepted: type, max_missing"),
        ({"checks": {"face": {"unique": True}}}, "checks.face.unique: 'face' is a vector"),
    ],
)
def test_a_column_that_does_not_fit_is_named(wide: World, change: dict[str, Any], words: str) -> None:
    wide.spec.update(change)
    wide.put("1.parquet", as_parquet(table(30)))
    with pytest.raises(BadSpec) as refused:
        made(wide)
    assert words in str(refused.value)


@pytest.mark.parametrize("change", [("key", ["face"]), ("target", {"column": "face", "classes": [1, 2]}), ("weight", "face")])
def test_a_vector_is_neither_key_nor_target_nor_weight(wide: World, change: tuple[str, Any]) -> None:
    wide.spec["data"][change[0]] = change[1]
    wide.spec["features"] = {"amount": {"type": "number"}}
    wide.put("1.parquet", as_parquet(table(30)))
    with pytest.raises(BadSpec, match=r"'face' is (a )?vector"):
        made(wide)


def test_a_vector_may_be_checked_for_missing_values(wide: World) -> None:
    wide.spec["checks"] = {"face": {"type": "vector", "max_missing": 0.05}}
    wide.put("1.parquet", as_parquet(table(30)))
    with pytest.raises(BadData, match=r"column 'face' is missing in 9\.3% of 300 rows; checks\.face\.max_missing is 0.05"):
        made(wide)


def test_a_date_has_no_hour(world: World) -> None:
    world.spec["features"]["day"] = {"type": "timestamp", "units": ["weekday", "hour"]}
    world.put("1.csv", month("2013-01-01", 30))
    with pytest.raises(BadSpec, match=r"features\.day\.units: 'day' is a date, which has no hour"):
        made(world)
    world.spec["features"]["day"]["units"] = ["weekday"]
    assert {dense(batch).shape[1] for batch in rows(world, made(world, "b")[0])} == {6}
