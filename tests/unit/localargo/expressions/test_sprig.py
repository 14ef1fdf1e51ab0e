from __future__ import annotations

from typing import Any

import pytest

from localargo.expressions import ExpressionError, sprig
from localargo.expressions.goprintf import sprintf
from localargo.expressions.gotime import parse_time
from localargo.expressions.rawjson import Number, loads

MOMENT = parse_time("2006-01-02T15:04:05Z", "2024-03-04T05:06:07Z")


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("trunc", [3, "abcdef"], "abc"),
        ("add", ["1", 2.7, True], 4),
        ("add", [2**63 - 1, 1], -(2**63)),
        ("int64", ["0b101"], 5),
        ("int64", ["017"], 15),
        ("int64", ["1.0"], 1),
        ("int64", ["x"], 0),
        ("int64", [None], 0),
        ("float64", ["1e2"], 100.0),
        ("float64", ["x"], 0.0),
        ("atoi", ["-7"], -7),
        ("atoi", ["x"], 0),
        ("round", [2.345, 2], 2.35),
        ("round", [2.345, 2, 0.6], 2.34),
        ("mod", [-7, 3], -1),
        ("minf", [1, 0.5], 0.5),
        ("ceil", ["1.2"], 2.0),
        ("dict", ["a", 1, "b"], {"a": 1, "b": ""}),
        ("set", [{"a": 1}, "b", 2], {"a": 1, "b": 2}),
        ("unset", [{"a": 1}, "a"], {}),
        ("values", [{"b": 1, "a": 2}], [2, 1]),
        ("regexReplaceAll", ["a(x*)b", "-ab-axxb-", "${1}W"], "-W-xxW-"),
        ("regexSplit", ["z+", "pizza", 2], ["pi", "a"]),
        ("b32enc", ["a"], "ME======"),
        ("b32dec", ["ME======"], "a"),
        ("b32dec", ["!"], "illegal base32 data at input byte 0"),
        (
            "sha512sum",
            [""],
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        ),
        ("durationRound", ["400h"], "17d"),
        ("durationRound", [90_000_000_000], "2m"),
        ("durationRound", ["500ms"], "0s"),
        ("duration", [95], "1m35s"),
        ("date", ["2006", MOMENT], "2024"),
        ("date", ["15:04", 3600], "01:00"),
        ("dateInZone", ["15:04", MOMENT, "Europe/Berlin"], "06:06"),
        ("dateInZone", ["15:04", MOMENT, "Nowhere"], "05:06"),
        ("unixEpoch", [MOMENT], "1709528767"),
        ("htmlDateInZone", [MOMENT, "UTC"], "2024-03-04"),
        ("mustFromJson", ['{"a":[1]}'], {"a": [1.0]}),
        ("fromJson", ["{"], None),
        ("toPrettyJson", [{"a": 1}], '{\n  "a": 1\n}'),
        ("merge", [{"a": {"x": 1}}, {"a": {"x": 2, "y": 3}}], {"a": {"x": 1, "y": 3}}),
        ("dig", ["a", "b", 0, {"a": {"b": 5}}], 5),
        ("dig", ["a", "z", 0, {"a": {"b": 5}}], 0),
        ("has", ["a", None], False),
        ("kindIs", ["slice", []], True),
        ("typeIs", ["string", ""], True),
        ("chunk", [2, [1, 2, 3]], [[1, 2], [3]]),
        ("splitn", ["$", 2, "a$b$c"], {"_0": "a", "_1": "b$c"}),
        ("initials", ["First Try"], "FT"),
        ("seq", [5, 1], "5 4 3 2 1"),
        ("seq", [0, 2, 5], "0 2 4"),
        ("until", [-2], [0, -1]),
        ("plural", ["one", "many", 1], "one"),
        ("base", [""], "."),
        ("dir", ["a"], "."),
        ("clean", ["//a/./b"], "/a/b"),
        ("ext", ["a.b/c"], ""),
        ("deepEqual", [[1], [1.0]], True),
        ("toJson", [loads("[1e-05, 1.0]")], "[0.00001,1]"),
    ],
)
def test_values(name: str, arguments: list[Any], expected: Any) -> None:
    assert sprig.call(name, arguments) == expected


