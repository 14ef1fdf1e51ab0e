"""Go's `time.Time` as templates and expr-lang use it: layouts written with the reference time `2006-01-02T15:04:05Z07:00`."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from dataclasses import dataclass

from localargo.expressions import ExpressionError
from localargo.expressions.gotext import format_duration

RFC3339 = "2006-01-02T15:04:05Z07:00"
_ELEMENTS = (
    "January|Jan|Monday|Mon|MST|2006|Z07:00:00|-07:00:00|Z07:00|-07:00|Z0700|-0700|-07|[.,](?:0+|9+)(?![0-9])"
    "|002|01|02|03|04|05|06|15|__2|_2|PM|pm|[1-5]"
)
_LAYOUT = re.compile(_ELEMENTS)
_DIGITS = {"2006": 4, "002": 3, "01": 2, "02": 2, "03": 2, "04": 2, "05": 2, "06": 2, "15": 2}
_NAMES = {
    "January": ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
    "Monday": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
}
_NAMES["Jan"] = [name[:3] for name in _NAMES["January"]]
_NAMES["Mon"] = [name[:3] for name in _NAMES["Monday"]]


@dataclass(frozen=True, slots=True, order=True)
class Time:
    """An instant with its zone; `nanoseconds` within the second (datetime has only microseconds)."""

    when: datetime.datetime
    nanoseconds: int = 0

    def __str__(self) -> str:
        return format_time(self, "2006-01-02 15:04:05.999999999 -0700 MST")

    def unix(self) -> int:
        """Whole seconds since the epoch."""
        return int((self.when.replace(microsecond=0) - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)).total_seconds())

    def go_json(self) -> str:
        """As encoding/json prints a time."""
        return f'"{format_time(self, "2006-01-02T15:04:05.999999999Z07:00")}"'

    def shifted(self, seconds: float) -> Time:
        """This time and a duration later (earlier when negative)."""
        try:
            return Time(self.when + datetime.timedelta(seconds=seconds), self.nanoseconds)
        except OverflowError as error:
            raise ExpressionError("time out of range") from error

    def within(self, zone: datetime.tzinfo) -> Time:
        """The same instant in another zone."""
        try:
            return Time(self.when.astimezone(zone), self.nanoseconds)
        except OverflowError as error:
            raise ExpressionError("time out of range") from error


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """Go's `time.Duration`, in seconds."""

    seconds: float

    def __str__(self) -> str:
        return format_duration(self.seconds)

    def go_json(self) -> str:
        """As encoding/json prints a duration: whole nanoseconds."""
        return str(round(self.seconds * 1e9))


def from_epoch(seconds: float) -> Time:
    """A UTC time; ExpressionError outside the years 1 to 9999."""
    try:
        return Time(datetime.datetime.fromtimestamp(seconds, datetime.UTC))
    except (OverflowError, ValueError, OSError) as error:
        raise ExpressionError(f"time {seconds} is out of range") from error


def zone(name: str) -> datetime.tzinfo:
    """A zone of the tz database (`UTC` and `` are UTC)."""
    if name in ("", "UTC"):
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ExpressionError(f"unknown time zone {name}") from error


def format_time(time: Time, layout: str) -> str:
    """The time in a Go layout; other text stays as it is."""
    return _LAYOUT.sub(lambda found: _element(time, found[0]), layout)


def _element(time: Time, element: str) -> str:
    when = time.when
    if element in ("January", "Jan"):
        return _NAMES[element][when.month - 1]
    if element in ("Monday", "Mon"):
        return _NAMES[element][when.weekday()]
    if element[0] in ".,":
        digits = f"{when.microsecond * 1000 + time.nanoseconds:09d}"[: len(element) - 1]
        digits = digits if element[1] == "0" else digits.rstrip("0")
        return element[0] + digits if digits else ""
    if element[0] in "Z-":
        return _offset(when, element)
    hour = when.hour % 12 or 12
    plain = {
        "2006": f"{when.year:04d}",
        "06": f"{when.year % 100:02d}",
        "01": f"{when.month:02d}",
        "1": str(when.month),
        "02": f"{when.day:02d}",
        "_2": f"{when.day:2d}",
        "2": str(when.day),
        "002": f"{when.timetuple().tm_yday:03d}",
        "__2": f"{when.timetuple().tm_yday:3d}",
        "15": f"{when.hour:02d}",
        "03": f"{hour:02d}",
        "3": str(hour),
        "04": f"{when.minute:02d}",
        "4": str(when.minute),
        "05": f"{when.second:02d}",
        "5": str(when.second),
        "PM": "PM" if when.hour >= 12 else "AM",
        "pm": "pm" if when.hour >= 12 else "am",
        "MST": when.tzname() or "UTC",
    }
    return plain[element]


