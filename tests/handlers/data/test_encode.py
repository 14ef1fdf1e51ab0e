"""Each type of feature as columns, and what holds for all: rows are encoded one by one, and features that are not served are not seen."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.contracts import BadData
from handlers.data import encode, statistics
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset
from handlers.modelspec.model import Feature, ModelSpec

SPEC = ModelSpec.model_validate(
    {
        "name": "m",
        "task": "regression",
        "data": {
            "sources": {"incoming": {"prefix": "incoming/m/", "format": "parquet"}},
            "target": {"column": "y"},
            "split": {"by": "time", "column": "t", "valid": "1d", "test": "1d"},
        },
        "model": {"estimator": "sklearn.linear_model.SGDRegressor"},
        "evaluate": {"select_by": "mae"},
    }
)
INSTANT = pa.timestamp("us", tz="UTC")
VECTOR = pa.list_(pa.float64())


def encoder(train: pa.Table, **features: dict[str, Any]) -> Encoder:
    """The encoder that train's statistics make, for features of the same names as its columns."""
    made = {name: Feature.model_validate(feature) for name, feature in features.items()}
    return Encoder(Dataset("d", [], {}, statistics.of_table(train, list(made)), made, {}), SPEC)


def column(values: list[Any], kind: pa.DataType, **feature: Any) -> Any:
    """One column of values, encoded by its own statistics."""
    table = pa.table({"x": pa.array(values, kind)})
    return dense(encoder(table, x=feature).encode(table))


def dense(found: Any) -> Any:
    return found.toarray() if hasattr(found, "toarray") else found


# ------------------------------------------------------------------------------------------------------ numbers and booleans


def test_missing_numbers_are_the_median() -> None:
    assert column([1, None, 100, float("nan"), 2], pa.float64(), type="number", missing="median")[:, 0].tolist() == [1, 2, 100, 2, 2]
    assert column([1, None, 100, 2], pa.int64(), type="number", missing="median")[:, 0].tolist() == [1, 2, 100, 2]


def test_outliers_are_cut_at_quantiles_of_train() -> None:
    table = pa.table({"x": [float(n) for n in range(100)] + [1e9]})
    of = encoder(table, x={"type": "number", "clip": [0.01, 0.99]})
    found = of.encode(pa.table({"x": [-1e9, 50.0, None, float("inf"), 1e9]}))
    mean = float(np.clip(table["x"].to_numpy(), 1, 99).mean())
    assert found[:, 0].tolist() == [1.0, 50.0, mean, mean, 99.0]


def test_a_scale_is_that_of_the_clipped_numbers() -> None:
    values = np.array([float(n) for n in range(100)] + [1e9])
    found = column(values.tolist(), pa.float64(), type="number", clip=[0.01, 0.99], scale="standard")[:, 0]
    assert (found.mean(), found.std()) == (pytest.approx(0, abs=1e-12), pytest.approx(1))


@pytest.mark.parametrize(("missing", "value"), [(None, 0.0), (False, 0.0), (True, 1.0), ("mean", 0.75), ("keep", math.nan)], ids=str)
def test_a_missing_boolean_is_what_the_spec_says(missing: Any, value: float) -> None:
    found = column([True, None, True, True, False], pa.bool_(), type="boolean", missing=missing)[:, 0]
    assert np.array_equal(found, [1, value, 1, 1, 0], equal_nan=True)


def test_a_boolean_may_be_a_number_with_a_mean() -> None:
    assert column([True, None, False], pa.bool_(), type="number")[:, 0].tolist() == [1, 0.5, 0]


