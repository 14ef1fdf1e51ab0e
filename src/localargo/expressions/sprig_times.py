"""sprig's functions on times that are given."""

from __future__ import annotations

import datetime

from localargo.expressions import ExpressionError
from localargo.expressions.gotext import format_duration, parse_duration
from localargo.expressions.gotime import Duration, Time, format_time, from_epoch, parse_time, zone
from localargo.expressions.sprig_registry import Json, function, int_of
from localargo.expressions.values import go_type

_ZERO = Time(datetime.datetime(1, 1, 1, tzinfo=datetime.UTC))


def _moment(value: Json) -> Time:
    if isinstance(value, Time):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return from_epoch(value)
    raise ExpressionError(f"a time is needed, not {go_type(value)}: the current time is not used")


function("date", "s*")(lambda layout, value: format_time(_moment(value).within(datetime.UTC), layout))
function("htmlDate", "*")(lambda value: format_time(_moment(value).within(datetime.UTC), "2006-01-02"))
function("dateInZone date_in_zone", "s*s")(lambda layout, value, name: format_time(_moment(value).within(_zone(name)), layout))
function("htmlDateInZone", "*s")(lambda value, name: format_time(_moment(value).within(_zone(name)), "2006-01-02"))
function("mustToDate", "ss")(parse_time)
function("unixEpoch", "*")(lambda value: str(_moment(value).unix()))
function("mustDateModify must_date_modify", "s*")(lambda change, value: _moment(value).shifted(parse_duration(change)))
function("duration", "*")(lambda value: format_duration(int_of(value)))


def _zone(name: str) -> datetime.tzinfo:
    try:
        return zone(name)
    except ExpressionError:
        return datetime.UTC


@function("toDate", "ss")
def _to_date(layout: str, text: str) -> Time:
    """Go's zero time for a text that does not fit the layout."""
    try:
        return parse_time(layout, text)
    except ExpressionError:
        return _ZERO


@function("dateModify date_modify", "s*")
def _date_modify(change: str, value: Json) -> Time:
    moment = _moment(value)
    try:
        return moment.shifted(parse_duration(change))
    except ExpressionError:
        return moment


@function("durationRound", "*")
def _duration_round(value: Json) -> str:
    if isinstance(value, Duration):
        seconds = abs(value.seconds)
    else:
        seconds = abs(parse_duration(value) if isinstance(value, str) else int_of(value) / 1e9)
    for length, unit in ((31_536_000, "y"), (2_592_000, "mo"), (86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds > length:
            return f"{round(seconds / length)}{unit}"
    return f"{round(seconds)}s" if seconds > 1 else "0s"