def _offset(when: datetime.datetime, element: str) -> str:
    offset = int((when.utcoffset() or datetime.timedelta()).total_seconds())
    if element[0] == "Z" and offset == 0:
        return "Z"
    hours, rest = divmod(abs(offset), 3600)
    minutes, seconds = divmod(rest, 60)
    sign = "-" if offset < 0 else "+"
    colon = ":" if ":" in element else ""
    parts = [f"{hours:02d}", f"{minutes:02d}", f"{seconds:02d}"][: len(element.replace(":", "")) // 2]
    return sign + colon.join(parts)


def parse_time(layout: str, text: str, tz: datetime.tzinfo = datetime.UTC) -> Time:
    """Read a time written in a Go layout; a zone in the text overrides `tz`. ExpressionError with Go's message."""
    found: dict[str, str] = {}
    position, previous = 0, 0
    for element in _LAYOUT.finditer(layout):
        position = _literal(layout[previous : element.start()], text, position, layout)
        position = _read(element[0], text, position, layout, found)
        if element[0] in ("05", "5") and layout[element.end() : element.end() + 1] not in (".", ","):
            fraction = re.compile(r"[.,][0-9]+").match(text, position)
            if fraction:
                found[".9"] = fraction[0]
                position = fraction.end()
        previous = element.end()
    position = _literal(layout[previous:], text, position, layout)
    if position != len(text):
        raise ExpressionError(f'parsing time "{text}": extra text: "{text[position:]}"')
    return _assemble(found, text, tz)


def _literal(literal: str, text: str, position: int, layout: str) -> int:
    if text[position : position + len(literal)] != literal:
        raise ExpressionError(f'parsing time "{text}" as "{layout}": cannot parse "{text[position:]}" as "{literal}"')
    return position + len(literal)


def _read(element: str, text: str, position: int, layout: str, found: dict[str, str]) -> int:
    if element in _NAMES:
        pattern = "|".join(_NAMES[element])
    elif element in _DIGITS:
        pattern = f"[0-9]{{{_DIGITS[element]}}}"
    elif element[0] in ".,":
        pattern = "[.,][0-9]+" if element[1] == "0" else "(?:[.,][0-9]+)?"
    elif element[0] in "Z-":
        minutes = {7: ":[0-9]{2}", 6: ":[0-9]{2}", 5: "[0-9]{2}", 3: ""}.get(len(element), ":[0-9]{2}:[0-9]{2}")
        pattern = ("Z|" if element[0] == "Z" else "") + f"[+-][0-9]{{2}}{minutes if element != '-07' else ''}"
    elif element == "MST":
        pattern = "[A-Z]{3,4}"
    else:
        pattern = "AM|PM" if element == "PM" else "am|pm" if element == "pm" else " ?[0-9]{1,3}" if element == "__2" else " ?[0-9]{1,2}"
    match = re.compile(pattern).match(text, position)
    if match is None:
        raise ExpressionError(f'parsing time "{text}" as "{layout}": cannot parse "{text[position:]}" as "{element}"')
    found[element if element[0] not in ".,Z-" else {"Z": "zone", "-": "zone"}.get(element[0], ".9")] = match[0]
    return match.end()


def _assemble(found: dict[str, str], text: str, tz: datetime.tzinfo) -> Time:
    def number(*names: str, default: int) -> int:
        return next((int(found[name]) for name in names if name in found), default)

    month = number("01", "1", default=1)
    for name in ("January", "Jan"):
        if name in found:
            month = _NAMES[name].index(found[name]) + 1
    year = number("2006", default=1)
    if "06" in found:
        year = int(found["06"]) + (1900 if int(found["06"]) >= 69 else 2000)
    hour = number("15", "03", "3", default=0)
    half = found.get("PM", found.get("pm", "")).upper()
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    fraction = found.get(".9", "")[1:10].ljust(9, "0")
    written = found.get("zone", "")
    if written == "Z":
        tz = datetime.UTC
    elif written:
        digits = written[1:].replace(":", "").ljust(6, "0")
        seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
        tz = datetime.timezone(datetime.timedelta(seconds=-seconds if written[0] == "-" else seconds)) if seconds else datetime.UTC
    try:
        clock = (hour, number("04", "4", default=0), number("05", "5", default=0), int(fraction[:6]))
        if "002" in found:
            start = datetime.datetime(year, 1, 1, *clock, tzinfo=tz)
            return Time(start + datetime.timedelta(days=int(found["002"]) - 1), int(fraction[6:]))
        return Time(datetime.datetime(year, month, number("02", "2", "_2", default=1), *clock, tzinfo=tz), int(fraction[6:]))
    except (ValueError, OverflowError) as error:
        raise ExpressionError(f'parsing time "{text}": {error}') from error
