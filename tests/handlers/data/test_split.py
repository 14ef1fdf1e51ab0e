"""Which units are train, valid and test: counted back from the newest by time, the first places by hash."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.contracts import BadData
from handlers.data.split import bounds, label, newest_allowed, number
from handlers.modelspec.model import HashSplit, TimeSplit

FIRST = number("2013-01-01")
NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def split(gap: int, valid: int, test: int, timezone: str = "UTC") -> TimeSplit:
    return TimeSplit(by="time", column="t", gap=f"{gap}d", valid=f"{valid}d", test=f"{test}d", timezone=timezone)


def days(count: int) -> dict[int, bool]:
    return {FIRST + i: True for i in range(count)}


@given(st.integers(0, 3), st.integers(1, 6), st.integers(1, 6), st.integers(1, 30))
def test_roles_are_in_order_of_time_with_gaps_between(gap: int, valid: int, test: int, train: int) -> None:
    known = days(train + valid + test + 2 * gap)
    expected = ["train"] * train + [None] * gap + ["valid"] * valid + [None] * gap + ["test"] * test
    found = bounds(known, split(gap, valid, test), NOW)
    assert [found.role(day) for day in known] == expected
    years = TimeSplit(by="time", column="t", unit="year", gap=gap, valid=valid, test=test)
    found = bounds({day - FIRST: True for day in known}, years, NOW)
    assert [found.role(day - FIRST) for day in known] == expected


@given(st.integers(0, 3), st.integers(1, 6), st.integers(1, 6))
def test_too_few_days_are_bad_data(gap: int, valid: int, test: int) -> None:
    with pytest.raises(BadData, match="no rows for train"):
        bounds(days(valid + test + 2 * gap), split(gap, valid, test), NOW)


def test_too_few_years_are_told_in_years() -> None:
    with pytest.raises(BadData, match=r"the data has 3 years from 2000 to 2002, and the split needs 2 years test, 1 year valid"):
        bounds({2000: True, 2001: True, 2002: True}, TimeSplit(by="time", column="t", unit="year", valid=1, test=2), NOW)


def test_of_steps_only_the_ends_are_known() -> None:
    found = bounds({0: True, 1000: True}, TimeSplit(by="time", column="t", unit="step", valid=100, test=200), NOW)
    assert (found.train, found.valid, found.test) == ((0, 700), (701, 800), (801, 1000))


def test_the_newest_day_is_left_out_while_it_fills() -> None:
    known = days(20)
    known[FIRST + 19] = False
    assert bounds(known, split(1, 3, 3), NOW).test[1] == FIRST + 18


def test_a_day_that_is_not_over_is_left_out_in_its_own_timezone() -> None:
    now = datetime(2013, 1, 20, 23, 30, tzinfo=UTC).timestamp()
    assert label("day", bounds(days(20), split(0, 3, 3), now).test[1]) == "2013-01-19"
    assert label("day", bounds(days(20), split(0, 3, 3, "Asia/Tokyo"), now).test[1]) == "2013-01-20"


def test_a_year_that_is_under_way_counts_as_any_number() -> None:
    now = datetime(2013, 1, 20, tzinfo=UTC).timestamp()
    assert bounds(dict.fromkeys(range(2000, 2031), True), TimeSplit(by="time", column="t", unit="year", valid=1, test=2), now).test == (
        2029,
        2030,
    )


def test_a_day_without_rows_still_counts() -> None:
    known = days(20)
    del known[FIRST + 15]
    assert bounds(known, split(0, 3, 5), NOW).test == (FIRST + 15, FIRST + 19)


def test_the_future_begins_a_day_from_now() -> None:
    assert newest_allowed(NOW) == date(2026, 1, 2)


@given(st.integers(1, 49), st.integers(1, 49), st.integers(0, 99))
def test_a_place_is_test_then_valid_then_train(valid: int, test: int, place: int) -> None:
    found = bounds({}, HashSplit(by="hash", key=["id"], valid=valid / 100, test=test / 100), NOW)
    assert found.role(place) == ("test" if place < test else "valid" if place < test + valid else "train")


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_a_day_is_written_as_a_date(day: date) -> None:
    assert number(label("day", number(str(day)))) == (day - date(1970, 1, 1)) // timedelta(days=1)
