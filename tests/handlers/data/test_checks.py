"""What `checks.<column>.allowed` takes for the same value: what a target's classes take for it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from handlers.contracts import BadData
from handlers.data.checks import RowChecks
from tests.handlers.data.test_encode import SPEC


def check(values: pa.Array, allowed: list[Any]) -> None:
    spec = SPEC.model_validate({**SPEC.tree(), "checks": {"x": {"allowed": allowed}}})
    RowChecks(spec, "incoming/m/a.csv").block(pa.table({"x": values}))


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        (pa.array([1.0, 0.5, None, float("nan")]), [1, 0.5]),
        (pa.array([1.0, 0.0]), [1.0, 0.0]),
        (pa.array([1, 0]), [1.0, 0.0]),
        (pa.array([1, 0]), ["1", "0"]),
        (pa.array([True, None]), [True]),
        (pa.array([True, False]), [0, 1]),
        (pa.array(["a", "1.0", None]), ["a", 1]),
        (pa.array(["2026-01-01"]).cast(pa.date32()), ["2026-01-01"]),
    ],
    ids=str,
)
def test_the_same_number_or_text_is_allowed(values: pa.Array, allowed: list[Any]) -> None:
    check(values, allowed)


@pytest.mark.parametrize(
    ("values", "allowed", "shown"),
    [
        (pa.array([1.0, 0.25]), [1, 0.5], "0.25; checks.x.allowed has 1, 0.5"),
        (pa.array([2]), [True, False], "2; checks.x.allowed has true, false"),
        (pa.array(["A"]), ["a", "b"], "'A'; checks.x.allowed has a, b"),
        (pa.array(["1.0"]), ["1"], "'1.0'; checks.x.allowed has 1"),
    ],
    ids=str,
)
def test_another_value_is_named(values: pa.Array, allowed: list[Any], shown: str) -> None:
    with pytest.raises(BadData) as refused:
        check(values, allowed)
    assert str(refused.value) == f"incoming/m/a.csv: column 'x' has the value {shown}"
