"""Rows gathered by day while a source object is read: in memory while they are few, else in files, so that an object of any size fits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

HELD_BYTES = 128 << 20


class Days:
    """Tables by day, in the order they were added. At most about `held_bytes` stay in memory; the rest is in files in `folder`."""

    def __init__(self, folder: Path, held_bytes: int = HELD_BYTES) -> None:
        self._folder, self._most = folder, held_bytes
        self._tables: dict[date, list[pa.Table]] = {}
        self._files: dict[date, list[Path]] = {}
        self._bytes = 0

    def add(self, day: date, table: pa.Table) -> None:
        self._tables.setdefault(day, []).append(table)
        # what a filter gives is its own copy: nbytes is what it costs
        self._bytes += table.nbytes
        if self._bytes > self._most:
            self._spill()

    def take(self) -> Iterator[tuple[date, list[pa.Table]]]:
        """Each day with its tables, oldest first; a day's rows are in memory while it is the current one."""
        import pyarrow as pa

        for day in sorted({*self._tables, *self._files}):
            tables = [pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in self._files.get(day, [])]
            yield day, [*tables, *self._tables.pop(day, [])]

    def _spill(self) -> None:
        import pyarrow as pa

        for day, tables in self._tables.items():
            files = self._files.setdefault(day, [])
            path = self._folder / f"{day}-{len(files)}.arrow"
            table = pa.concat_tables(tables)
            with pa.ipc.new_file(str(path), table.schema) as writer:
                writer.write_table(table)
            files.append(path)
        self._tables, self._bytes = {}, 0
