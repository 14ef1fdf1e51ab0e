import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.clock import SystemClock, seconds, timestamp, until


@given(st.integers(0, 4_000_000_000), st.floats(0, 0.999))
def test_a_timestamp_is_cut_to_seconds_and_read_back(whole: int, part: float) -> None:
    assert seconds(timestamp(whole + part)) == whole


def test_offsets_and_fractions_are_understood() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00Z"
    assert seconds("1970-01-01T01:00:00.5+01:00") == 0.5


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid isoformat"):
        seconds("yesterday")


def test_the_system_clock_is_the_systems() -> None:
    before = time.time()
    assert before <= SystemClock().now() <= time.time()


def test_until_asks_the_clock_again() -> None:
    times = iter([0.0, 0.0, 0.05, 100.0])
    asyncio.run(until(0.01, lambda: next(times)))
    assert next(times) == 100.0