def test_a_set_leaves_the_map_that_was_given() -> None:
    given = {"a": {"x": 1}}
    sprig.call("set", [given, "b", 2])
    sprig.call("mergeOverwrite", [given, {"a": {"x": 9}}])
    assert given == {"a": {"x": 1}}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("nope", [], 'function "nope" not defined'),
        ("upper", [5], "upper: wrong type for value; expected string; got int"),
        ("upper", [None], "invalid value; expected string"),
        ("upper", [], "wrong number of args for upper: want 1 got 0"),
        ("trunc", [3], "want 2 got 1"),
        ("div", [1, 0], "divide by zero"),
        ("divf", [1, 0], "division by 0"),
        ("addf", [float("inf")], "NaN or Inf"),
        ("fail", ["boom"], "^boom$"),
        ("repeat", [-1, "x"], "negative"),
        ("repeat", [10**9, "x"], "memory budget"),
        ("untilStep", [0, 10**9, 1], "longer than"),
        ("chunk", [0, []], "must be positive"),
        ("slice", [[1], 5], "out of range"),
        ("regexFind", ["(", "x"], "missing closing"),
        ("dig", ["a", 0, "x"], "dig: needs"),
        ("indent", [-1, "x"], "out of range"),
        ("mustToDate", ["2006", "x"], "parsing time"),
        ("mustDateModify", ["x", MOMENT], "invalid duration"),
        ("max", [], "at least 1"),
        ("regexReplaceAll", ["", "x" * 10_000, "y" * 10_000], "memory budget"),
    ],
)
def test_errors(name: str, arguments: list[Any], message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        sprig.call(name, arguments)


def test_raw_numbers_are_numbers() -> None:
    assert sprig.call("add", [Number("2"), Number("3")]) == 5


def test_the_current_time_is_not_used() -> None:
    with pytest.raises(ExpressionError, match="a time is needed, not string"):
        sprig.call("date", ["2006", "no time"])
    assert sprig.call("dateModify", ["x", MOMENT]) == MOMENT


def test_every_function_refuses_nonsense_with_an_expression_error() -> None:
    odd: list[Any] = [None, True, 5, -1, 2.5, float("nan"), "", "a(", [], [None, [1]], {}, {"a": None}, MOMENT]
    for name in sorted(sprig.names()):
        for arguments in [[], *[[one] for one in odd], *[[one, two] for one in odd for two in odd], [odd, odd, odd], ["a", 1, "b"]]:
            try:
                sprig.call(name, arguments)
            except ExpressionError as error:
                assert str(error) or name == "fail"


@pytest.mark.parametrize(
    ("template", "arguments", "expected"),
    [
        ("user%02d", [1], "user01"),
        ("%d-%s", [1, "a"], "1-a"),
        ("%x %X %#x", [255, 255, 255], "ff FF 0xff"),
        ("%x", ["hi"], "6869"),
        ("%q", ['a"b'], '"a\\"b"'),
        ("%c%U", [97, 97], "aU+0061"),
        ("%b %o %O", [5, 8, 8], "101 10 0o10"),
        ("%8.3f|%-8.1f|%+.1f", [3.14159, 2.5, 1.0], "   3.142|2.5     |+1.0"),
        ("%e %g %G", [1234.5, 1e21, 0.5], "1.234500e+03 1e+21 0.5"),
        ("%t %v", [True, [1, "a"]], "true [1 a]"),
        ("%T", [1.5], "float64"),
        ("%s", [None], "%!s(<nil>)"),
        ("%d", [[1, 2]], "[1 2]"),
        ("%s", [["a", "b"]], "[a b]"),
        ("%d", [None], "%!d(<nil>)"),
        ("%z", [1], "%!z(int=1)"),
        ("100%", [], "100%!(NOVERB)"),
        ("%d", [], "%!d(MISSING)"),
        ("x", [1], "x%!(EXTRA int=1)"),
        ("%05d|%-5d|% d", [-42, 42, 42], "-0042|42   | 42"),
    ],
)
def test_printf(template: str, arguments: list[Any], expected: str) -> None:
    assert sprintf(template, arguments) == expected


@pytest.mark.parametrize("template", ["%*d", "%99999d", "%.99999f"])
def test_printf_refuses_what_would_grow(template: str) -> None:
    with pytest.raises(ExpressionError, match="printf"):
        sprintf(template, [1, 2])
