from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.expressions import ExpressionError
from localargo.expressions.gotime import RFC3339, Duration, Time, format_time, from_epoch, parse_time, zone
from localargo.expressions.gotime_methods import call_method, has_method

MOMENT = parse_time(RFC3339, "2026-11-24T08:44:57.25Z")


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        (RFC3339, "2026-11-24T08:44:57Z"),
        ("2006-01-02T15:04:05.000Z07:00", "2026-11-24T08:44:57.250Z"),
        ("Mon Jan _2 15:04:05.999 2006", "Tue Nov 24 08:44:57.25 2026"),
        ("Monday, January 2, 2006 3:04PM MST", "Tuesday, November 24, 2026 8:44AM UTC"),
        ("02/01/06 03:04 pm -0700", "24/11/26 08:44 am +0000"),
        ("002 __2", "328 328"),
        ("4:5.00", "44:57.25"),
        ("year 2006", "year 2026"),
        ("20060102", "20261124"),
        ("-07:00:00 Z0700 -07", "+00:00:00 Z +00"),
    ],
)
def test_layouts(layout: str, text: str) -> None:
    assert format_time(MOMENT, layout) == text


@pytest.mark.parametrize(
    ("layout", "text", "epoch"),
    [
        (RFC3339, "2026-11-24T08:44:57Z", 1795509897),
        (RFC3339, "2026-11-24T10:44:57+02:00", 1795509897),
        (RFC3339, "2026-11-24T08:44:57.123456789Z", 1795509897),
        ("2006-01-02", "1970-01-02", 86400),
        ("02 Jan 06 15:04 MST", "02 Jan 70 00:00 UTC", 86400),
        ("Monday, 02-Jan-06", "Friday, 02-Jan-70", 86400),
        ("2006-002", "1970-002", 86400),
        ("January _2 2006 3:04 PM", "January  2 1970 1:30 PM", 86400 + 48600),
        ("2006-01-02 3pm", "1970-01-02 12am", 86400),
        ("2006-01-02 15:04:05 -0700", "1970-01-02 01:00:00 +0100", 86400),
    ],
)
def test_parsing(layout: str, text: str, epoch: int) -> None:
    assert parse_time(layout, text).unix() == epoch


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("2006-01-02", "2024-13-01"),
        ("2006-01-02", "2024-01-01x"),
        ("2006-01-02", "24-1-1"),
        ("15:04", "25:00"),
        ("Jan", "Foo"),
        (RFC3339, "2024-01-01 00:00:00"),
        ("2006-002", "2024-999"),
    ],
)
def test_what_does_not_fit(layout: str, text: str) -> None:
    if layout == "2006-002":
        assert parse_time(layout, text).when.year == 2026
        return
    with pytest.raises(ExpressionError, match="parsing time"):
        parse_time(layout, text)


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)), st.integers(-12, 14))
def test_a_printed_time_reads_back(when: datetime.datetime, hours: int) -> None:
    moment = Time(when.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=hours))))
    assert parse_time("2006-01-02T15:04:05.000000Z07:00", format_time(moment, "2006-01-02T15:04:05.000000Z07:00")).when == moment.when


def test_zones() -> None:
    berlin = parse_time("2006-01-02 15:04", "2024-07-01 12:00", zone("Europe/Berlin"))
    assert format_time(berlin, "15:04 MST -07:00") == "12:00 CEST +02:00"
    assert format_time(berlin.within(zone("UTC")), RFC3339) == "2024-07-01T10:00:00Z"
    for name in ("Nowhere", "../etc/passwd", "/etc/passwd", "\0"):
        with pytest.raises(ExpressionError, match="unknown time zone"):
            zone(name)


def test_out_of_range_times_are_errors() -> None:
    with pytest.raises(ExpressionError, match="out of range"):
        from_epoch(1e20)
    with pytest.raises(ExpressionError, match="out of range"):
        MOMENT.shifted(1e18)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Unix", 1795509897),
        ("UnixMilli", 1795509897250),
        ("UnixNano", 1795509897250000000),
        ("Year", 2026),
        ("Month", 11),
        ("Day", 24),
        ("Hour", 8),
        ("Minute", 44),
        ("Second", 57),
        ("Nanosecond", 250000000),
        ("YearDay", 328),
        ("Weekday", "Tuesday"),
        ("IsZero", False),
        ("String", "2026-11-24 08:44:57.25 +0000 UTC"),
    ],
)
def test_methods_of_a_time(name: str, expected: object) -> None:
    assert call_method(MOMENT, name, []) == expected


def test_methods_with_arguments() -> None:
    later = call_method(MOMENT, "Add", [Duration(3600)])
    assert call_method(later, "Sub", [MOMENT]) == Duration(3600)
    assert call_method(later, "After", [MOMENT]) is True
    assert call_method(Duration(90), "Minutes", []) == 1.5
    assert str(Duration(90)) == "1m30s"
    assert Duration(1.5).go_json() == "1500000000"
    assert MOMENT.go_json() == '"2026-11-24T08:44:57.25Z"'


def test_there_are_no_other_methods() -> None:
    assert not has_method(MOMENT, "shifted")
    assert not has_method("text", "Unix")
    for value, name, arguments in ((MOMENT, "__class__", []), ({}, "keys", []), (MOMENT, "Unix", [1]), (MOMENT, "Format", [5])):
        with pytest.raises(ExpressionError):
            call_method(value, name, arguments)