def test_numbers_side_by_side_are_what_each_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "BLOCK_ROWS", 7)
    random = np.random.default_rng(3)
    kinds: list[dict[str, Any]] = [{"missing": "keep"}, {"scale": "standard"}, {"clip": [0.1, 0.9], "missing": "median"}, {"missing": 7}]
    features: dict[str, Any] = {f"x{n}": {"type": "number", **kinds[n % 4]} for n in range(2 * encode.TOGETHER + 3)}
    features["x3"] = {"type": "timestamp", "units": ["hour"]}
    columns: dict[str, Any] = {name: random.normal(size=20) * 10.0 ** random.integers(-9, 9) for name in features}
    for values in columns.values():
        values[random.integers(0, 20, 3)] = [float("nan"), float("inf"), float("-inf")]
    columns["x3"] = pa.array([datetime(2026, 1, 1, n) for n in range(20)], INSTANT)
    columns["b"], features["b"] = [True, None] * 10, {"type": "boolean"}
    table = pa.table(columns)
    apart = [encoder(table, **{name: feature}).encode(table) for name, feature in features.items()]
    assert encoder(table, **features).encode(table).tobytes() == np.column_stack(apart).tobytes()


# ------------------------------------------------------------------------------------------------------------------- times


def test_units_are_those_of_the_zone_s_clock() -> None:
    values = [datetime(2026, 3, 1, 23, 30, tzinfo=UTC), datetime(2026, 12, 31, 22, 59, tzinfo=UTC), None]
    units = ["minute", "hour", "weekday", "day", "month", "dayofyear", "year"]
    found = column(values, INSTANT, type="timestamp", units=units, cyclic=False, timezone="Europe/Berlin")
    assert found[:2].tolist() == [[30, 0, 0, 2, 3, 61, 2026], [59, 23, 3, 31, 12, 365, 2026]]
    assert found[2, :6].tolist() == [29.5, 11.5, 3, 16, 6.5, 183.5], "the middle of each unit"
    assert found[2, 6] == pytest.approx(2026.58, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))
def test_a_cyclic_unit_is_a_point_on_its_circle(value: datetime) -> None:
    found = column([value, None], INSTANT, type="timestamp", units=["minute", "hour", "weekday", "day", "month", "dayofyear"])
    turns = [value.minute / 60, value.hour / 24, value.weekday() / 7, (value.day - 1) / 31, (value.month - 1) / 12]
    turns.append((value.timetuple().tm_yday - 1) / 366)
    expected = [f(2 * math.pi * turn) for turn in turns for f in (math.sin, math.cos)]
    assert found[0] == pytest.approx(expected, abs=1e-12)
    assert found[1].tolist() == [0.0] * 12


@pytest.mark.parametrize("kind", [INSTANT, pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("s", tz="Asia/Tokyo")], ids=str)
def test_epoch_is_seconds_and_scaled_where_asked(kind: pa.DataType) -> None:
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(3)]
    values = [t if pa.types.is_timestamp(kind) and kind.tz else t.replace(tzinfo=None) for t in times]
    assert column(values, kind, type="timestamp", units=["epoch"])[:, 0].tolist() == [t.timestamp() for t in times]
    found = column([*values, None], kind, type="timestamp", units=["epoch", "year"], scale="standard")
    assert found[:, 0] == pytest.approx([-math.sqrt(1.5), 0, math.sqrt(1.5), 0])
    assert abs(found[:, 1]).max() < 0.1, "in years, which hardly differ"


def test_a_date_has_units_too() -> None:
    found = column([date(2026, 3, 2), None], pa.date32(), type="timestamp", units=["weekday", "epoch"], timezone="America/New_York")
    assert found.tolist() == [[0, 1, date(2026, 3, 2).toordinal() * 86400 - date(1970, 1, 1).toordinal() * 86400], [0, 0, found[0, 2]]]


def test_units_have_names() -> None:
    table = pa.table({"x": pa.array([datetime(2026, 1, 1)], INSTANT)})
    assert encoder(table, x={"type": "timestamp", "units": ["year", "hour"]}).names == ["x.year", "x.hour.sin", "x.hour.cos"]
    assert encoder(table, x={"type": "timestamp", "units": ["hour"], "cyclic": False}).names == ["x.hour"]


