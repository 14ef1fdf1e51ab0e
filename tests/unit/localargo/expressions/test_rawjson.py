from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from localargo.expressions import ExpressionError
from localargo.expressions.rawjson import Number, dumps, float_text, indented, loads, loads_go, loads_plain

NUMBERS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?\Z")
TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | NUMBERS.map(Number),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@given(TREES)
def test_what_is_written_reads_back_with_every_number_as_it_was(tree: Any) -> None:
    for html in (False, True):
        assert loads(dumps(tree, html=html)) == tree
        assert loads(dumps(tree, html=html, sort=False)) == tree


@given(NUMBERS)
def test_a_number_keeps_its_text(text: str) -> None:
    assert dumps(loads(f"[{text}]")) == f"[{text}]"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back_as_itself(number: float) -> None:
    assert float(float_text(number)) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (1234567.0, "1234567"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (42.0, "42"),
        (20.5, "20.5"),
        (-0.0, "-0"),
        (1e-5, "0.00001"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
    ],
)
def test_floats_as_encoding_json_prints_them(number: float, text: str) -> None:
    assert float_text(number) == text


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_has_no_number_for(number: float) -> None:
    with pytest.raises(ExpressionError, match="unsupported value"):
        dumps({"x": [number]})


def test_output_is_gos() -> None:
    assert dumps({"b": 1, "a": [True, None, "ü"], "c": {}}) == '{"a":[true,null,"ü"],"b":1,"c":{}}'
    assert dumps({"b": 1, "a": 2}, sort=False) == '{"b":1,"a":2}'
    assert dumps({"<k>": "a&b<c>\u2028"}, html=True) == '{"\\u003ck\\u003e":"a\\u0026b\\u003cc\\u003e\\u2028"}'
    assert dumps("a&b<c>") == '"a&b<c>"'
    assert dumps("\ud800") == '"\ufffd"'
    assert indented({"b": [1, []], "a": {}}) == '{\n  "a": {},\n  "b": [\n    1,\n    []\n  ]\n}'


def test_objects_of_python_are_no_json() -> None:
    with pytest.raises(ExpressionError, match="unsupported type: object"):
        dumps([object()])


def test_number_kinds() -> None:
    assert loads("[1.0, 12345678901234567, 1e-05]") == [Number("1.0"), Number("12345678901234567"), Number("1e-05")]
    assert [type(found) for found in loads_plain("[1, 1.0, 1e2, 99999999999999999999]")] == [int, float, float, float]
    assert [type(found) for found in loads_go("[1, 1.0]")] == [float, float]
    assert float(Number("1e-05")) == 1e-05
    assert str(Number("1.0")) == "1.0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unexpected end of JSON input"),
        ("  ", "unexpected end of JSON input"),
        ("[1", "unexpected end of JSON input"),
        ('"abc', "unexpected end of JSON input"),
        ("nope", "invalid character 'n' looking for beginning of value"),
        ("[1] x", "invalid character 'x' after top-level value"),
        ("{a: 1}", "invalid character 'a' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ("[1 2]", "invalid character '2' after array element"),
        ("[NaN]", "invalid character 'N' looking for beginning of value"),
        ("[" * 100_000, "exceeded max depth"),
    ],
)
def test_errors_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        loads(text)


def int64(text: str) -> int | float:
    return int(text) if -(2**63) <= int(text) < 2**63 else float(text)


@given(st.text(max_size=30))
@example("9223372036854775809")
def test_any_text_parses_as_the_standard_library_says(text: str) -> None:
    assume("NaN" not in text and "Infinity" not in text)
    try:
        expected = json.loads(text, parse_int=int64)
    except (ValueError, RecursionError):
        with pytest.raises(ExpressionError):
            loads_plain(text)
    else:
        assert loads_plain(text) == expected
