"""Encoded rows of parts, from which batches are taken in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kinds = Mapping[str, tuple[str, tuple[int, ...]]]  # of each array the type of its numbers, such as f8, and the shape of a row
RECORD = "record"
BY_ITSELF = 256  # bytes of a row of an array from which on it is no part of the record


class Layout:
    """Where the arrays of rows are: those of few bytes a row side by side in one record, so that a row is little memory to look up."""

    def __init__(self, kinds: Kinds) -> None:
        import numpy as np

        types = {name: (np.dtype(kind), shape) for name, (kind, shape) in kinds.items()}
        sizes = {name: kind.itemsize * int(np.prod(shape)) for name, (kind, shape) in types.items()}
        self._single = {name: types[name] for name, size in sizes.items() if size >= BY_ITSELF}
        # numbers of eight bytes first, so that all begin at a multiple of their size
        shared = sorted((name for name in types if name not in self._single), key=lambda name: -types[name][0].itemsize)
        ends = accumulate(sizes[name] for name in shared)
        self._shared = {name: (end - sizes[name], end, *types[name]) for name, end in zip(shared, ends, strict=True)}
        self._width = -(-sum(sizes[name] for name in shared) // 8) * 8

    def empty(self, count: int) -> Rows:
        """So many rows, yet to be filled, without texts."""
        import numpy as np

        blocks = {name: np.empty((count, *shape), kind) for name, (kind, shape) in self._single.items()}
        return Rows(self, {RECORD: np.empty((count, self._width), np.uint8), **blocks})

    def arrays(self, blocks: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Every array, as it is in the blocks: to be read, and to be filled."""
        found = {name: blocks[name] for name in self._single}
        for name, (first, end, kind, shape) in self._shared.items():
            array = blocks[RECORD][:, first:end].view(kind)
            found[name] = array if shape else array[:, 0]
        return found


@dataclass(slots=True)
class Rows:
    """`blocks` have the rows as their first axis and hold the arrays as `layout` says; `texts` are csr_matrices of as many rows, `table` an
    Arrow table where rows are not encoded.

    The arrays are `numbers`, `places`, `y`, `weight`, `cluster` where there are such, and `column NAME` for each column of values to look
    at rows by. `Encoder` says what the first two and `texts` are.
    """

    layout: Layout
    blocks: dict[str, NDArray[Any]]
    texts: list[Any] = field(default_factory=list)
    table: Any = None

    def __len__(self) -> int:
        return len(self.blocks[RECORD])

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        return self.layout.arrays(self.blocks)

    @property
    def nbytes(self) -> int:
        sparse = (array for text in self.texts for array in (text.data, text.indices, text.indptr))
        table = () if self.table is None else (self.table,)
        return sum(int(array.nbytes) for array in (*self.blocks.values(), *sparse, *table))

    def take(self, order: NDArray[Any]) -> Rows:
        """The rows of these numbers, in this order."""
        blocks = {name: block.take(order, axis=0) for name, block in self.blocks.items()}
        return Rows(self.layout, blocks, [text[order] for text in self.texts], None if self.table is None else self.table.take(order))

    def pieces(self, sizes: Sequence[int]) -> list[Rows]:
        """The same rows as pieces of these sizes, one after the other, without texts and table."""
        ends = list(accumulate(sizes))
        cut = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        return [Rows(self.layout, {name: block[where] for name, block in self.blocks.items()}) for where in cut]


def texts(pieces: Sequence[Rows]) -> list[Any]:
    """The texts of all pieces, one piece after the other; the pieces are used up."""
    from scipy import sparse

    each = list(zip(*(piece.texts for piece in pieces), strict=True))
    for piece in pieces:
        piece.texts = []
    return [blocks[0] if len(blocks) == 1 else sparse.vstack(blocks, format="csr") for blocks in each]


def table(pieces: Sequence[Rows]) -> Any:
    """The rows of all pieces as one table, None where they are encoded; the pieces are used up."""
    import pyarrow as pa

    found = [piece.table for piece in pieces]
    for piece in pieces:
        piece.table = None
    return None if not found or found[0] is None else pa.concat_tables(found).combine_chunks()


def part_of(matrix: Any, first: int, last: int) -> Any:
    """The rows of a matrix or of a table from `first` up to `last`, not copied."""
    import pyarrow as pa
    from scipy import sparse

    if isinstance(matrix, pa.Table):
        return matrix.slice(first, last - first)
    if not sparse.issparse(matrix):
        return matrix[first:last]
    begin, end = matrix.indptr[first], matrix.indptr[last]
    places = matrix.indptr[first : last + 1] - begin
    return sparse.csr_matrix((matrix.data[begin:end], matrix.indices[begin:end], places), shape=(last - first, matrix.shape[1]))
