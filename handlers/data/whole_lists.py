"""Batches of whole lists, for a model that learns to order the rows of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray


def shuffled(group: NDArray[Any], most: int, random: Generator) -> tuple[NDArray[Any], list[int]]:
    """The order of rows in which lists come, shuffled, each with its rows in their own order; and after how many rows each batch ends.

    `group` (rows,) numbers each row's list. A batch has at most so many rows, or one list that has more.
    """
    import numpy as np

    _, number = np.unique(group, return_inverse=True)
    count = int(number.max(initial=-1)) + 1
    place = random.permutation(count)[number]
    order = np.argsort(place, kind="stable")
    ends: list[int] = []
    begin = last = 0
    for end in np.cumsum(np.bincount(place, minlength=count)).tolist():
        if end - begin > most and last > begin:
            ends.append(last)
            begin = last
        last = end
    return order, [*ends, *([last] if last > begin else [])]


def together(group: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """An order of rows in which those of a list follow each other, the lists as they came; each row's list in it, counted from 0; and how
    many rows each list has."""
    import numpy as np

    _, first, number = np.unique(group, return_index=True, return_inverse=True)
    place = np.argsort(np.argsort(first))[number]
    order = np.argsort(place, kind="stable")
    return order, place[order], np.bincount(place)
