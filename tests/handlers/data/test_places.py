"""The role of a row hangs on the row alone: not on other rows, their order, how files are cut, or the format they come in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

from handlers.contracts import BadData, BadSpec
from handlers.data import sources, units
from handlers.data.places import hashes, places
from handlers.modelspec.model import ModelSpec, Source

COLUMNS = {"id": "int", "name": "string", "x": "float", "ok": "boolean", "at": "timestamp", "y": "float"}
TYPES = {
    "int": pa.int64(),
    "string": pa.string(),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}
NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
text = st.text(st.characters(codec="ascii", exclude_characters='\r\n",', min_codepoint=33), min_size=1, max_size=5).filter(
    lambda s: s != "NA"
)
row = st.fixed_dictionaries(
    {
        "id": st.integers(-(2**40), 2**40),
        "name": text,
        "x": st.none() | st.floats(-1e9, 1e9, allow_nan=False).map(lambda v: round(v, 3)),
        "ok": st.booleans(),
        "at": st.datetimes(datetime(1990, 1, 1), datetime(2020, 1, 1)).map(lambda t: t.replace(microsecond=0)),
        "y": st.just(1.0),
    }
)


def spec(data: dict[str, Any] | None = None, **split: Any) -> ModelSpec:
    tree = {
        "name": "m",
        "task": "regression",
        "data": {
            "sources": {"incoming": {"prefix": "incoming/m/", "format": "csv", "columns": COLUMNS}},
            "target": {"column": "y"},
            "split": {"valid": 0.1, "test": 0.2, **split},
            **(data or {}),
        },
        "model": {"estimator": "sklearn.linear_model.SGDRegressor"},
        "evaluate": {"select_by": "mae"},
    }
    return ModelSpec.model_validate(tree)


KINDS = {
    "hash": spec(by="hash", key=["id", "name"]),
    "random": spec(by="random", seed=3),
    "key": spec({"key": ["id"]}, by="random"),
    "group": spec({"group": "name"}, by="random"),
    "stratify": spec(by="hash", key=["id"], stratify="ok"),
}


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({name: pa.array([r[name] for r in rows], TYPES[kind]) for name, kind in COLUMNS.items()})


def of(rows: pa.Table, kind: str) -> list[int]:
    found: list[int] = units.of_rows(rows, KINDS[kind], "a.csv", NOW).to_pylist()
    return found


def as_read(rows: pa.Table, kind: str) -> pa.Table:
    """What a file with these rows gives."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "object"
        if kind == "csv":
            csv.write_csv(rows, path)
        else:
            # columns in another order
            parquet.write_table(rows.select(sorted(rows.column_names)), path)
        source = Source.model_validate({"prefix": "incoming/m/", "format": kind, "columns": COLUMNS})
        return pa.concat_tables(sources.tables(path, "a", source))


@settings(deadline=None, max_examples=30)
@given(st.lists(row, min_size=1, max_size=20), st.randoms(use_true_random=False), st.sampled_from(sorted(KINDS)), st.integers(1, 5))
def test_a_row_has_its_place_whatever_stands_around_it(rows: list[dict[str, Any]], random: Any, kind: str, block: int) -> None:
    whole = of(table(rows), kind)
    assert [of(table([one]), kind)[0] for one in rows] == whole
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = table([rows[i] for i in order])
    cut = [place for i in range(0, len(rows), block) for place in of(shuffled.slice(i, block), kind)]
    assert cut == [whole[i] for i in order]


@settings(deadline=None, max_examples=20)
@given(st.lists(row, min_size=1, max_size=10), st.sampled_from(sorted(KINDS)))
def test_a_row_has_its_place_in_every_format(rows: list[dict[str, Any]], kind: str) -> None:
    given_rows = table(rows)
    assert of(as_read(given_rows, "csv"), kind) == of(as_read(given_rows, "parquet"), kind) == of(given_rows, kind)


@given(st.lists(st.tuples(st.integers(-100, 100), st.sampled_from(["a", "b", None])), min_size=1, max_size=20))
def test_equal_values_of_one_type_are_equal(values: list[tuple[int, str | None]]) -> None:
    numbers, texts = [v for v, _ in values], [t for _, t in values]
    wide = pa.table({"n": pa.array(numbers, pa.int64()), "t": pa.array(texts, pa.string())})
    narrow = pa.table({"n": pa.array(numbers, pa.int16()), "t": pa.array(texts).dictionary_encode()})
    assert hashes(wide, ["n", "t"]).equals(hashes(narrow, ["n", "t"]))
    halves = pa.table(
        {
            "n": pa.chunked_array([wide.column("n").combine_chunks().slice(0, 1), wide.column("n").combine_chunks().slice(1)]),
            "t": wide.column("t"),
        }
    )
    assert hashes(halves, ["n", "t"]).equals(hashes(wide, ["n", "t"]))


