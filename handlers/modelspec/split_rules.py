"""What a split can be beside the other keys of its spec, and a proposal where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from handlers.modelspec.model import HashSplit, ModelSpec, RandomSplit, TimeSplit
from handlers.modelspec.quantities import seconds

Finding = tuple[tuple[str | int, ...], str]
SPLIT = ("data", "split")
PLACES = 100  # a hash split tells rows apart by whole percents


def wrong(spec: ModelSpec) -> Iterator[Finding]:
    """(path below `spec`, reason) of everything about the split that cannot work."""
    split = spec.data.split
    if isinstance(split, TimeSplit):
        yield from _lengths(split)
    else:
        yield from _shares(split)
        yield from _together(spec, split)
        if spec.evaluate.baseline == "last_value":
            yield ("evaluate", "baseline"), f"last_value needs rows in order of time; data.split is by {split.by}; use majority or median"
    yield from _last(spec)
    yield from _clusters(spec)


def _lengths(split: TimeSplit) -> Iterator[Finding]:
    if split.counted and split.part != "auto":
        yield (*SPLIT, "part"), f"{split.part!r} is no part of a {split.unit}; accepted: auto"
    for name in ("gap", "valid", "test"):
        given = getattr(split, name)
        if split.counted and not isinstance(given, int):
            yield (*SPLIT, name), f"{given!r} is not a number of {split.unit}s; with unit: {split.unit} write 1, 2, 3"
        elif not split.counted and isinstance(given, int) and (given or name != "gap"):
            yield (*SPLIT, name), f"{given} has no unit; accepted: 1d, 14d, 2w, or a plain number with unit: year or unit: step"
        elif isinstance(given, str) and (seconds(given) % 86400 or (name != "gap" and seconds(given) <= 0)):
            yield (*SPLIT, name), f"{given!r} is not a number of whole days; accepted: 1d, 14d, 2w"
        elif given == 0 and name != "gap":
            yield (*SPLIT, name), f"0 {split.unit}s leave {name} empty; accepted: 1 or more"


def _shares(split: HashSplit | RandomSplit) -> Iterator[Finding]:
    for name in ("valid", "test"):
        share = getattr(split, name)
        if abs(share * PLACES - round(share * PLACES)) > 1e-9 or not round(share * PLACES):
            yield (*SPLIT, name), f"{share:g} is not a number of whole percents; accepted: 0.01, 0.1, 0.25"
    if split.valid + split.test > 1 - 1 / PLACES + 1e-9:
        yield SPLIT, f"valid and test are {split.valid + split.test:.0%} of the rows together, which leaves nothing for train"


def _together(spec: ModelSpec, split: HashSplit | RandomSplit) -> Iterator[Finding]:
    """Rows of one group have one role: nothing finer than the group may decide it."""
    group = spec.data.group
    if group and isinstance(split, HashSplit) and split.key != [group]:
        yield (*SPLIT, "key"), f"{split.key} would cut the groups of data.group; accepted: [{group}]"
    if group and split.stratify == group:
        yield (*SPLIT, "stratify"), f"{group!r} is data.group, each value of which has one role; name another column, or leave it out"


def _last(spec: ModelSpec) -> Iterator[Finding]:
    """With `on_duplicate: last` all rows of a key must have one role, so that the last of them is found."""
    data, split = spec.data, spec.data.split
    if data.on_duplicate != "last":
        return
    if not data.key:
        yield ("data", "on_duplicate"), "`last` needs data.key, the columns that say which rows are the same"
        return
    if isinstance(split, TimeSplit):
        if split.column not in data.key:
            yield ("data", "on_duplicate"), f"`last` needs the split's column {split.column!r} in data.key, so that a row stays on its day"
        return
    identity = split.key if isinstance(split, HashSplit) else [data.group] if data.group else []
    for name in [*identity, None if data.group else split.stratify]:
        if name is not None and name not in data.key:
            yield ("data", "on_duplicate"), f"`last` needs {name!r}, by which rows are split, in data.key, so that a row keeps its role"


def _clusters(spec: ModelSpec) -> Iterator[Finding]:
    cluster, split = spec.evaluate.interval.cluster, spec.data.split
    where = ("evaluate", "interval", "cluster")
    if cluster == "group" and not spec.data.group:
        yield where, "`group` needs data.group"
    if cluster in ("day", "year", "step"):
        unit = split.unit if isinstance(split, TimeSplit) and split.counted else "day" if isinstance(split, TimeSplit) else None
        if cluster != unit:
            there = ", ".join(filter(None, [unit, "group" if spec.data.group else None, "row", "a column"]))
            yield where, f"this split has no {cluster}s; accepted: {there}"


def proposal(data: Any) -> str:
    """What to write under a `data` that has no split, by the columns that it declares; a line to paste."""
    columns = _declared(data)
    clocks = [name for name, kind in columns.items() if kind in ("timestamp", "date")]
    key = data.get("key") if isinstance(data, Mapping) else None
    group = data.get("group") if isinstance(data, Mapping) else None
    if clocks and not group:
        return f"split: {{by: time, column: {clocks[0]}, valid: 7d, test: 7d}}"
    if isinstance(group, str):
        return f"split: {{by: hash, key: [{group}], valid: 0.1, test: 0.2}}"
    if isinstance(key, list) and key:
        return f"split: {{by: hash, key: [{', '.join(map(str, key))}], valid: 0.1, test: 0.2}}"
    return "split: {by: random, seed: 0, valid: 0.1, test: 0.2}"


def _declared(data: Any) -> dict[str, Any]:
    """The columns that the sources of an unchecked spec declare."""
    sources = data.get("sources") if isinstance(data, Mapping) else None
    found: dict[str, Any] = {}
    for source in sources.values() if isinstance(sources, Mapping) else ():
        columns = source.get("columns") if isinstance(source, Mapping) else None
        found |= columns if isinstance(columns, dict) else {}
    return found
