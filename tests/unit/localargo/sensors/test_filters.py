"""Filters of a dependency decide as Argo's do."""

import json
from typing import Any

import pytest

from localargo.expressions import ExpressionError
from localargo.ports import Event
from localargo.sensors.filters import Rejected, check

EVENT = Event("0" * 32, "source", "name", "webhook", "2026-11-22T10:30:15Z", b"{}")


def passes(filters: dict[str, Any] | None, data: Any, operator: str = "and", event: Event = EVENT) -> bool:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    try:
        check(filters, operator, event, text)
    except Rejected as why:
        assert str(why)
        return False
    return True


def data(kind: str, value: list[str], comparator: str = "", path: str = "v", **more: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": path, "type": kind, "value": value, **more}
    if comparator:
        entry["comparator"] = comparator
    return {"data": [entry]}


def test_without_filters_everything_passes() -> None:
    assert passes(None, {})
    assert passes({}, b"not even JSON")


@pytest.mark.parametrize(
    ("values", "comparator", "given", "passed"),
    [
        (["csv"], "", "raw/a.csv.bak", True),
        (["^raw/.*[.]csv$"], "=", "raw/a.csv", True),
        (["^raw/.*[.]csv$"], "=", "old/raw/a.csv", False),
        (["parquet", "json"], "=", "x.json", True),
        (["csv"], "!=", "a.csv", False),
        (["csv"], "!=", "a.json", True),
        (["csv", "json"], "!=", "a.csv", True),
        (["^12345678901234567$"], "=", 12345678901234567, True),
        (["^true$"], "=", True, True),
        (["^null$"], "=", None, False),
        (["^$"], "=", None, True),
        (['^{"a":1}$'], "=", {"a": 1}, False),
        (['^{"a": 1}$'], "=", {"a": 1}, True),
        (["^$"], "=", "", True),
        (["(?i)CSV"], "=", "a.csv", True),
    ],
)
def test_strings_are_patterns_without_anchors(values: list[str], comparator: str, given: Any, passed: bool) -> None:
    assert passes(data("string", values, comparator), {"v": given}) is passed


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"\1"])
def test_a_pattern_that_is_not_re2_rejects(pattern: str) -> None:
    assert not passes(data("string", [pattern]), {"v": "a"})


def test_a_pattern_that_would_hang_does_not() -> None:
    assert not passes(data("string", ["^(a+)+$"]), {"v": "a" * 50_000 + "b"})


@pytest.mark.parametrize(
    ("values", "comparator", "given", "passed"),
    [
        (["10"], ">=", 10, True),
        (["10"], ">=", "20", True),
        (["10"], ">", 9.99, False),
        (["10"], "<", "abc", True),
        (["0"], "=", "abc", True),
        (["10", "20"], "", 20, True),
        (["10"], "!=", 10, False),
        (["10", "11"], "!=", 10, True),
        (["10"], "<=", [10], True),
        (["1"], "=", True, True),
        (["0"], "=", None, True),
        (["1e3"], "=", 1000, True),
        (["ten"], "=", 10, False),
        (["10"], "~", 10, False),
    ],
)
def test_numbers(values: list[str], comparator: str, given: Any, passed: bool) -> None:
    assert passes(data("number", values, comparator), {"v": given}) is passed


@pytest.mark.parametrize(
    ("values", "given", "passed"),
    [
        (["true"], True, True),
        (["true"], "true", True),
        (["T"], "TRUE", True),
        (["true"], 1, True),
        (["true"], 0, False),
        (["false"], "nonsense", True),
        (["false"], None, True),
        (["true", "false"], False, True),
        (["yes"], True, False),
    ],
)
def test_booleans(values: list[str], given: Any, passed: bool) -> None:
    assert passes(data("bool", values), {"v": given}) is passed


@pytest.mark.parametrize("path", ["absent", "", "v.deeper", "list.7"])
def test_a_path_that_is_not_there_rejects(path: str) -> None:
    assert not passes(data("string", [".*"], path=path), {"v": "a", "list": [1]})


def test_a_type_that_is_none_rejects() -> None:
    assert not passes(data("object", ["a"]), {"v": {}})


def test_a_template_changes_what_is_compared() -> None:
    assert passes(data("string", ["^cmF3"], template="{{ b64enc .Input }}"), {"v": "raw/a.csv"})
    assert not passes(data("string", [".*"], template="{{ if false }}x{{ end }}"), {"v": "a"})
    assert not passes(data("string", [".*"], template="{{ nosuch }}"), {"v": "a"})


def test_entries_of_a_kind_are_joined_by_its_operator() -> None:
    entries = [{"path": "key", "type": "string", "value": ["csv"]}, {"path": "n", "type": "number", "comparator": ">", "value": ["5"]}]
    assert passes({"data": entries}, {"key": "a.csv", "n": 6})
    assert not passes({"data": entries}, {"key": "a.csv", "n": 5})
    assert passes({"data": entries, "dataLogicalOperator": "or"}, {"key": "a.csv", "n": 5})
    assert passes({"data": entries, "dataLogicalOperator": "or"}, {"n": 6})
    assert not passes({"data": entries, "dataLogicalOperator": "or"}, {"key": "x", "n": 5})


