"""Rows that are kept: taken one by one, and joined."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from handlers.data.rows import Rows, join


def rows(first: int, count: int) -> Rows:
    numbers = np.arange(first, first + count, dtype=float)
    text = sparse.csr_matrix(np.outer(numbers % 3, [0.0, 1.0, 2.0]))
    return Rows({"y": numbers, "numbers": np.column_stack([numbers, -numbers])}, [text])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), st.randoms())
def test_joined_rows_are_those_of_the_parts_in_order(sizes: list[int], random: Random) -> None:
    starts = np.append(0, np.cumsum(sizes))
    found = join([rows(int(first), size) for first, size in zip(starts, sizes, strict=False)])
    order = list(range(int(starts[-1])))
    random.shuffle(order)
    taken = found.take(np.asarray(order, dtype=np.int64))
    assert taken.arrays["y"].tolist() == order
    assert taken.arrays["numbers"].tolist() == [[n, -n] for n in order]
    assert taken.texts[0].toarray().tolist() == [[0, n % 3, 2 * (n % 3)] for n in order]
    assert found.nbytes == sum(rows(0, int(starts[-1])).arrays[name].nbytes for name in ("y", "numbers")) + sum(
        array.nbytes for array in (found.texts[0].data, found.texts[0].indices, found.texts[0].indptr)
    )
