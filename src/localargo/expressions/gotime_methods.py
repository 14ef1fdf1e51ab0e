"""The methods of Go's time.Time and time.Duration that an expression or a template may call. Nothing else has methods."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.gotime import Duration, Time, format_time

Json = Any

_UNIX_ZERO = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)


def _nanoseconds(time: Time) -> int:
    return time.when.microsecond * 1000 + time.nanoseconds


def _since(left: Time, right: Time) -> Duration:
    return Duration((left.when - right.when).total_seconds() + (left.nanoseconds - right.nanoseconds) / 1e9)


_TIME: dict[str, tuple[tuple[type, ...], Callable[..., Json]]] = {
    "Unix": ((), lambda t: t.unix()),
    "UnixMilli": ((), lambda t: t.unix() * 1000 + _nanoseconds(t) // 1_000_000),
    "UnixMicro": ((), lambda t: t.unix() * 1_000_000 + _nanoseconds(t) // 1000),
    "UnixNano": ((), lambda t: t.unix() * 1_000_000_000 + _nanoseconds(t)),
    "Year": ((), lambda t: t.when.year),
    "Month": ((), lambda t: t.when.month),
    "Day": ((), lambda t: t.when.day),
    "Hour": ((), lambda t: t.when.hour),
    "Minute": ((), lambda t: t.when.minute),
    "Second": ((), lambda t: t.when.second),
    "Nanosecond": ((), _nanoseconds),
    "YearDay": ((), lambda t: t.when.timetuple().tm_yday),
    "Weekday": ((), lambda t: t.when.strftime("%A")),
    "UTC": ((), lambda t: t.within(datetime.UTC)),
    "In": ((datetime.tzinfo,), lambda t, tz: t.within(tz)),
    "String": ((), str),
    "IsZero": ((), lambda t: t.when == _UNIX_ZERO),
    "Format": ((str,), format_time),
    "Add": ((Duration,), lambda t, d: t.shifted(d.seconds)),
    "Sub": ((Time,), _since),
    "Before": ((Time,), lambda t, other: t < other),
    "After": ((Time,), lambda t, other: other < t),
    "Equal": ((Time,), lambda t, other: t == other),
}
_DURATION: dict[str, tuple[tuple[type, ...], Callable[..., Json]]] = {
    "Hours": ((), lambda d: d.seconds / 3600),
    "Minutes": ((), lambda d: d.seconds / 60),
    "Seconds": ((), lambda d: d.seconds),
    "Milliseconds": ((), lambda d: int(round(d.seconds * 1e9) / 1e6)),
    "Microseconds": ((), lambda d: int(round(d.seconds * 1e9) / 1e3)),
    "Nanoseconds": ((), lambda d: round(d.seconds * 1e9)),
    "String": ((), str),
}


def has_method(value: Json, name: str) -> bool:
    """Whether the value is a time or a duration with such a method."""
    return name in (_TIME if isinstance(value, Time) else _DURATION if isinstance(value, Duration) else {})


def call_method(value: Json, name: str, arguments: list[Json]) -> Json:
    """`value.Name(arguments)`. ExpressionError when there is no such method or the arguments do not fit."""
    table = _TIME if isinstance(value, Time) else _DURATION if isinstance(value, Duration) else {}
    if name not in table:
        raise ExpressionError(f"{name} is not a function of this value")
    kinds, method = table[name]
    if len(arguments) != len(kinds):
        raise ExpressionError(f"wrong number of arguments for {name}: want {len(kinds)} got {len(arguments)}")
    if not all(isinstance(argument, kind) for argument, kind in zip(arguments, kinds, strict=True)):
        raise ExpressionError(f"wrong type of argument for {name}")
    return method(value, *arguments)
