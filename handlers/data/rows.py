"""Encoded rows of parts, from which batches are taken in any order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(slots=True)
class Rows:
    """`arrays` have the rows as their first axis; `texts` are csr_matrices of as many rows.

    The arrays are `numbers`, `places`, `y`, `weight`, `cluster` where there are such, and `column NAME` for each column of values to look
    at rows by. `Encoder` says what the first two and `texts` are.
    """

    arrays: dict[str, NDArray[Any]]
    texts: list[Any] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.arrays["y"])

    @property
    def nbytes(self) -> int:
        sparse = (array for text in self.texts for array in (text.data, text.indices, text.indptr))
        return sum(int(array.nbytes) for array in (*self.arrays.values(), *sparse))

    def take(self, order: NDArray[Any]) -> Rows:
        """The rows of these numbers, in this order."""
        return Rows({name: array.take(order, axis=0) for name, array in self.arrays.items()}, [text[order] for text in self.texts])


def join(parts: list[Rows]) -> Rows:
    """All rows, one part after the other. The parts are used up: their arrays are let go one by one."""
    import numpy as np
    from scipy import sparse

    if len(parts) == 1:
        return parts[0]
    arrays = {name: np.concatenate([part.arrays.pop(name) for part in parts]) for name in list(parts[0].arrays)}
    return Rows(arrays, [sparse.vstack([part.texts[n] for part in parts], format="csr") for n in range(len(parts[0].texts))])
