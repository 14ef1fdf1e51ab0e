"""Which rows are train, valid and test: every row has a unit, a number, and every unit a role.

By time a unit is a day (its number since 1970), a year or a step, and the roles are counted back from the newest whole unit that is not
in the future. By hash and by random a unit is a place from 0 to 99, the percent in which the hash of a row falls; test has the first
places and valid the next, so that a row keeps its role while others are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from handlers.contracts import BadData, counted
from handlers.modelspec.model import HashSplit, ModelSpec, RandomSplit, TimeSplit
from handlers.modelspec.quantities import seconds
from handlers.modelspec.split_rules import PLACES
from handlers.storage import digest

Role = Literal["train", "valid", "test"]
Unit = Literal["day", "year", "step", "place"]
Range = tuple[int, int]
ROLES: tuple[Role, ...] = ("train", "valid", "test")
FUTURE = timedelta(days=1)  # how far a clock elsewhere may be ahead
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Bounds:
    """First and last unit of each role, inclusive; the units of `gap` before valid and before test belong to none."""

    unit: Unit
    train: Range
    valid: Range
    test: Range

    def spans(self) -> list[tuple[Role, Range]]:
        """Each role with all units that belong to it, also those below the lowest that has rows."""
        train = self.train if self.unit == "place" else (-(1 << 63), self.train[1])
        return [("train", train), ("valid", self.valid), ("test", self.test)]

    def role(self, unit: int) -> Role | None:
        """What a unit is used for; None for the gaps and for what is newer than the newest whole unit."""
        return next((role for role, (low, high) in self.spans() if low <= unit <= high), None)

    def tree(self) -> dict[str, list[Any]]:
        return {role: [label(self.unit, end) for end in getattr(self, role)] for role in ROLES}


def unit_of(split: TimeSplit | HashSplit | RandomSplit) -> Unit:
    """What a split tells apart."""
    if not isinstance(split, TimeSplit):
        return "place"
    return "year" if split.unit == "year" else "step" if split.unit == "step" else "day"


def label(unit: str, number: int) -> Any:
    """A unit as JSON: a day as "2013-01-31", anything else as its number."""
    return str(EPOCH + timedelta(days=number)) if unit == "day" else number


def number(value: Any) -> int:
    """The unit of a label."""
    return (date.fromisoformat(value) - EPOCH).days if isinstance(value, str) else int(value)


def words(unit: str, ends: Any) -> str:
    """ "2013-01-01 to 2013-01-31", "1990 to 2010" or "10 % of the rows" of the first and last label of a role or of a part."""
    first, last = ends
    if unit == "place":
        share = last - first + 1
        return f"{share} % of the rows"
    return f"{first} to {last}"


def lost(rows: int, group: str | None) -> str:
    """ "12 rows left out, whose user is in an earlier role": what a role has lost to keep groups together."""
    return f"{counted(rows, 'row')} left out, whose {group} is in an earlier role"


def place_counts(split: HashSplit | RandomSplit) -> tuple[int, int]:
    """How many of the places are test, and how many valid."""
    return round(split.test * PLACES), round(split.valid * PLACES)


def newest_allowed(now: float) -> date:
    """The last day that a row may have; a later one comes from a wrong clock or a wrong value."""
    return (datetime.fromtimestamp(now, UTC) + FUTURE).date()


def bounds(units: Mapping[int, bool], split: TimeSplit | HashSplit | RandomSplit, as_of: float) -> Bounds:
    """The split of a dataset whose rows have these units, seen from `as_of` (epoch seconds by the bucket's clock).

    The values say whether a day's rows reach its end; that matters only for the newest, which may still be filling. Raises BadData when
    a role of a split by time would be empty, saying what there is and what the split asks for.
    """
    if not isinstance(split, TimeSplit):
        test, valid = place_counts(split)
        return Bounds("place", (test + valid, PLACES - 1), (test, test + valid - 1), (0, test - 1))
    unit, whole = unit_of(split), _whole(units, split, as_of)
    gap, valid, test = (_length(getattr(split, name)) for name in ("gap", "valid", "test"))
    test_last = whole[-1]
    test_first = test_last - test + 1
    valid_last = test_first - gap - 1
    valid_first = valid_last - valid + 1
    train_last = valid_first - gap - 1
    found = Bounds(unit, (whole[0], train_last), (valid_first, valid_last), (test_first, test_last))
    # of steps only the ends are known: whether the others have rows is seen when they are counted
    roles = {found.role(known) for known in whole}
    missing = next((r for r in ROLES if r not in roles), None) if unit != "step" else None if whole[0] <= train_last else "train"
    if missing:
        asked = f"{_asked(split, 'test')} test, {_asked(split, 'valid')} valid and a gap of {_asked(split, 'gap')} before each"
        first, last = label(unit, whole[0]), label(unit, test_last)
        size = counted(len(whole), unit) if unit != "step" else f"{test_last - whole[0] + 1} steps"
        raise BadData(
            f"data.split: no rows for {missing}: the data has {size} from {first} to {last}, "
            f"and the split needs {asked}, counted back from {last}"
        )
    return found


def _whole(units: Mapping[int, bool], split: TimeSplit, as_of: float) -> list[int]:
    """The units that will get no more rows, in order."""
    from zoneinfo import ZoneInfo

    known = sorted(units)
    if unit_of(split) != "day":
        return known
    today = datetime.fromtimestamp(as_of, ZoneInfo(split.timezone)).date()
    whole = [day for day in known if day < (today - EPOCH).days and (day != known[-1] or units[day])]
    if not whole:
        there = ", ".join(str(label("day", day)) for day in known[:3]) or "none"
        raise BadData(f"data.split: no whole day in the data yet (days: {there}, today is {today})")
    return whole


def _length(given: str | int) -> int:
    return given if isinstance(given, int) else round(seconds(given) / 86400)


def _asked(split: TimeSplit, name: str) -> str:
    given = getattr(split, name)
    return counted(given, str(split.unit)) if isinstance(given, int) else str(given)


def space(spec: ModelSpec, schema: Mapping[str, str]) -> str:
    """Names what units mean: two splits with one space give a row the same unit, so what one has learned is known to the other.

    Shares, lengths and gaps are not part of it. A row that is known only by its values is another row after a change of the query.
    """
    split, data = spec.data.split, spec.data
    if isinstance(split, TimeSplit):
        group = [data.group, schema.get(data.group)] if data.group else None
        return digest({"by": "time", "column": split.column, "unit": split.unit, "timezone": split.timezone, "group": group})
    names = identity(spec)
    tree: dict[str, Any] = {"by": split.by, "stratify": stratum(spec), "columns": {n: schema.get(n) for n in names or sorted(schema)}}
    if not names:
        tree["sql"] = spec.sql
    return digest({**tree, "order": names, "seed": getattr(split, "seed", None), "group": data.group})


def identity(spec: ModelSpec) -> list[str]:
    """The columns by whose values a split by hash or random knows a row; none for all columns."""
    split, data = spec.data.split, spec.data
    if isinstance(split, HashSplit):
        return split.key
    return [data.group] if data.group else data.key


def stratum(spec: ModelSpec) -> str | None:
    """The column that decides beside the identity by hash and random, so that the rows of each of its values are split for themselves.

    None with groups: rows of one group may differ in it, and new rows from old ones; the group alone decides.
    """
    return None if spec.data.group else getattr(spec.data.split, "stratify", None)


def decides_units(spec: ModelSpec) -> bool:
    """Whether the row key decides the unit of a row, so that all rows of one key are of one unit."""
    split = spec.data.split
    decides = [split.column] if isinstance(split, TimeSplit) else [*identity(spec), *filter(None, [stratum(spec)])]
    return bool(decides) and set(decides) <= set(spec.data.key)


def only_for_splitting(spec: ModelSpec) -> list[str]:
    """The columns that are no features by default because rows are split by them; what `stratify` names may well be one."""
    split, data = spec.data.split, spec.data
    decides = [split.column] if isinstance(split, TimeSplit) else split.key if isinstance(split, HashSplit) else []
    return [*decides, *([data.group] if data.group else [])]


@dataclass(frozen=True, slots=True)
class Clusters:
    """What intervals resample: `noun` in words, and how a row's cluster is found: by its unit, by itself, or by the values of `columns`."""

    noun: str
    how: Literal["unit", "row", "columns"]
    columns: tuple[str, ...] = ()


def clusters(spec: ModelSpec) -> Clusters:
    """The declared cluster, or what is independent: groups where there are some, days by time, else what the split tells apart."""
    asked, data = spec.evaluate.interval.cluster, spec.data
    if asked in ("day", "year", "step") or (asked is None and isinstance(data.split, TimeSplit) and not data.group):
        return Clusters(unit_of(data.split), "unit")
    if asked == "row":
        return Clusters("row", "row")
    if data.group and asked in (None, "group"):
        return Clusters(f"{data.group} group", "columns", (data.group,))
    if asked is not None:
        return Clusters(f"value of {asked}", "columns", (asked,))
    key = tuple(identity(spec))
    if not key or (data.key and set(data.key) <= set(key)):
        return Clusters("row", "row")
    return Clusters("key", "columns", key)