# ---------------------------------------------------------------------------------------------------------- vectors and texts


@pytest.mark.parametrize("kind", [VECTOR, pa.list_(pa.float32(), 2), pa.large_list(pa.int16())], ids=str)
def test_a_vector_is_its_numbers(kind: pa.DataType) -> None:
    assert column([[1, 2], None, [3, None]], kind, type="vector", size=2).tolist() == [[1, 2], [0, 0], [3, 0]]


def test_what_is_not_finite_in_a_vector_is_zero() -> None:
    assert column([[math.nan, math.inf]], VECTOR, type="vector", size=2).tolist() == [[0, 0]]


def test_a_vector_of_another_length_is_named() -> None:
    with pytest.raises(BadData, match=r"column 'x' has a vector of 3 numbers; features.x.size is 2"):
        column([[1, 2], [1, 2, 3]], VECTOR, type="vector", size=2)


def test_a_text_is_its_n_grams() -> None:
    from sklearn.feature_extraction.text import HashingVectorizer

    texts = ["Late late again", "", "un petit Déjà-vu"]
    expected = HashingVectorizer(n_features=256, ngram_range=(1, 2)).transform(texts).toarray()
    found = column([*texts, None], pa.string(), type="text", ngrams=[1, 2], hash=256)
    assert np.array_equal(found[:3], expected)
    assert not found[3].any()
    chars = HashingVectorizer(n_features=64, ngram_range=(3, 3), analyzer="char", lowercase=False).transform(texts).toarray()
    assert np.array_equal(column(texts, pa.string(), type="text", ngrams=[3, 3], analyzer="char", lowercase=False, hash=64), chars)


def test_a_text_has_65536_columns_unless_told() -> None:
    table = pa.table({"x": ["a text"]})
    of = encoder(table, x={"type": "text"})
    assert (of.width, of.encode(table).shape, of.encode(table).nnz) == (65536, (1, 65536), 1)


def test_columns_stand_in_the_order_of_the_features() -> None:
    """Whatever stands beside it, a feature's columns are those that it has alone; what has no column of its own has no place."""
    table = pa.table(
        {"a": [1.0, None, 0.0], "c": ["x", None, "z"], "t": ["one two", None, "two"], "b": [True, False, None], "d": ["u", "u", "v"]}
    )
    features: dict[str, dict[str, Any]] = {
        "a": {"type": "number"},
        "c": {"type": "category"},
        "t": {"type": "text", "hash": 8},
        "b": {"type": "boolean"},
        "d": {"type": "category", "hash": 4},
    }
    for names in ("actbd", "tcadb", "cab", "dcb", "ct"):
        found = encoder(table, **{name: features[name] for name in names}).encode(table)
        alone = [dense(encoder(table, **{name: features[name]}).encode(table)) for name in names]
        assert found.has_sorted_indices
        assert found.toarray().tolist() == np.column_stack(alone).tolist()


# ------------------------------------------------------------------------------------------------------------------ all types

FEATURES: dict[str, dict[str, Any]] = {
    "n": {"type": "number", "missing": "median", "clip": [0.1, 0.9], "scale": "standard"},
    "c": {"type": "category", "default": "UNK", "min_count": 2},
    "h": {"type": "category", "hash": 8},
    "b": {"type": "boolean"},
    "t": {"type": "timestamp", "units": ["hour", "epoch"], "scale": "standard"},
    "v": {"type": "vector", "size": 2},
    "s": {"type": "text", "hash": 16},
}
rows = st.fixed_dictionaries(
    {
        "n": st.none() | st.floats(-1e6, 1e6) | st.just(math.nan),
        "c": st.none() | st.sampled_from(["a", "b", "c"]),
        "h": st.none() | st.text(max_size=3),
        "b": st.none() | st.booleans(),
        "t": st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),
        "v": st.none() | st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2),
        "s": st.none() | st.text(max_size=12),
    }
)
SCHEMA = pa.schema(
    {"n": pa.float64(), "c": pa.string(), "h": pa.string(), "b": pa.bool_(), "t": INSTANT, "v": VECTOR, "s": pa.string()}.items()
)


