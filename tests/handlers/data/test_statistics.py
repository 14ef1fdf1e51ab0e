"""Statistics of parts merge to those of the whole."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from handlers.data.statistics import LIMIT, deviation, merge, of_table

numbers = st.lists(st.none() | st.floats(-1e6, 1e6), max_size=40)
texts = st.lists(st.none() | st.sampled_from(["a", "b", "c"]), max_size=40)


@given(numbers, st.integers(0, 40))
def test_two_halves_have_the_moments_of_the_whole(values: list[float | None], at: int) -> None:
    table = pa.table({"x": pa.array(values, pa.float64())})
    whole = of_table(table, ["x"])["x"]
    merged = merge([of_table(table.slice(0, at), ["x"]), of_table(table.slice(at), ["x"])])["x"]
    assert {k: merged.get(k) for k in ("count", "missing", "n", "min", "max")} == {
        k: whole.get(k) for k in ("count", "missing", "n", "min", "max")
    }
    if whole["n"]:
        assert math.isclose(merged["mean"], whole["mean"], rel_tol=1e-9, abs_tol=1e-6)
        assert (
            math.isclose(deviation(merged), deviation(whole), rel_tol=1e-6, abs_tol=1e-4)
            or deviation(whole) == 1.0
            or deviation(merged) == 1.0
        )


@given(texts, st.integers(0, 40))
def test_two_halves_have_the_counts_of_the_whole(values: list[str | None], at: int) -> None:
    table = pa.table({"s": pa.array(values, pa.string())})
    assert merge([of_table(table.slice(0, at), ["s"]), of_table(table.slice(at), ["s"])]) == of_table(table, ["s"])


def test_too_many_values_are_not_counted_one_by_one() -> None:
    many = pa.table({"s": [str(i) for i in range(LIMIT + 1)]})
    assert "counts" not in of_table(many, ["s"])["s"]
    assert "counts" not in merge([of_table(many, ["s"]), of_table(pa.table({"s": ["a"]}), ["s"])])["s"]


def test_what_is_not_finite_counts_as_missing() -> None:
    found = of_table(pa.table({"x": [1.0, float("nan"), float("inf"), None]}), ["x"])["x"]
    assert (found["count"], found["missing"], found["n"], found["mean"]) == (4, 3, 1, 1.0)


def test_a_column_that_does_not_vary_scales_by_one() -> None:
    assert deviation(of_table(pa.table({"x": [5.0, 5.0]}), ["x"])["x"]) == 1.0


def test_numbers_and_booleans_have_moments() -> None:
    found = of_table(pa.table({"i": [2**53 + 1, 1], "b": [True, False]}), ["i", "b"])
    assert (found["i"]["max"], found["b"]["mean"], found["b"]["counts"]) == (2.0**53, 0.5, {"false": 1, "true": 1})


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "i": st.none() | st.integers(-5, 5),
                "b": st.none() | st.booleans(),
                "t": st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),
                "v": st.none() | st.lists(st.floats(-1, 1), max_size=3),
            }
        ),
        max_size=20,
    ),
    st.integers(0, 20),
    st.integers(0, 20),
)
def test_only_the_sums_of_floats_depend_on_how_parts_are_grouped(rows: list[dict[str, Any]], a: int, b: int) -> None:
    schema = pa.schema({"i": pa.int64(), "b": pa.bool_(), "t": pa.timestamp("us", tz="UTC"), "v": pa.list_(pa.float64())}.items())
    table = pa.Table.from_pylist(rows, schema)
    first, last = sorted((a, b))
    parts = [of_table(part, schema.names) for part in (table.slice(0, first), table.slice(first, last - first), table.slice(last))]
    one, two = merge(parts), merge([merge(parts[2:]), merge(parts[:2])])
    assert exact(one) == exact(two) == exact(merge([of_table(table, schema.names), of_table(table.slice(0, 0), schema.names)]))


def exact(found: Any) -> Any:
    """Statistics without what sums of floats give."""
    return {key: exact(value) for key, value in found.items() if key not in ("mean", "m2")} if isinstance(found, dict) else found
