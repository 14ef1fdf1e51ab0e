"""A type is guessed from values; whatever the values, each of them can be read as what was guessed."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.explore.shapes import DOUBTFUL, MISSING, Guess, guessed

FEW = settings(max_examples=40, deadline=None)
TOKENS = st.lists(st.sampled_from(sorted(MISSING)), max_size=5)


def texts(values: list[Any]) -> list[str]:
    return [str(value) for value in values]


@FEW
@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1), TOKENS)
def test_whole_numbers_are_int_whatever_stands_for_missing(values: list[int], tokens: list[str]) -> None:
    assert guessed([*texts(values), *tokens]) == Guess("int", tuple(sorted(set(tokens))))


@FEW
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), TOKENS)
def test_numbers_are_float(values: list[float], tokens: list[str]) -> None:
    assert guessed([*map(repr, values), *tokens]).type == "float"


@FEW
@given(st.lists(st.dates(min_value=date(1000, 1, 1)), min_size=1), TOKENS)
def test_iso_dates_are_date(values: list[date], tokens: list[str]) -> None:
    assert guessed([*texts(values), *tokens]) == Guess("date", tuple(sorted(set(tokens))))


@FEW
@given(
    st.lists(st.datetimes(min_value=datetime(1000, 1, 1)), min_size=1), st.sampled_from(["T", " "]), st.sampled_from(["", "Z", "+02:00"])
)
def test_iso_instants_are_timestamp(values: list[datetime], between: str, zone: str) -> None:
    assert guessed([value.isoformat(between) + zone for value in values]).type == "timestamp"


@FEW
@given(st.lists(st.dates(min_value=date(1900, 1, 1)), min_size=1), st.sampled_from(["%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y %H:%M", "%Y/%m/%d"]))
def test_other_dates_keep_their_format(values: list[date], form: str) -> None:
    written = [datetime(value.year, value.month, value.day, 7, 5).strftime(form) for value in values]
    found = guessed(written)
    assert found.type == ("timestamp" if "%H" in form else "date")
    assert all(datetime.strptime(text, found.dates) for text in written)
    if any(value.day > 12 for value in values):
        assert (found.dates, found.other_order) == (form, "")


@FEW
@given(st.lists(st.text(max_size=8) | st.integers().map(str) | st.sampled_from(sorted(DOUBTFUL | MISSING)), max_size=30))
def test_every_value_can_be_read_as_what_was_guessed(values: list[str]) -> None:
    found = guessed(values)
    for value in values:
        if value in found.nulls:
            continue
        text = value.strip()
        if found.type == "int":
            assert -(1 << 63) <= int(text) < 1 << 63
        elif found.type == "float":
            assert math.isfinite(float(text.replace(",", "." if found.decimal == "," else "")))
        elif found.type == "boolean":
            assert text.lower() in ("true", "false")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["130", "165", "?", "?", "90"], Guess("int", ("?",))),
        ([" 130", " ?"], Guess("int", (" ?",))),
        (["39.1", "NA", "40"], Guess("float", ("NA",))),
        (["0", "1", "1"], Guess("int")),
        (["True", "FALSE"], Guess("boolean")),
        (["yes", "no"], Guess("string")),
        (["007", "012"], Guess("string")),
        (["1,5", "2", "1000,25"], Guess("float", decimal=",")),
        (["1,234.5", "12", "1,000,000"], Guess("float", thousands=",")),
        (["1", "2", "3", "-"], Guess("int", ("-",), ("-",))),
        ([*map(str, range(30)), "broken"], Guess("int", ("broken",), ("broken",))),
        (["1", "2", "a", "b"], Guess("string")),
        (["A1", "?", "None"], Guess("string", ("?",))),
        (["2020-02-30"], Guess("string")),
        (["18446744073709551616"], Guess("float")),
        ([1, 2.5, None], Guess("float", ("",))),
        ([True, False], Guess("boolean")),
        ([1, True], Guess(None)),
        ([[1], [2]], Guess(None)),
        ([], Guess("string")),
    ],
)
def test_what_people_write(values: list[Any], found: Guess) -> None:
    assert guessed(values) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["1", "2"], "string"),
        (["1", 1], None),
        (["2020-01-01", None], "date"),
        (["", "?"], "string"),
        ([1, 2.5, None], "float"),
        ([{"a": 1}], None),
    ],
)
def test_a_text_in_json_is_text(values: list[Any], found: str | None) -> None:
    assert guessed(values, typed=True).type == found
