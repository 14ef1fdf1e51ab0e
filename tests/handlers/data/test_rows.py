"""Rows that are kept: taken one by one, and joined."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from handlers.data.rows import BY_ITSELF, Kinds, Layout, Rows, part_of, texts

WIDE = BY_ITSELF // 8
KINDS: Kinds = {"places": ("i4", (3,)), "numbers": ("f8", (2,)), "y": ("f8", ()), "wide": ("f8", (WIDE,)), "cluster": ("i8", ())}


def fill(rows: Rows, first: int) -> None:
    numbers = np.arange(first, first + len(rows), dtype=float)
    found = rows.arrays
    found["y"][:] = found["cluster"][:] = numbers
    found["numbers"][:] = np.column_stack([numbers, -numbers])
    found["places"][:] = np.column_stack([numbers, numbers + 1, numbers + 2])
    found["wide"][:] = numbers[:, None]
    rows.texts = [sparse.csr_matrix(np.outer(numbers % 3, [0.0, 1.0, 2.0]))]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), st.randoms())
def test_pieces_that_are_filled_are_the_rows_in_order(sizes: list[int], random: Random) -> None:
    count = sum(sizes)
    found = Layout(KINDS).empty(count)
    pieces = found.pieces(sizes)
    for piece, first in zip(pieces, [0, *np.cumsum(sizes).tolist()], strict=False):
        fill(piece, first)
    found.texts = texts(pieces)
    order = list(range(count))
    random.shuffle(order)
    taken = found.take(np.asarray(order, dtype=np.int64))
    arrays = taken.arrays
    assert {name: array.dtype.str[1:] for name, array in arrays.items()} == {name: kind for name, (kind, _) in KINDS.items()}
    assert arrays["y"].tolist() == arrays["cluster"].tolist() == order
    assert arrays["numbers"].tolist() == [[n, -n] for n in order]
    assert arrays["places"].tolist() == [[n, n + 1, n + 2] for n in order]
    assert arrays["wide"].tolist() == [[n] * WIDE for n in order]
    assert taken.texts[0].toarray().tolist() == [[0, n % 3, 2 * (n % 3)] for n in order]


def test_what_is_looked_up_with_each_row_is_side_by_side() -> None:
    found = Layout(KINDS).empty(7)
    assert {name: block.shape for name, block in found.blocks.items()} == {"record": (7, 48), "wide": (7, WIDE)}
    assert all(array.ctypes.data % array.itemsize == 0 for array in found.arrays.values())
    fill(found, 0)
    text = found.texts[0]
    assert found.nbytes == 7 * (48 + BY_ITSELF) + text.data.nbytes + text.indices.nbytes + text.indptr.nbytes


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_a_part_of_a_matrix_has_its_rows(data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.5]), min_size=3, max_size=3), min_size=1, max_size=6))
    first, last = sorted((data.draw(st.integers(0, len(rows))), data.draw(st.integers(0, len(rows)))))
    for matrix in (np.asarray(rows), sparse.csr_matrix(np.asarray(rows))):
        part = part_of(matrix, first, last)
        assert part.shape == (last - first, 3)
        assert (part.toarray() if sparse.issparse(part) else part).tolist() == rows[first:last]
