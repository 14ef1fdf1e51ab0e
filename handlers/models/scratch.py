"""Encoded rows of parts on this machine's disk, so that later epochs neither read the bucket nor encode again.

One file without a name: nobody else can change it, and it is gone with the process, however that ends. A training that goes on from a
checkpoint fills another one, and learns from the same rows in the same order with it and without it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.contracts import log
from handlers.data.manifest import PartRef
from handlers.data.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

PAGE_BYTES = 4096
MEMORY_BYTES = 128 << 20  # at most, where the folder for temporary files is memory
IN_MEMORY = ("tmpfs", "ramfs")
CSR = ("data", "indices", "indptr")
TABLE = "table"
MOUNTS = Path("/proc/mounts")


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a part's arrays are in the file, one after the other; `widths` are those of its texts."""

    at: int
    check: int
    shapes: dict[str, tuple[Any, tuple[int, ...]]]
    widths: list[int]


class Scratch:
    """At most `most` bytes, by default half of what is free where temporary files go. What does not fit is not kept."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._file: int | None = None
        self._entries: dict[tuple[str, str, int, int], _Entry] = {}
        self._end = 0
        self._off = False
        self._lock = threading.Lock()

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)

    def put(self, part: PartRef, rows: Rows) -> None:
        """Keep the rows, unless there is no room."""
        import numpy as np

        arrays = {name: np.ascontiguousarray(array) for name, array in _arrays(rows).items()}
        at = self._room(sum(array.nbytes for array in arrays.values()))
        if at is None or self._file is None:
            return
        check, to = 0, at
        try:
            for array in arrays.values():
                check = _checked(array, check)
                _write(self._file, _bytes(array), to)
                to += array.nbytes
        except OSError as error:
            self._stop(error.strerror or str(error))
            return
        shapes = {name: (array.dtype, array.shape) for name, array in arrays.items()}
        self._entries[_name(part)] = _Entry(at, check, shapes, [text.shape[1] for text in rows.texts])

    def get(self, part: PartRef, into: Rows) -> bool:
        """Fill in the rows as they were kept; False where they were not, or where the disk gives back something else."""
        import numpy as np

        entry = self._entries.get(_name(part))
        if entry is None or self._file is None:
            return False
        shapes = entry.shapes.items()
        arrays = {name: into.blocks[name] if name in into.blocks else np.empty(shape, kind) for name, (kind, shape) in shapes}
        check, at, whole = 0, entry.at, True
        try:
            for array in arrays.values():
                whole = _read(self._file, _bytes(array), at)
                if not whole:
                    break
                check = _checked(array, check)
                at += array.nbytes
        except OSError as error:
            self._forget(part, error.strerror or str(error))
            return False
        if check != entry.check or not whole:
            self._forget(part, "they are not as they were written")
            return False
        into.texts = _texts(arrays, entry.widths)
        into.table = _table(arrays)
        return True

    def _room(self, size: int) -> int | None:
        """Where the next `size` bytes go; None where they do not fit."""
        with self._lock:
            if self._off:
                return None
            try:
                if self._file is None:
                    self._file, name = tempfile.mkstemp(prefix="retrain-")
                    Path(name).unlink()
                    self._most = _free() if self._most is None else self._most
            except OSError as error:
                self._off = True
                log("encoded rows are not kept between epochs", reason=error.strerror or str(error))
                return None
            if self._most is not None and self._end + size > self._most:
                return None
            at, self._end = self._end, self._end + size
            return at

    def _stop(self, why: str) -> None:
        with self._lock:
            said, self._off = self._off, True
        if not said:
            log("no more encoded rows are kept between epochs", reason=why, kept=len(self._entries))

    def _forget(self, part: PartRef, why: str) -> None:
        self._entries.pop(_name(part), None)
        log("encoded rows on disk are not usable, they are made again", part=part.key, reason=why)


def _name(part: PartRef) -> tuple[str, str, int, int]:
    return part.role, part.key, part.first, part.rows


def _arrays(rows: Rows) -> dict[str, NDArray[Any]]:
    texts = {f"text {n} {name}": getattr(text, name) for n, text in enumerate(rows.texts) for name in CSR}
    return {**rows.blocks, **texts, **({} if rows.table is None else {TABLE: _stream(rows.table)})}


def _stream(table: pa.Table) -> NDArray[Any]:
    import numpy as np
    import pyarrow as pa

    found = pa.BufferOutputStream()
    with pa.ipc.new_stream(found, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(found.getvalue(), np.uint8)


def _table(arrays: dict[str, NDArray[Any]]) -> pa.Table | None:
    import pyarrow as pa

    return pa.ipc.open_stream(pa.py_buffer(arrays[TABLE])).read_all() if TABLE in arrays else None


def _texts(arrays: dict[str, NDArray[Any]], widths: list[int]) -> list[Any]:
    from scipy import sparse

    found = []
    for n, width in enumerate(widths):
        data, indices, indptr = (arrays[f"text {n} {name}"] for name in CSR)
        found.append(sparse.csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, width)))
    return found


def _checked(array: NDArray[Any], check: int) -> int:
    """A checksum of an array's bytes after those before. Each page is summed, and of the sums a CRC is made: a CRC of all costs more."""
    import numpy as np

    found = array.reshape(-1).view(np.uint8)
    whole = len(found) // PAGE_BYTES * PAGE_BYTES
    words = found[:whole].view(np.uint32)
    sums = np.add.reduce(words.reshape(-1, PAGE_BYTES // words.itemsize), axis=1, dtype=words.dtype)
    return zlib.crc32(found[whole:].data, zlib.crc32(sums.data, check))


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view("u1").data


def _write(file: int, data: memoryview, at: int) -> None:
    while data:
        done = os.pwrite(file, data, at)
        data, at = data[done:], at + done


def _read(file: int, data: memoryview, at: int) -> bool:
    """Fill `data`; False where the file ends before."""
    while data:
        done = os.preadv(file, [data], at)
        if not done:
            return False
        data, at = data[done:], at + done
    return True


def _free() -> int:
    """Half of what is free where temporary files go; little of it where that is memory."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free // 2
    return min(free, MEMORY_BYTES) if _in_memory(Path(folder).resolve()) else free


def _in_memory(folder: Path) -> bool:
    """Whether the folder's file system is kept in memory, as far as this system tells."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    mounts = {place: kind for _, place, kind, *_ in (line.split() for line in lines)}
    return next((mounts[str(at)] in IN_MEMORY for at in (folder, *folder.parents) if str(at) in mounts), False)
