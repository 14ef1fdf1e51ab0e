"""Reference tables (`join: broadcast`): read whole, kept in memory beside the rows that a query joins to them."""

from __future__ import annotations

import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, counted, log
from handlers.data import objects
from handlers.data.objects import Identity
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store

if TYPE_CHECKING:
    import pyarrow as pa


EXPANDED = 8


class References:
    """The reference tables of a snapshot. Nothing is read before a table is asked for."""

    def __init__(self, store: Store, spec: ModelSpec, found: dict[str, list[Identity]]) -> None:
        self._store, self._spec = store, spec
        # by content, so that the name of an object changes no result
        self._objects = {
            name: sorted(found[name], key=lambda one: [str(part) for part in one[1:]])
            for name, source in spec.data.sources.items()
            if source.join
        }

    def named(self) -> dict[str, Any]:
        """What the tables hold, as digests of results name it; empty where there is none."""
        return {name: [one[1:] for one in found] for name, found in self._objects.items()}

    @property
    def bytes(self) -> int:
        """About how many bytes of memory the tables need: files are compressed, or written shorter than values are kept."""
        return EXPANDED * sum(int(size) for found in self._objects.values() for _, size, _ in found)

    @cached_property
    def tables(self) -> dict[str, pa.Table]:
        """The tables by the names of their sources."""
        return {name: self._read(name, found) for name, found in self._objects.items()}

    def _read(self, name: str, found: list[Identity]) -> pa.Table:
        import pyarrow as pa

        blocks: list[pa.Table] = []
        with tempfile.TemporaryDirectory(prefix="retrain-") as scratch:
            for one in found:
                for block in objects.tables(self._store, self._spec, name, one, Path(scratch)):
                    if blocks and block.schema != blocks[0].schema:
                        raise BadData(f"{one[0]}: its columns differ from those of {found[0][0]}; declare them under data.sources.{name}")
                    blocks.append(block)
        if not blocks:
            raise BadData(f"no rows in any object under {self._spec.data.sources[name].prefix} (data.sources.{name})")
        table = pa.concat_tables(blocks)
        log("reference read", source=name, rows=len(table), objects=counted(len(found), "object"))
        return table
