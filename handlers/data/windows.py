"""Parts of a query that needs many rows, each named by all that can change it.

With `scope: lookback` a day's rows are those that the statement gives for that day when it reads the source rows of that day and of the
lookback before it, and no others: each day is a part of its own, and more data makes again only the days within reach. With `scope: all`
the statement reads everything, and everything is made again when anything changes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData
from handlers.data import duck, making, parts, units
from handlers.data.cut import gone
from handlers.data.labels import by_time
from handlers.data.objects import Identity
from handlers.data.parts import Made
from handlers.data.query import BLOCK_ROWS, failed, typed
from handlers.data.references import References
from handlers.data.split import EPOCH, label
from handlers.data.stored import one_schema
from handlers.modelspec.digests import window_digest
from handlers.modelspec.model import Lookback, ModelSpec
from handlers.modelspec.quantities import seconds
from handlers.storage import Store, content_digest

if TYPE_CHECKING:
    import pyarrow as pa

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """What the rows of one `day` are made from, or, where it is None, all rows: raw parts by source, in the order of their content."""

    day: date | None
    first: date | None
    raw: dict[str, list[Part]]

    @property
    def label(self) -> str:
        return "data.query" if self.day is None else f"data.query of {self.day}"

    def named(self) -> dict[str, Any]:
        """What the window holds, as the digest of its part names it."""
        return {"day": self.day and str(self.day), "raw": {n: [[p["day"], p["content"]] for p in found] for n, found in self.raw.items()}}


def make(
    store: Store, model: str, spec: ModelSpec, found: dict[str, list[Identity]], references: References, code: str
) -> tuple[list[Made], list[Made]]:
    """(what was read of each source object, the query's parts); what is there already is not made again."""
    read: list[Made] = []
    kept: dict[str, list[Part]] = {}
    for name in making.names(spec):
        made = making.each(store, spec, name, making.items(spec, name, found[name]), code, references)
        read += made
        one_schema([one.document for one in made], f"data.sources.{name}")
        kept[name] = sorted((part for one in made for part in one.document["parts"]), key=lambda part: (part["day"] or "", part["content"]))
        if not kept[name]:
            raise BadData(f"no rows in any object under {spec.data.sources[name].prefix} (data.sources.{name})")
    with tempfile.TemporaryDirectory(prefix="retrain-") as scratch, ExitStack() as opened:
        local = _Local(store, Path(scratch), {name: found[0] for name, found in kept.items()}, references, opened)
        of_windows = [_ensure(store, model, spec, window, local, references, code) for window in _windows(spec, kept)]
    return read, of_windows


def _windows(spec: ModelSpec, kept: dict[str, list[Part]]) -> Iterator[Window]:
    scope = spec.data.query.scope if spec.data.query else "row"
    if not isinstance(scope, Lookback):
        yield Window(None, None, kept)
        return
    back = timedelta(days=round(seconds(scope.lookback) / 86400))
    by_day = {name: {day: [p for p in found if p["day"] == day] for day in {p["day"] for p in found}} for name, found in kept.items()}
    for day in sorted({date.fromisoformat(day) for days in by_day.values() for day in days}):
        reach = [str(day - timedelta(days=n)) for n in range(back.days, -1, -1)]
        yield Window(day, day - back, {name: [part for d in reach for part in days.get(d, [])] for name, days in by_day.items()})


def _ensure(store: Store, model: str, spec: ModelSpec, window: Window, local: _Local, references: References, code: str) -> Made:
    def make(folder: str, scratch: Path) -> dict[str, Any]:
        blocks = _rows(spec, window, local, store.server_time())
        return parts.of_blocks(store, folder, spec, window.label, blocks, scratch)

    return parts.once(store, model, window_digest(spec, window.named(), references.named(), code), [window.label], make)


def _rows(spec: ModelSpec, window: Window, local: _Local, now: float) -> Iterator[pa.Table]:
    """The statement's rows, ordered by all their columns so that they are the same everywhere; of a day's window those of the day."""
    import duckdb
    import pyarrow as pa

    files = local.files(window)
    try:
        duck.name_files(local.connection, files, {name: not window.raw[name] for name in window.raw})
        ordered = local.connection.sql(spec.sql).order("ALL")
        blocks = (typed(pa.Table.from_batches([batch]), window.label) for batch in ordered.to_arrow_reader(BLOCK_ROWS))
        yield from blocks if window.day is None else _of_the_day(blocks, spec, window, now)
    except duckdb.Error as error:
        raise failed(error, window.label) from error


def _of_the_day(blocks: Iterator[pa.Table], spec: ModelSpec, window: Window, now: float) -> Iterator[pa.Table]:
    import pyarrow.compute as pc

    first, last = ((day - EPOCH).days for day in (window.first, window.day) if day is not None)
    for block in blocks:
        days = units.of_rows(block, spec, window.label, now)
        outside = days.filter(pc.or_(pc.less(days, first), pc.greater(days, last)))
        if len(outside):
            raise BadData(
                f"{window.label}: a row has {by_time(spec).column!r} on {label('day', outside[0].as_py())}, as no row read has "
                f"({window.first} to {window.day}); with scope: lookback the split's column must stay as the source has it"
            )
        yield block.filter(pc.equal(days, last))


class _Local:
    """Raw parts as files, fetched when a window first needs them and removed when later windows do not reach them."""

    def __init__(self, store: Store, folder: Path, samples: dict[str, Part], references: References, opened: ExitStack) -> None:
        self._store, self._folder, self._samples = store, folder / "raw", samples
        self._folder.mkdir()
        self._there: dict[str, Path] = {}
        self._references, self._opened, self._scratch = references, opened, folder

    @cached_property
    def connection(self) -> Any:
        """One for all windows, opened when the first is made: to open it takes longer than a small day's query."""
        return self._opened.enter_context(duck.reading(self._folder, self._references.tables, self._scratch))

    def files(self, window: Window) -> dict[str, list[Path]]:
        """The files of each source; of a source without rows in the window one that tells its columns."""
        wanted = {name: window.raw[name] or [self._samples[name]] for name in window.raw}
        needed = {part["key"] for found in wanted.values() for part in found}
        for key in set(self._there) - needed:
            self._there.pop(key).unlink()
        return {name: [self._file(part["key"]) for part in found] for name, found in wanted.items()}

    def _file(self, key: str) -> Path:
        if key not in self._there:
            path = self._folder / key.replace("/", "-")
            info = self._store.head(key)
            if info is None:
                raise gone(key, "raw.json")
            content_digest(self._store, key, info.etag, path)
            self._there[key] = path
        return self._there[key]
