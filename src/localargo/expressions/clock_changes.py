"""Wall-clock times that a zone skips when its clocks go forward, and has twice when they go back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from localargo.expressions.cron import Schedule

YEAR = 366
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Changed:
    """A wall-clock time of a schedule on the day of a change: `ticks` is 0 where it is skipped, 2 where it comes twice."""

    wall: datetime
    ticks: int


def affected(schedule: Schedule, now: float) -> list[Changed]:
    """The times of the schedule that the clocks' changes within a year from `now` skip or double, the first of each change."""
    if schedule.interval is not None or schedule.every_hour:
        return []
    found = []
    for before, after in _changes(schedule.zone, datetime.fromtimestamp(now, UTC)):
        forward = after > before
        start, end = (before, after) if forward else (after, before)
        wall = start
        while wall < end:
            if schedule.matches(wall):
                found.append(Changed(wall, 0 if forward else 2))
                break
            wall += MINUTE
    return found


def _changes(zone: tzinfo, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The wall clock (without a zone) just before and just after each change."""
    for day in range(YEAR):
        low, high = start + timedelta(days=day), start + timedelta(days=day + 1)
        if _offset(zone, low) == _offset(zone, high):
            continue
        while high - low > timedelta(seconds=1):
            middle = low + (high - low) / 2
            low, high = (low, middle) if _offset(zone, middle) != _offset(zone, low) else (middle, high)
        moment = high.replace(microsecond=0, tzinfo=None)
        yield moment + _offset(zone, low), moment + _offset(zone, high)


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