@settings(max_examples=40, deadline=None)
@given(st.lists(rows, min_size=1, max_size=12), st.integers(0, 12), st.sets(st.sampled_from(sorted(FEATURES)), min_size=1))
def test_rows_are_encoded_one_by_one(values: list[dict[str, Any]], at: int, names: set[str]) -> None:
    table = pa.Table.from_pylist(values, SCHEMA)
    of = encoder(table, **{name: FEATURES[name] for name in sorted(names)})
    whole = dense(of.encode(table))
    assert whole.shape == (len(values), of.width) == (len(values), len(of.names))
    parts = [table.slice(0, at), table.slice(at)]
    assert np.array_equal(np.vstack([dense(of.encode(part)) for part in parts]), whole)
    assert np.array_equal(dense(of.encode(pa.concat_tables(parts))), whole), "chunks do not matter"
    assert np.isfinite(whole).all()


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_what_is_not_served_is_missing_where_it_is_scored(name: str) -> None:
    values = [
        {"n": float(i), "c": "ab"[i % 2], "h": str(i), "b": True, "t": datetime(2026, 1, 1 + i), "v": [1.0, i], "s": "text"}
        for i in range(8)
    ]
    table = pa.Table.from_pylist(values, SCHEMA)
    missing = table.set_column(SCHEMA.get_field_index(name), name, pa.nulls(8, SCHEMA.field(name).type))
    features = {**FEATURES, name: {**FEATURES[name], "serve": False}}
    of = encoder(table, **features)
    assert not np.array_equal(dense(of.encode(table)), dense(of.encode(missing)))
    assert np.array_equal(dense(of.encode(table, scoring=True)), dense(of.encode(missing)))
    assert np.array_equal(dense(of.encode(table.drop_columns([name]), scoring=True)), dense(of.encode(missing)))
    assert of.served == [other for other in FEATURES if other != name]


def test_numbers_and_categories_are_what_they_have_always_been() -> None:
    """Digests of what the first release gave: a champion that it trained is still asked with the same rows."""
    counts = {f"v{n}": n for n in range(9)}
    known = {
        "x": {"count": 99, "missing": 0, "n": 99, "mean": 10.125, "m2": 891.0, "min": 0.0, "max": 20.0},
        "b": {"count": 99, "missing": 0, "counts": {"true": 40}},
        "c": {"count": 99, "missing": 0, "counts": counts},
    }
    table = pa.table({"x": [1.5, None, math.nan, 7.25] * 5, "b": [True, None, False, True] * 5, "c": ["v1", "v5", None, "other"] * 5})
    features: list[dict[str, dict[str, Any]]] = [
        {"x": {"type": "number", "scale": "standard"}, "b": {"type": "boolean"}},
        {"x": {"type": "number", "missing": -1}, "c": {"type": "category", "default": "UNK", "min_count": 3}, "b": {"type": "number"}},
        {"c": {"type": "category", "hash": 64}, "x": {"type": "number", "missing": "keep"}},
    ]
    assert [digest(known, each, table) for each in features] == ["3e2a9ea9178cf4eb", "92dc72ebc9327d8a", "0cc29bc7bc987d45"]


def digest(known: dict[str, Any], features: dict[str, dict[str, Any]], table: pa.Table) -> str:
    made = {name: Feature.model_validate(feature) for name, feature in features.items()}
    found = Encoder(Dataset("d", [], {}, known, made, {}), SPEC).encode(table)
    arrays = [found] if isinstance(found, np.ndarray) else [found.data, found.indices, found.indptr]
    return hashlib.sha256(b"".join(str(a.dtype).encode() + np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()[:16]
