"""Schedules: robfig/cron's answers, also where the clocks change."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localargo.errors import InvalidInput
from localargo.expressions.cron import DAYS, MONTHS, Schedule


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def following(spec: Mapping[str, object], start: float, count: int) -> list[str]:
    schedule, found = Schedule("here", spec), []
    for _ in range(count):
        due = schedule.after(start)
        if due is None:
            break
        start = due
        found.append(datetime.fromtimestamp(start, schedule.zone).strftime("%m-%d %H:%M %z"))
    return found


def named(field: str, words: tuple[str, ...], first: int) -> str:
    for index, word in enumerate(words):
        field = field.replace(word, str(index + first))
    return field


def matches(text: str, when: datetime) -> bool:
    """A reading of the five fields of its own, minute by minute, as robfig/cron defines them."""
    minute, hour, day, month, weekday = text.lower().split()
    star = [field[0] in "*?" and "/" not in field for field in (day, weekday)]

    def holds(field: str, value: int, low: int, high: int) -> bool:
        for part in field.split(","):
            span, _, step = part.partition("/")
            if span in "*?":
                first, last = low, high
            elif "-" in span:
                first, last = (int(x) for x in span.split("-"))
            else:
                first = int(span)
                last = high if step else first
            if first <= value <= last and (value - first) % int(step or 1) == 0:
                return True
        return False

    days = holds(day, when.day, 1, 31), holds(named(weekday, DAYS, 0), when.isoweekday() % 7, 0, 6)
    return (
        holds(minute, when.minute, 0, 59)
        and holds(hour, when.hour, 0, 23)
        and holds(named(month, MONTHS, 1), when.month, 1, 12)
        and (all(days) if any(star) else any(days))
    )


FIELDS = st.tuples(
    st.sampled_from(["0", "30", "*/20", "5,35", "10-12", "59"]),
    st.sampled_from(["*", "2", "1-3", "*/6", "0,2,3", "23"]),
    st.sampled_from(["*", "?", "1", "28-31", "*/2", "25,26"]),
    st.sampled_from(["*", "3", "MAR", "oct-NOV", "*/5"]),
    st.sampled_from(["*", "?", "0", "SUN", "1-5", "mon-wed", "6"]),
)
ZONES = st.sampled_from(["UTC", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"])
STARTS = st.sampled_from(
    [f"2026-{day}" for day in ("03-07T22:00", "03-28T22:00", "10-24T22:00", "10-31T23:00", "04-04T13:00", "02-27T00:00")]
)


@settings(max_examples=150)
@given(FIELDS, ZONES, STARTS)
def test_a_schedule_is_every_minute_whose_wall_clock_matches(fields: tuple[str, ...], zone: str, start: str) -> None:
    text, tz = " ".join(fields), ZoneInfo(zone)
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    expected = []
    for minutes in range(1, 3 * 24 * 60):
        when = begin + timedelta(minutes=minutes)
        if matches(text, when.astimezone(tz)):
            expected.append(when.timestamp())
            if len(expected) == 8:
                break
    schedule, now, found = Schedule("here", {"schedule": text, "timezone": zone}), begin.timestamp(), list[float]()
    while len(found) < len(expected):
        due = schedule.after(now)
        assert due is not None
        found.append(due)
        now = due
    assert found == expected


def test_the_hour_that_is_skipped_has_no_tick_and_the_one_that_comes_twice_has_two() -> None:
    spec = {"schedule": "30 2 * * *", "timezone": "Europe/Warsaw"}
    assert following(spec, at("2026-03-28T00:00"), 2) == ["03-28 02:30 +0100", "03-30 02:30 +0200"]
    assert following(spec, at("2026-10-24T12:00"), 3) == ["10-25 02:30 +0200", "10-25 02:30 +0100", "10-26 02:30 +0100"]


def test_a_zone_may_stand_before_the_fields() -> None:
    for prefix in ("CRON_TZ=Asia/Tokyo", "TZ=Asia/Tokyo"):
        assert following({"schedule": f"{prefix} 0 9 * * *"}, at("2026-01-01T00:30"), 1) == ["01-02 09:00 +0900"]


def test_excluded_days_have_no_tick() -> None:
    spec = {"schedule": "0 9 * * *", "exclusionDates": ["EXDATE:20260102T000000Z,20260103T235900Z", "EXDATE;TZID=X:20260105T000000"]}
    assert [t[:5] for t in following(spec, at("2026-01-01T00:00"), 3)] == ["01-01", "01-04", "01-06"]
    with pytest.raises(InvalidInput, match="exclusionDates"):
        Schedule("here", {"schedule": "0 9 * * *", "exclusionDates": ["tomorrow"]})


def test_an_interval_counts_from_where_it_is_asked() -> None:
    assert Schedule("here", {"interval": "1m30s"}).after(100.0) == 190.0


def test_a_day_that_no_month_has_never_comes() -> None:
    assert Schedule("here", {"schedule": "0 0 31 2 *"}).after(0.0) is None


def test_a_schedule_goes_before_an_interval() -> None:
    assert Schedule("here", {"schedule": "* * * * *", "interval": "1s"}).after(0.0) == 60.0


REFUSED = (
    *("@daily", "@every 5m", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "30-10 * * * *"),
    *("* * * * fri-mon", "*/0 * * * *", "a * * * *", "* * L * *", "* * * * 1#2", "H * * * *", "5- * * * *", "1,,2 * * * *", "* * * foo *"),
)


@pytest.mark.parametrize("text", REFUSED)
def test_what_robfig_refuses_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"here\.schedule"):
        Schedule("here", {"schedule": text})


@pytest.mark.parametrize(
    "spec", [{}, {"interval": "soon"}, {"interval": "0s"}, {"interval": "-1m"}, {"schedule": "* * * * *", "timezone": "Mars/X"}]
)
def test_what_is_no_schedule_names_its_field(spec: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=r"^here"):
        Schedule("here", spec)