def test_values_that_differ_have_hashes_that_differ() -> None:
    columns = [
        pa.array([1, 2, None]),
        pa.array([1.0, 2.0, float("nan")]),
        pa.array(["1", "2", ""]),
        pa.array([True, False, True]),
        pa.array([date(1970, 1, 2), date(1970, 1, 3), None]),
    ]
    found = [h for column in columns for h in hashes(pa.table({"v": column}), ["v"]).to_pylist()[:2]]
    assert len(set(found)) == 10
    one = pa.table({"a": [1], "b": [2]})
    assert hashes(one, ["a", "b"]) != hashes(one, ["b", "a"])
    assert hashes(one, ["a"], "random 1") != hashes(one, ["a"], "random 2")
    assert hashes(pa.table({"v": [0.0, float("nan")]}), ["v"]).equals(hashes(pa.table({"v": pa.array([-0.0, None])}), ["v"]))


def test_the_hash_is_the_same_on_every_machine() -> None:
    """A change of these numbers gives every row of every model another role: never change them."""
    rows = pa.table({"id": [1, 2, 3], "name": ["ada", "grace", None], "x": [0.5, None, -2.0]})
    assert places(rows, ["id"], "hash").to_pylist() == PINNED["id"]
    assert places(rows, ["id", "name", "x"], "random 7").to_pylist() == PINNED["all"]


PINNED = {"id": [16, 66, 77], "all": [56, 94, 86]}


def test_every_place_gets_its_share() -> None:
    found = places(pa.table({"id": pa.arange(0, 200_000)}), ["id"], "hash").to_pylist()
    counts = [found.count(place) for place in range(100)]
    # 2000 rows each give a standard deviation of 44
    assert 1800 < min(counts) < max(counts) < 2200


def test_a_missing_key_or_group_is_bad_data() -> None:
    rows = pa.table({"id": pa.array([1, None, 3]), "name": ["a", "b", "c"]})
    with pytest.raises(BadData, match=r"a\.csv: column 'id' is missing in 1 row; the split needs it in every row \(data\.split\.key\)"):
        of(rows, "hash")
    with pytest.raises(BadSpec, match=r"data\.split\.stratify: 'ok' is not a column"):
        units.of_rows(rows.slice(0, 1), KINDS["stratify"], "a.csv", NOW)


# ---------------------------------------------------------------------------------------------- time as a number


def time(unit: str | None, values: pa.Array, timezone: str = "UTC") -> list[int]:
    lengths = {"valid": 1, "test": 1} if unit in ("year", "step") else {"valid": "1d", "test": "1d"}
    found: list[int] = units.of_rows(
        pa.table({"id": values}), spec(by="time", column="id", unit=unit, timezone=timezone, **lengths), "a.csv", NOW
    ).to_pylist()
    return found


def test_years_and_steps_are_themselves_however_large() -> None:
    assert time("year", pa.array([1960, 2030], pa.int16())) == [1960, 2030]
    assert time("step", pa.array([0, 10**15])) == [0, 10**15]


def test_seconds_and_milliseconds_are_days_of_the_timezone() -> None:
    late = int(datetime(2013, 1, 1, 23, 30, tzinfo=UTC).timestamp())
    assert time("epoch_s", pa.array([late])) == time("epoch_ms", pa.array([late * 1000])) == [15706]
    assert time("epoch_s", pa.array([late]), "Asia/Tokyo") == [15707]


@pytest.mark.parametrize("number", [1_735_689_600_000, 2**62, -(2**63)])
def test_a_number_that_no_calendar_has_is_refused(number: int) -> None:
    words = rf"column 'id' has the value {number}, which as epoch_s is beyond the years 1 to 9999; write unit: epoch_ms if it counts milli"
    with pytest.raises(BadData, match=words):
        time("epoch_s", pa.array([0, number]))
    if abs(number) > 2**61:
        with pytest.raises(BadData, match=r"as epoch_ms is beyond the years 1 to 9999$"):
            time("epoch_ms", pa.array([0, number]))


def test_only_a_clock_has_a_future() -> None:
    with pytest.raises(
        BadData, match=r"column 'id' has the value 1900000000, 2030-03-17, which is in the future; accepted: up to 2026-01-02"
    ):
        time("epoch_s", pa.array([1_900_000_000]))
    with pytest.raises(BadData, match="in the future"):
        time("epoch_s", pa.array([1_400_000_000_000 // 500]))


@pytest.mark.parametrize(
    ("unit", "values", "words"),
    [
        (None, pa.array([1, 2]), "unit: year, step, epoch_s or epoch_ms"),
        (None, pa.array(["a"]), "a timestamp or a date is needed"),
        ("year", pa.array([1.5]), "data.split.unit: year needs whole numbers, but column 'id' is float"),
    ],
)
def test_a_column_that_is_no_time_is_refused(unit: str | None, values: pa.Array, words: str) -> None:
    with pytest.raises(BadSpec) as refused:
        time(unit, values)
    assert words in str(refused.value)
