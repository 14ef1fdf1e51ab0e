"""The objects of a snapshot by their source, and an object's rows as its source declares them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.data import contents, sources, statement
from handlers.modelspec.model import ModelSpec, TimeSplit
from handlers.modelspec.quantities import seconds
from handlers.storage import Store

if TYPE_CHECKING:
    import pyarrow as pa

Identity = list[Any]  # key, size, content


def by_source(spec: ModelSpec, objects: Iterable[Identity]) -> dict[str, list[Identity]]:
    """Which objects belong to which source. No prefix begins another, so each object has one source."""
    there = list(objects)
    return {name: [one for one in there if str(one[0]).startswith(source.prefix)] for name, source in spec.data.sources.items()}


def by_time(spec: ModelSpec) -> TimeSplit:
    """The split by time, which every spec has that looks back or waits for labels."""
    if not isinstance(spec.data.split, TimeSplit):
        raise TypeError("data.split is not by time")
    return spec.data.split


def beside(spec: ModelSpec, now: float) -> dict[str, Any]:
    """What a snapshot at `now` (epoch seconds by the bucket's clock) says beside its objects, where the spec asks for it.

    `sources`: the prefix of each of several sources. `labelled_before`: the first day of which some rows are younger than
    data.target.label_delay; from it on no day is used.
    """
    from zoneinfo import ZoneInfo

    found: dict[str, Any] = {}
    if len(spec.data.sources) > 1:
        found["sources"] = {name: source.prefix for name, source in spec.data.sources.items()}
    if spec.data.target.label_delay:
        moment = datetime.fromtimestamp(now - seconds(spec.data.target.label_delay), ZoneInfo(by_time(spec).timezone))
        found["labelled_before"] = str(moment.date())
    return found


def usable_until(spec: ModelSpec, snapshot: Mapping[str, Any], now: float) -> float:
    """The moment (epoch seconds) that the split counts back from: now, or where the labels of the snapshot end."""
    from zoneinfo import ZoneInfo

    if "labelled_before" not in snapshot:
        return now
    day = datetime.combine(date.fromisoformat(snapshot["labelled_before"]), time.min, ZoneInfo(by_time(spec).timezone))
    return min(now, day.timestamp())


def tables(store: Store, spec: ModelSpec, name: str, source: Identity, scratch: Path) -> Iterator[pa.Table]:
    """Blocks of the object of a source; `scratch` is a folder that holds the object meanwhile. Raises Changed."""
    path = scratch / "object"
    contents.download(store, spec.name, source, path)
    yield from sources.tables(path, source[0], spec.data.sources[name], asked(spec) if spec.sql else None)
    path.unlink()


def asked(spec: ModelSpec) -> set[str]:
    """The columns that the query or the split names, declared or not."""
    return {*statement.names(spec.sql), str(getattr(spec.data.split, "column", ""))} - {""} if spec.sql else set()
