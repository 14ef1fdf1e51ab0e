"""Nightly times on the days on which a zone's clocks change: lint says what the schedule then does."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localargo.expressions import clock_changes
from localargo.expressions.cron import Schedule
from localargo.manifests.validate import check
from localargo.manifests.yaml import load_documents

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC).timestamp()
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: {name: e}\nspec: "


def warnings(calendar: str, now: float | None = NOW) -> list[str]:
    return [
        f.message for f in check(load_documents(f"{HEAD}{{calendar: {{t: {calendar}}}}}\n", "m.yaml"), now=now) if f.severity == "warning"
    ]


def test_a_time_that_is_skipped_and_comes_twice_is_warned_of_with_the_dates() -> None:
    told = warnings("{schedule: '30 2 * * *', timezone: Europe/Berlin}")
    assert told == ["the clocks of Europe/Berlin change: 02:30 comes twice on 2026-10-25, 02:30 is skipped on 2027-03-28"]
    assert warnings("{schedule: 'TZ=America/New_York 30 1 * * *'}") == [
        "the clocks of America/New_York change: 01:30 comes twice on 2026-11-01"
    ]


@pytest.mark.parametrize(
    "calendar",
    [
        "{schedule: '30 2 * * *'}",
        "{schedule: '30 2 * * *', timezone: Asia/Tokyo}",
        "{schedule: '30 4 * * *', timezone: Europe/Berlin}",
        "{schedule: '*/15 * * * *', timezone: Europe/Berlin}",
        "{schedule: '30 2 * * 1-5', timezone: Europe/Berlin}",  # the clocks change on Sundays
        "{interval: 24h, timezone: Europe/Berlin}",
        "{schedule: '30 2 * * *', timezone: Europe/Berlin, exclusionDates: ['EXDATE:20261025T000000Z,20270328T000000Z']}",
    ],
)
def test_other_times_are_not(calendar: str) -> None:
    assert warnings(calendar) == []


def test_without_a_date_nothing_is_said_that_depends_on_it() -> None:
    assert warnings("{schedule: '30 2 * * *', timezone: Europe/Berlin}", None) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 23), st.integers(0, 59), st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]))
def test_what_is_said_is_what_the_schedule_does(hour: int, minute: int, zone: str) -> None:
    schedule = Schedule("t", {"schedule": f"{minute} {hour} * * *", "timezone": zone})
    ticks: Counter[date] = Counter()
    moment: float | None = schedule.after(NOW)
    while moment is not None and moment < NOW + 360 * 86400:
        ticks[datetime.fromtimestamp(moment, schedule.zone).date()] += 1
        moment = schedule.after(moment)
    first, last = min(ticks), max(ticks)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    odd = {day: ticks[day] for day in days if ticks[day] != 1}
    assert odd == {c.wall.date(): c.ticks for c in clock_changes.affected(schedule, NOW) if first <= c.wall.date() <= last}
