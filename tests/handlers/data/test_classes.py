"""Which class a value is, beyond what a whole transform shows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.contracts import BadSpec
from handlers.data import classes, statistics
from handlers.data.classes import Classes
from handlers.modelspec.model import ModelSpec


def spec(*names: Any, **target: Any) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "m",
            "task": "binary" if len(names) == 2 else "multiclass",
            "data": {
                "sources": {"incoming": {"prefix": "incoming/m/", "format": "parquet"}},
                "target": {"column": "y", "classes": list(names), **target},
                "split": {"by": "time", "column": "day", "valid": "1d", "test": "1d"},
            },
            "model": {"estimator": "sklearn.linear_model.SGDClassifier"},
            "evaluate": {"select_by": "log_loss"},
        }
    )


@given(st.lists(st.none() | st.integers(-3, 3), max_size=20), st.permutations([-1, 0, 1, 2]))
def test_the_type_of_the_column_does_not_matter(values: list[int | None], names: list[int]) -> None:
    of = spec(*names)
    expected = [names.index(v) if v in names else -1 for v in values]
    as_text = [None if v is None else str(v) for v in values]
    for column in (pa.array(values, pa.int64()), pa.array(values, pa.float64()), pa.array(as_text, pa.string())):
        whole = pa.chunked_array([column.slice(0, 7), column.slice(7)])
        known = classes.of_column(of, whole)
        assert known.codes(whole).to_pylist() == expected
        found = statistics.of_table(pa.table({"y": whole}), ["y"])["y"]
        assert known.counted(found) == set(expected) - {-1}


def test_more_classes_than_are_counted_are_all_there() -> None:
    names = [n / 2 for n in range(300)]
    found = statistics.of_table(pa.table({"y": names}), ["y"])["y"]
    assert "buckets" in found
    assert len(Classes(spec(*names), "float").counted(found)) == 300
    assert Classes(spec(*names), "float").counted({"count": 2, "missing": 2, "n": 0}) == set()


def test_integers_beyond_floats_stay_apart() -> None:
    known = Classes(spec(2**60, 2**60 + 1, 3), "int")
    assert known.codes(pa.chunked_array([[2**60 + 1, 2**60, 2**60 + 2]])).to_pylist() == [1, 0, -1]


@pytest.mark.parametrize("names", [(1, True), (1, 1.0), (0, "0"), (True, "true"), ("a", "a")])
def test_a_class_that_no_row_can_tell_apart_occurs_twice(names: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="a class occurs twice"):
        spec(*names)


def test_texts_that_are_one_number_are_classes_of_texts_alone() -> None:
    column = pa.chunked_array([["01", "1", "1.0"]])
    assert classes.of_column(spec("1", "01"), column).codes(column).to_pylist() == [1, 0, -1]
    assert classes.of_column(spec("a", "A"), pa.chunked_array([["A"]])).codes(pa.chunked_array([["A"]])).to_pylist() == [1]
    with pytest.raises(BadSpec, match=r"data\.target\.classes: '1' is the same as another class in a column that is int"):
        Classes(spec("1", "01"), "int")


def test_the_positive_class_is_found_by_its_number() -> None:
    assert Classes(spec(1, 0, positive=True), "int").positive == 0
