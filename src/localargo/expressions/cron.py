"""When a calendar event is due: five-field cron with a time zone (robfig/cron's answers), intervals, and excluded days."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from localargo.errors import InvalidInput
from localargo.expressions import ExpressionError, gotext
from localargo.expressions.gotime import zone

ITEM = re.compile(r"(?:([*?])|(\d+|[A-Za-z]{3})(?:-(\d+|[A-Za-z]{3}))?)(?:/(\d+))?")
ZONE = re.compile(r"^(?:CRON_)?TZ=(\S+)\s+(.*)$")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# field, least and greatest value, names of values
FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("weekday", 0, 6, DAYS),
)
FURTHEST = 5000  # candidates after which a schedule counts as never due


class Schedule:
    """Times at which one calendar event fires. `where` names the document and field in errors. Raises InvalidInput."""

    def __init__(self, where: str, spec: Mapping[str, Any]) -> None:
        self.interval: float | None = None
        named, text = split_zone(str(spec.get("schedule") or ""))
        try:
            self.zone = zone(named or str(spec.get("timezone") or ""))
        except ExpressionError as error:
            raise InvalidInput(f"{where}: {error}") from error
        self.text = " ".join(text.split())
        self.excluded = {day for entry in spec.get("exclusionDates") or [] for day in _excluded(where, str(entry))}
        if self.text:
            try:
                check(self.text)
            except InvalidInput as error:
                raise InvalidInput(f"{where}.schedule {self.text!r} cannot be read: {error}") from error
        elif spec.get("interval"):
            self.interval = _interval(where, str(spec["interval"]))
        else:
            raise InvalidInput(f"{where}: a schedule or an interval is needed")

    def after(self, moment: float) -> float | None:
        """The first time later than `moment` (epoch seconds), None for never."""
        if self.interval is not None:
            return moment + self.interval
        for candidate in self._matching(moment):
            if datetime.fromtimestamp(candidate, self.zone).date() not in self.excluded:
                return candidate
        return None

    @property
    def every_hour(self) -> bool:
        """Whether it does not name the hours in which it is due."""
        return bool(self.text) and self.text.split()[1][0] in "*?"

    def matches(self, wall: datetime) -> bool:
        """Whether the fields of the schedule match a wall-clock time (without a zone)."""
        from croniter import croniter

        return bool(croniter.match(self.text.replace("?", "*"), wall)) and wall.date() not in self.excluded

    def _matching(self, moment: float) -> Iterator[float]:
        """croniter's times that match: at a change of the clocks it also gives times that the fields exclude."""
        from croniter import CroniterBadDateError, croniter

        times = croniter(self.text.replace("?", "*"), datetime.fromtimestamp(moment, self.zone), ret_type=datetime)
        for _ in range(FURTHEST):
            try:
                found = times.get_next(datetime)
            except CroniterBadDateError:  # a date that never exists
                return
            if croniter.match(self.text.replace("?", "*"), found.replace(tzinfo=None)) and found.timestamp() > moment:
                yield found.timestamp()


def split_zone(text: str) -> tuple[str, str]:
    """The time zone that a schedule names in front of its fields (`TZ=Europe/Warsaw 0 2 * * *`), empty when it names none; the fields."""
    named = ZONE.match(text.strip())
    return (named[1], named[2]) if named else ("", text)


def check(text: str) -> None:
    """Refuse what robfig/cron's five-field parser refuses: names like @daily, ranges that wrap around, 7 for Sunday.

    Raises InvalidInput with the reason.
    """
    fields = text.split()
    if text.strip().startswith("@"):
        raise InvalidInput("names like @daily are not supported; write the five fields")
    if len(fields) != len(FIELDS):
        raise InvalidInput(f"it has {len(fields)} fields, not five (minute, hour, day of month, month, day of week)")
    for field, (name, least, greatest, names) in zip(fields, FIELDS, strict=True):
        for item in field.split(","):
            found = ITEM.fullmatch(item)
            if not found:
                raise InvalidInput(f"{name} {item!r} is neither a number, a range, `*` nor a step")
            ends = [_number(end, names) for end in (found[2], found[3]) if end is not None]
            if None in ends or any(not least <= end <= greatest for end in ends if end is not None):
                raise InvalidInput(f"{name} {item!r} is not between {least} and {greatest}")
            if ends != sorted(e for e in ends if e is not None) or found[4] == "0":
                raise InvalidInput(f"{name} {item!r} ends before it begins, or has step 0")


def _number(text: str, names: tuple[str, ...]) -> int | None:
    if text.isdigit():
        return int(text)
    first = 1 if len(names) == len(MONTHS) else 0
    return names.index(text.lower()) + first if text.lower() in names else None


def _interval(where: str, text: str) -> float:
    try:
        seconds = gotext.go_duration(text)
    except ExpressionError as error:
        raise InvalidInput(f"{where}.interval: {error}") from error
    if seconds <= 0:
        raise InvalidInput(f"{where}.interval: {text!r} is not above zero")
    return seconds


def _excluded(where: str, text: str) -> Iterator[date]:
    """The days of `EXDATE:20060102T150405Z,...` (RFC 5545); a zone (`EXDATE;TZID=...:`) does not change the day."""
    for part in text.rpartition(":")[2].split(","):
        try:
            yield datetime.strptime(part.strip()[:8], "%Y%m%d").replace(tzinfo=UTC).date()
        except ValueError:
            raise InvalidInput(f"{where}.exclusionDates: {text!r} is not EXDATE:20060102T150405Z") from None
