"""Arrays with a number for each row of a role: in memory while they are small, beyond that in files that end with them.

What is made here is made of blocks of rows, so that memory does not grow with the rows. Sums go on from block to block in the order of
the rows: the bits are those of the whole array at once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

IN_MEMORY = 16 << 20  # bytes of an array
BLOCK = 1 << 17  # rows

Of = Callable[[slice], "NDArray[Any]"]  # the values of a block of rows


def blocks(rows: int) -> Iterator[slice]:
    return (slice(first, min(first + BLOCK, rows)) for first in range(0, rows, BLOCK))


def empty(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    import numpy as np

    size = np.dtype(dtype).itemsize
    for length in shape:
        size *= length
    if size <= IN_MEMORY:
        return np.empty(shape, dtype)
    with _file() as file:
        return np.memmap(file, dtype, "w+", shape=shape).view(np.ndarray)


def _file() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="retrain-rows-")


def made(rows: int, of: Of, dtype: Any = "f8") -> NDArray[Any]:
    """(rows,): what `of` gives for each block of rows."""
    found = empty((rows,), dtype)
    for block in blocks(rows):
        found[block] = of(block)
    return found


def taken(values: NDArray[Any], places: NDArray[Any]) -> NDArray[Any]:
    """(places,): the values at these places."""
    return made(len(places), lambda block: values[places[block]], values.dtype)


def count(rows: int, which: Of) -> int:
    return sum(int(which(block).sum()) for block in blocks(rows))


def equal(values: NDArray[Any], value: Any) -> Of:
    """Whether each value is that one."""
    import numpy as np

    return lambda block: np.asarray(values[block] == value)


def chosen(rows: int, which: Of, of: Of, dtype: Any = "f8") -> NDArray[Any]:
    """What `of` gives for the rows of which `which` is true."""
    found = empty((count(rows, which),), dtype)
    at = 0
    for block in blocks(rows):
        part = of(block)[which(block)]
        found[at : at + len(part)] = part
        at += len(part)
    return found


def places(rows: int, which: Of) -> NDArray[Any]:
    """The numbers of the rows of which `which` is true."""
    import numpy as np

    return chosen(rows, which, lambda block: np.arange(block.start, block.stop), "i8")


def running(rows: int, of: Of, dtype: Any = "f8") -> NDArray[Any]:
    """(rows,): the sum of all up to each row."""
    import numpy as np

    found = empty((rows,), dtype)
    for block in blocks(rows):
        part = np.array(of(block), dtype)
        if block.start:
            part[0] += found[block.start - 1]
        np.cumsum(part, out=found[block])
    return found


def sums(rows: int, index: Of, of: Of, size: int) -> NDArray[Any]:
    """(size,): the sum of what `of` gives over the rows of each index, as numpy's `bincount` adds."""
    import numpy as np

    if 8 * size <= IN_MEMORY and rows <= BLOCK:
        return np.bincount(index(slice(0, rows)), weights=of(slice(0, rows)), minlength=size).astype("f8", copy=False)
    found = made(size, lambda block: np.zeros(block.stop - block.start))
    for block in blocks(rows):
        np.add.at(found, index(block), of(block))
    return found


def order(rows: int, key: Of) -> NDArray[Any]:
    """(rows,) int64: the rows from the least key to the largest, those of one key as they come."""
    import numpy as np

    if 16 * rows <= IN_MEMORY:
        return np.argsort(np.concatenate([np.zeros(0), *map(key, blocks(rows))]), kind="stable")
    # sorted in place, by the key and then by the row
    pairs = empty((rows,), "c16")
    for block in blocks(rows):
        pairs.real[block] = key(block)
        pairs.imag[block] = np.arange(block.start, block.stop)
    pairs.sort()
    return made(rows, lambda block: pairs.imag[block], "i8")


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The distinct values in order."""
    import numpy as np

    if values.nbytes <= IN_MEMORY:
        return np.unique(values)
    ordered = made(len(values), values.__getitem__, values.dtype)
    ordered.sort()
    return chosen(len(ordered), changes(ordered), ordered.__getitem__, values.dtype)


def changes(values: NDArray[Any]) -> Of:
    """Whether each value is another than the one before it; the first is."""
    import numpy as np

    def of(block: slice) -> NDArray[Any]:
        here = values[block]
        first = [True] if block.start == 0 else here[:1] != values[block.start - 1 : block.start]
        return np.concatenate([first, here[1:] != here[:-1]]) if len(here) else np.zeros(0, bool)

    return of


def steps(values: NDArray[Any], before: int = 0) -> Of:
    """By how much each value is more than the one before it; `before` is what counts as the one before the first."""
    import numpy as np

    return lambda block: np.diff(values[block], prepend=values[block.start - 1] if block.start else before)


def same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.shape == other.shape and all(bool((one[block] == other[block]).all()) for block in blocks(len(one)))


class Growing:
    """An array whose rows come in parts."""

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self._bytes = self._rows = 0
        self._file: IO[bytes] | None = None

    def add(self, part: NDArray[Any]) -> None:
        import numpy as np

        if not self._rows:
            self._like = np.empty((0, *part.shape[1:]), part.dtype)
        part = part.astype(self._like.dtype, casting="safe")  # a copy: a part of an array keeps the whole
        self._rows += len(part)
        self._bytes += part.nbytes
        self._parts.append(part)
        if self._bytes > IN_MEMORY:
            self._file = self._file or _file()
            for each in self._parts:
                self._file.write(np.ascontiguousarray(each).data)
            self._parts, self._bytes = [], IN_MEMORY + 1

    def array(self) -> NDArray[Any]:
        import numpy as np

        if self._file is None:
            return np.concatenate(self._parts)
        with self._file as file:
            file.flush()
            shape = (self._rows, *self._like.shape[1:])
            return np.memmap(file, self._like.dtype, "r+", shape=shape).view(np.ndarray)
