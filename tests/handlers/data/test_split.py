"""Whole days, counted back from the newest one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.contracts import BadData
from handlers.data.split import bounds, newest_allowed
from handlers.modelspec.model import TimeSplit

FIRST = date(2013, 1, 1)
NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def split(gap: int, valid: int, test: int, timezone: str = "UTC") -> TimeSplit:
    return TimeSplit(by="time", column="t", gap=f"{gap}d", valid=f"{valid}d", test=f"{test}d", timezone=timezone)


def days(count: int) -> dict[date, bool]:
    return {FIRST + timedelta(days=i): True for i in range(count)}


@given(st.integers(0, 3), st.integers(1, 6), st.integers(1, 6), st.integers(1, 30))
def test_roles_are_in_order_of_time_with_gaps_between(gap: int, valid: int, test: int, train: int) -> None:
    known = days(train + valid + test + 2 * gap)
    found = bounds(known, split(gap, valid, test), NOW)
    roles = [found.role(day) for day in known]
    assert roles == ["train"] * train + [None] * gap + ["valid"] * valid + [None] * gap + ["test"] * test


@given(st.integers(0, 3), st.integers(1, 6), st.integers(1, 6))
def test_too_few_days_are_bad_data(gap: int, valid: int, test: int) -> None:
    with pytest.raises(BadData, match="no rows for train"):
        bounds(days(valid + test + 2 * gap), split(gap, valid, test), NOW)


def test_the_newest_day_is_left_out_while_it_fills() -> None:
    known = days(20)
    known[FIRST + timedelta(days=19)] = False
    assert bounds(known, split(1, 3, 3), NOW).test[1] == FIRST + timedelta(days=18)


def test_a_day_that_is_not_over_is_left_out_in_its_own_timezone() -> None:
    now = datetime(2013, 1, 20, 23, 30, tzinfo=UTC).timestamp()
    assert bounds(days(20), split(0, 3, 3), now).test[1] == date(2013, 1, 19)
    assert bounds(days(20), split(0, 3, 3, "Asia/Tokyo"), now).test[1] == date(2013, 1, 20)


def test_a_day_without_rows_still_counts() -> None:
    known = days(20)
    del known[FIRST + timedelta(days=15)]
    assert bounds(known, split(0, 3, 5), NOW).test == (FIRST + timedelta(days=15), FIRST + timedelta(days=19))


def test_the_future_begins_a_day_from_now() -> None:
    assert newest_allowed(NOW) == date(2026, 1, 2)
