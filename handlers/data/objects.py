"""The objects of a snapshot by their source, and an object's rows as its source declares them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.data import contents, sources, statement
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store

if TYPE_CHECKING:
    import pyarrow as pa

Identity = list[Any]  # key, size, content


def by_source(spec: ModelSpec, objects: Iterable[Identity]) -> dict[str, list[Identity]]:
    """Which objects belong to which source. No prefix begins another, so each object has one source."""
    there = list(objects)
    return {name: [one for one in there if str(one[0]).startswith(source.prefix)] for name, source in spec.data.sources.items()}


def tables(store: Store, spec: ModelSpec, name: str, source: Identity, scratch: Path) -> Iterator[pa.Table]:
    """Blocks of the object of a source; `scratch` is a folder that holds the object meanwhile. Raises Changed."""
    path = fetched(store, spec, source, scratch / "object")
    yield from rows(spec, name, path, source[0])
    path.unlink()


def fetched(store: Store, spec: ModelSpec, source: Identity, path: Path) -> Path:
    """The object as this file. Raises Changed."""
    contents.download(store, spec.name, source, path)
    return path


def rows(spec: ModelSpec, name: str, path: Path, key: str) -> Iterator[pa.Table]:
    """Blocks of the file that was the object `key` of the source `name`."""
    return sources.tables(path, key, spec.data.sources[name], asked(spec) if spec.sql else None)


def asked(spec: ModelSpec) -> set[str]:
    """The columns that the query or the split names, declared or not."""
    return {*statement.names(spec.sql), str(getattr(spec.data.split, "column", ""))} - {""} if spec.sql else set()
