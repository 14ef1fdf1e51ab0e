"""Which days have their labels, and what a snapshot says beside its objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from handlers.data.split import unit_of
from handlers.modelspec.model import ModelSpec, TimeSplit
from handlers.modelspec.quantities import seconds


def by_time(spec: ModelSpec) -> TimeSplit:
    """The split by time, which every spec has that looks back or waits for labels."""
    if not isinstance(spec.data.split, TimeSplit):
        raise TypeError("data.split is not by time")
    return spec.data.split


def by_day(spec: ModelSpec) -> bool:
    """Whether the rows of a past state are told by their days."""
    return isinstance(spec.data.split, TimeSplit) and unit_of(spec.data.split) == "day"


def beside(spec: ModelSpec, at: float, *, past: bool = False) -> dict[str, Any]:
    """What a snapshot at a moment (epoch seconds by the bucket's clock) says beside its objects, where the spec asks for it.

    `sources`: the prefix of each of several sources. `labelled_before`: the first day of which some rows are younger than
    data.target.label_delay; from it on no day is used. `before`: of a past state by days, the first day that it does not have.
    """
    from zoneinfo import ZoneInfo

    found: dict[str, Any] = {}
    if past and by_day(spec):
        found["before"] = str(datetime.fromtimestamp(at, ZoneInfo(by_time(spec).timezone)).date())
    if len(spec.data.sources) > 1:
        found["sources"] = {name: source.prefix for name, source in spec.data.sources.items()}
    if spec.data.target.label_delay:
        moment = datetime.fromtimestamp(at - seconds(spec.data.target.label_delay), ZoneInfo(by_time(spec).timezone))
        found["labelled_before"] = str(moment.date())
    return found


def usable_until(spec: ModelSpec, snapshot: Mapping[str, Any], as_of: float) -> float:
    """The moment (epoch seconds) that the split counts back from: that of the run, or where the labels of the snapshot end."""
    from zoneinfo import ZoneInfo

    if "labelled_before" not in snapshot:
        return as_of
    day = datetime.combine(date.fromisoformat(snapshot["labelled_before"]), time.min, ZoneInfo(by_time(spec).timezone))
    return min(as_of, day.timestamp())
