from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.expressions import ExpressionError
from localargo.expressions.gotext import (
    argo_duration,
    format_duration,
    format_number,
    go_duration,
    go_quote,
    go_value,
    parse_duration,
    strftime,
)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1234567.0, "1.234567e+06"),
        (100000.0, "100000"),
        (1e6, "1e+06"),
        (1e20, "1e+20"),
        (1e21, "1e+21"),
        (123456789.0, "1.23456789e+08"),
        (0.0001, "0.0001"),
        (1e-05, "1e-05"),
        (0.00012345, "0.00012345"),
        (20.5, "20.5"),
        (-0.5, "-0.5"),
        (0.0, "0"),
        (-0.0, "-0"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (42, "42"),
        (1234567, "1234567"),
        (2.0, "2"),
    ],
)
def test_numbers_as_percent_v(number: float, text: str) -> None:
    assert format_number(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_number_reads_back_as_itself(number: float) -> None:
    assert float(format_number(number)) == number


def test_values_as_percent_v() -> None:
    assert go_value([1, "two", None, 2.5, True]) == "[1 two <nil> 2.5 true]"
    assert go_value({"b": 1, "a": ["x"]}) == "map[a:[x] b:1]"
    assert go_value(None) == "<nil>"
    assert go_value([]) == "[]"


def test_quoting() -> None:
    assert go_quote('a"b\\\n\x00é\u200b') == '"a\\"b\\\\\\n\\x00é\\u200b"'


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h2m3s", 3723),
        ("1.5h", 5400),
        ("300ms", 0.3),
        ("-2s", -2),
        ("+2s", 2),
        ("90", 90),
        ("0", 0),
        (".5s", 0.5),
        ("1us", 1e-6),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "x", "1d", "1", "1h2", "s", "1..5s", "-", "1 s", "99999999h"])
def test_what_is_no_duration(text: str) -> None:
    if text == "1":
        assert parse_duration(text) == 1
        return
    with pytest.raises(ExpressionError, match=r"time: .*write it as 30s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("soon", 'time: invalid duration "soon"'),
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        ("1.5", 'time: missing unit in duration "1.5"'),
        ("1h2", 'time: missing unit in duration "1h2"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("1 s", 'time: unknown unit " s" in duration "1 s"'),
        ("99999999h", 'time: invalid duration "99999999h"'),
    ],
)
def test_durations_are_refused_in_the_words_of_go_and_of_argo(text: str, words: str) -> None:
    with pytest.raises(ExpressionError) as told:
        go_duration(text)
    assert str(told.value) == words
    with pytest.raises(ExpressionError) as told:
        argo_duration(text)
    assert str(told.value) == f"unable to parse {text} as a duration: {words}"
    assert argo_duration("90") == 90
    with pytest.raises(ExpressionError, match="missing unit"):
        go_duration("90")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3723, "1h2m3s"),
        (0, "0s"),
        (1.5, "1.5s"),
        (0.3, "300ms"),
        (90, "1m30s"),
        (3600, "1h0m0s"),
        (-1.5, "-1.5s"),
        (2e-6, "2µs"),
        (1e-9, "1ns"),
    ],
)
def test_durations_are_printed_as_in_go(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(-(10**9), 10**9))
def test_a_printed_duration_reads_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize(
    ("letter", "text"),
    [
        ("Y", "2026"),
        ("m", "11"),
        ("d", "04"),
        ("H", "08"),
        ("M", "44"),
        ("S", "57"),
        ("s", "1793781897"),
        ("RFC3339", "2026-11-04T08:44:57Z"),
        ("F", "2026-11-04"),
        ("y", "26"),
        ("e", " 4"),
    ],
)
def test_creation_time_by_letter(letter: str, text: str) -> None:
    assert strftime(1793781897.25, letter) == text


def test_an_unknown_letter_is_named() -> None:
    with pytest.raises(ExpressionError, match="'Q'"):
        strftime(0, "Q")
