"""Rates and retries."""

import asyncio

import pytest

from localargo.errors import InvalidInput
from localargo.sensors.rate_limiter import SLACK, RateLimiter, RetrySchedule


def test_actions_wait_for_each_other() -> None:
    pace = RateLimiter({"unit": "Second", "requestsPerUnit": 2})
    assert [pace.due(100.0) for _ in range(4)] == [100.0, 100.5, 101.0, 101.5]


def test_an_idle_time_saves_up_some_actions_but_not_all() -> None:
    pace = RateLimiter({"unit": "Minute", "requestsPerUnit": 60})
    pace.due(0.0)
    found = [pace.due(1000.0) for _ in range(SLACK + 3)]
    assert found == [1000.0] * (SLACK + 1) + [1001.0, 1002.0]


@pytest.mark.parametrize("limit", [None, {}, {"requestsPerUnit": 0}])
def test_without_a_limit_nothing_waits(limit: dict[str, int] | None) -> None:
    pace = RateLimiter(limit)
    assert [pace.due(5.0) for _ in range(100)] == [5.0] * 100
    asyncio.run(pace.wait())


def test_hours() -> None:
    pace = RateLimiter({"unit": "Hour", "requestsPerUnit": 1})
    assert [pace.due(0.0), pace.due(0.0)] == [0.0, 3600.0]


def test_pauses_grow_by_the_factor() -> None:
    steps = RetrySchedule({"steps": 4, "duration": "500ms", "factor": 2, "jitter": 0})
    assert (steps.tries, [steps.pause() for _ in range(3)]) == (4, [0.5, 1.0, 2.0])
    assert RetrySchedule(None).tries == 1
    assert RetrySchedule({"steps": 3, "duration": 2_000_000_000, "jitter": 0}).pause() == 2.0


def test_jitter_only_lengthens() -> None:
    assert all(1.0 <= RetrySchedule({"duration": "1s", "jitter": 0.5}).pause() <= 1.5 for _ in range(50))


@pytest.mark.parametrize("strategy", [{"factor": "1"}, {"jitter": "0.5"}, {"steps": "3"}, {"duration": "soon"}, {"steps": True}])
def test_what_argo_accepts_and_fails_on_fails(strategy: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=r"retryStrategy\."):
        RetrySchedule(strategy)