@pytest.mark.parametrize(
    ("expr", "passed"),
    [
        ('k == "a"', True),
        ("n > 9 && n < 11", True),
        ("n == 11", False),
        ("t == true", True),
        ("n", False),
        ("n >", False),
        ("z > 1", False),
    ],
)
def test_expressions_over_named_fields(expr: str, passed: bool) -> None:
    fields = [{"name": name, "path": f"body.{name}"} for name in ("k", "n", "t")]
    assert passes({"exprs": [{"expr": expr, "fields": fields}]}, {"body": {"k": "a", "n": 10, "t": True}}) is passed


def test_a_field_that_is_not_there_rejects() -> None:
    filters = {"exprs": [{"expr": "true", "fields": [{"name": "a", "path": "absent"}]}]}
    assert not passes(filters, {"b": 1})


def test_expressions_may_be_alternatives() -> None:
    entries = [{"expr": "k == 1", "fields": [{"name": "k", "path": "k"}]}, {"expr": "j == 1", "fields": [{"name": "j", "path": "j"}]}]
    assert not passes({"exprs": entries}, {"k": 1})
    assert passes({"exprs": entries, "exprLogicalOperator": "or"}, {"k": 1})


BOTH = {
    "data": [{"path": "n", "type": "number", "comparator": ">", "value": ["5"]}],
    "exprs": [{"expr": 'k == "a"', "fields": [{"name": "k", "path": "k"}]}],
}


@pytest.mark.parametrize(
    ("given", "conjunction", "disjunction"),
    [
        ({"n": 10, "k": "a"}, True, True),
        ({"n": 1, "k": "a"}, False, True),
        ({"n": 10, "k": "b"}, False, True),
        ({"n": 1, "k": "b"}, False, False),
        ({"n": 10}, False, False),  # an error in one kind rejects even where another kind passes
        ({"k": "a"}, False, False),
    ],
)
def test_kinds_are_joined_and_an_error_always_rejects(given: Any, conjunction: bool, disjunction: bool) -> None:
    assert passes(BOTH, given) is conjunction
    assert passes(BOTH, given, "or") is disjunction


def test_alternatives_of_one_kind_that_all_fail_with_an_error_reject_the_others_too() -> None:
    filters = {**BOTH, "data": [{"path": "absent", "type": "string", "value": ["x"]}], "dataLogicalOperator": "or"}
    assert not passes(filters, {"k": "a"}, "or")


@pytest.mark.parametrize(
    ("wanted", "passed"),
    [
        ({"type": "webhook", "subject": "name", "source": "source"}, True),
        ({"datacontenttype": "application/json"}, True),
        ({"subject": "other"}, False),
        ({"type": "minio"}, False),
        ({"id": "never compared", "time": "never compared", "specversion": "9"}, True),
    ],
)
def test_the_context(wanted: dict[str, str], passed: bool) -> None:
    assert passes({"context": wanted}, {}) is passed


@pytest.mark.parametrize(
    ("time", "passed"),
    [
        ({"start": "10:30:15", "stop": "10:30:16"}, True),
        ({"start": "10:30:00", "stop": "10:30:15"}, False),
        ({"start": "00:00:00", "stop": "23:59:59"}, True),
        ({"start": "22:00:00", "stop": "11:00:00"}, True),
        ({"start": "22:00:00", "stop": "06:00:00"}, False),
        ({"start": "12:00:00", "stop": "12:00:00"}, True),
        ({"start": "11:30:00", "stop": "11:31:00", "timezone": "Europe/Warsaw"}, True),
        ({"start": "10:30:00", "stop": "10:31:00", "timezone": "Europe/Warsaw"}, False),
        ({"start": "10:30:00", "stop": "10:31:00", "timezone": "Mars/Base"}, False),
        ({"start": "soon", "stop": "10:31:00"}, False),
    ],
)
def test_the_time_of_day(time: dict[str, str], passed: bool) -> None:
    assert passes({"time": time}, {}) is passed


@pytest.mark.parametrize(
    ("script", "passed"),
    [
        ("return event.body.n > 5", True),
        ("return event.body.n > 50", False),
        ("return 1", False),
        ("return event.nothere.deeper == 1", False),
        ("while true do end", False),
        ("return os.getenv('HOME') ~= nil", False),
    ],
)
def test_a_script_has_to_return_true(script: str, passed: bool) -> None:
    assert passes({"script": script}, {"body": {"n": 10}}) is passed


def test_a_script_needs_an_object() -> None:
    assert not passes({"script": "return true"}, [1])


def test_what_is_no_json_rejects() -> None:
    for filters in (
        data("string", [".*"]),
        {"exprs": [{"expr": "true", "fields": [{"name": "a", "path": "a"}]}]},
        {"script": "return true"},
    ):
        assert not passes(filters, b"{broken")


def test_a_reason_never_shows_a_whole_payload() -> None:
    with pytest.raises(Rejected) as told:
        check(data("string", ["x"]), "and", EVENT, json.dumps({"v": "y" * 100_000}).encode())
    assert len(str(told.value)) < 1000
    assert not isinstance(told.value, ExpressionError)
