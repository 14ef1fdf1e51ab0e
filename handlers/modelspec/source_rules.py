"""What sources and the scope of a query can be beside the other keys of their spec."""

from __future__ import annotations

import re
from collections.abc import Iterator

from handlers.modelspec.model import Lookback, ModelSpec, TimeSplit
from handlers.modelspec.quantities import seconds

Finding = tuple[tuple[str | int, ...], str]
SOURCES = ("data", "sources")
SCOPE = ("data", "query", "scope")
WATCHED = re.compile(r"(?:incoming|batches)/[a-z0-9](?:[-a-z0-9]{0,38}[a-z0-9])?/(?:.*/)?")
OWN = ("contents", "datasets", "models", "parts", "runs", "snapshots", "trained", "trials")  # what a run leaves


def wrong(spec: ModelSpec) -> Iterator[Finding]:
    """(path below `spec`, reason) of everything about the sources, the scope and the labels that cannot work."""
    yield from _prefixes(spec)
    yield from _several(spec)
    if spec.data.query is not None and isinstance(spec.data.query.scope, Lookback):
        yield from _lookback(spec, spec.data.query.scope)
    yield from _label_delay(spec)


def _prefixes(spec: ModelSpec) -> Iterator[Finding]:
    prefixes = {name: source.prefix for name, source in spec.data.sources.items()}
    for name, prefix in prefixes.items():
        where = (*SOURCES, name, "prefix")
        if name == spec.data.trigger:
            if not WATCHED.fullmatch(prefix):
                yield where, f"no Sensor watches {prefix!r}; accepted: incoming/<name>/"
        elif prefix.split("/")[0] in OWN:
            yield where, f"{prefix!r} is where runs leave their results; accepted: reference/<name>/"
        elif prefix.split("/")[0] in ("incoming", "batches") and not WATCHED.fullmatch(prefix):
            yield (
                where,
                f"{prefix!r} names no model whose runs an upload would start; accepted: reference/<name>/, incoming/<model>/<name>/",
            )
        others = [other for other, begins in prefixes.items() if other != name and prefix.startswith(begins)]
        if others and (prefix != prefixes[others[0]] or name > others[0]):
            yield where, f"{prefix!r} lies under the prefix of {others[0]!r}: its objects would belong to both; give each its own"


def _several(spec: ModelSpec) -> Iterator[Finding]:
    data = spec.data
    if data.sources[data.trigger].join:
        yield (*SOURCES, data.trigger, "join"), "the source whose objects start a run is not a reference table; leave out join"
    if len({name.lower() for name in data.sources}) < len(data.sources):
        yield SOURCES, "names that differ only in upper and lower case are one name in a query"
    if len(data.sources) > 1 and data.query is None:
        yield ("data", "query"), "required with several sources: a statement that joins them"
    elif data.query is not None and data.query.scope == "row":
        for name, source in data.sources.items():
            if name != data.trigger and not source.join:
                yield (*SOURCES, name), "with scope: row it must be a reference table (join: broadcast); or use scope: lookback or all"


def _lookback(spec: ModelSpec, scope: Lookback) -> Iterator[Finding]:
    split = spec.data.split
    if not isinstance(split, TimeSplit) or split.unit is not None:
        what = f"by {split.by}" if not isinstance(split, TimeSplit) else f"with unit: {split.unit}"
        yield SCOPE, f"lookback needs days, so a data.split by time with a timestamp or a date; it is {what}: use scope: all"
        return
    if seconds(scope.lookback) % 86400:
        yield (*SCOPE, "lookback"), f"{scope.lookback!r} is not a number of whole days; accepted: 1d, 28d, 4w"
    for name, source in spec.data.sources.items():
        if source.join is None and source.columns and split.column not in source.columns:
            more = "declare join: broadcast, or use scope: all" if name != spec.data.trigger else "use scope: all"
            yield (
                (*SOURCES, name),
                f"scope: lookback needs the split's column {split.column!r} in it, which says a row's day; {more}",
            )


def _label_delay(spec: ModelSpec) -> Iterator[Finding]:
    split, delay = spec.data.split, spec.data.target.label_delay
    if delay is None:
        return
    where = ("data", "target", "label_delay")
    if not isinstance(split, TimeSplit) or split.counted:
        what = f"by {split.by}" if not isinstance(split, TimeSplit) else f"with unit: {split.unit}"
        yield where, f"a row's age follows from the time of the split, which is {what}; accepted with a timestamp or a date"
