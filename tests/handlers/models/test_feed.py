"""Batches that are made while others are learned."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from handlers.contracts import BadData
from handlers.models.feed import ahead


def test_the_batches_are_the_same_and_an_error_comes_in_its_place() -> None:
    def rows() -> Iterator[Any]:
        yield from range(4)
        raise BadData("the fifth")

    got = ahead(rows())
    assert [next(got) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(BadData, match="the fifth"):
        next(got)
    assert list(ahead(iter([5, 6]))) == [5, 6]
    assert not list(ahead(iter(())))


def test_one_batch_is_made_ahead_and_no_thread_is_left() -> None:
    made: list[int] = []
    second = threading.Event()

    def rows() -> Iterator[Any]:
        for number in range(9):
            made.append(number)
            if number == 1:
                second.set()
            yield number

    got: Any = ahead(rows())
    assert next(got) == 0
    assert second.wait(10)
    got.close()
    assert made == [0, 1]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
