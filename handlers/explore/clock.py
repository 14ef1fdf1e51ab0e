"""Which column says when a row happened, and how long valid and test are so that every role has rows. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from handlers.contracts import counted
from handlers.explore.table import Column, Table

LEAST = 10  # rows of a role, as handlers.data.manifest asks
SHARES = (0.15, 0.1, 0.2, 0.05)  # of the rows for test and for valid, the first that fits
YEARS = (1800, 2100)
WEEKS, YEARS_IN_DAYS = 14, 730  # the days after which weekdays and months come again
FEWEST_YEARS = 8  # fewer are a property of a row rather than a clock
EPOCHS = {"epoch_s": (1, 5 * 10**8, 4 * 10**9), "epoch_ms": (1000, 5 * 10**11, 4 * 10**12)}
YEAR = re.compile(r"(fiscal_?|calendar_?)?(year|yr|jahr|annee|ano|anno|season)", re.IGNORECASE)
WHEN = re.compile(
    r"(^|_)(time|times?tamp|date|datetime|day|when|at|ts|epoch|created|happened|observed|recorded|ds|dt)(_|$)|(time|date)$", re.IGNORECASE
)
NOT_WHEN = re.compile(r"birth|dob|expir|due|valid_?(to|until|from)|(^|_)end(_|$)|updated|modified", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clock:
    """A column that says when: `unit` of an integer; `valid` and `test` are lengths in days or years; `told` says what its range is."""

    column: str
    unit: str
    valid: int
    test: int
    told: str


def candidates(table: Table) -> list[Column]:
    """Columns that may say when a row happened, the likeliest first."""
    found = [column for column in table.columns if _unit(column) is not None and not column.missing]

    def likely(column: Column) -> tuple[bool, bool, int]:
        return bool(NOT_WHEN.search(column.name)), not WHEN.search(column.name), table.columns.index(column)

    return sorted((c for c in found if not NOT_WHEN.search(c.name)), key=likely)


def _unit(column: Column) -> str | None:
    """ "" for a timestamp or a date, the unit of an integer, None for a column that is no clock."""
    if column.type in ("timestamp", "date"):
        return ""
    if column.type != "int":
        return None
    if YEAR.fullmatch(column.name.strip()):
        return "year" if column.counts is not None and all(_within(v, *YEARS) for v in column.counts) else None
    if not WHEN.search(column.name):
        return None
    for unit, (_, low, high) in EPOCHS.items():
        values = column.counts or {text: 1 for some in column.shapes.texts.values() for text in some}
        if values and all(_within(value, low, high) for value in values):
            return unit
    return None


def _within(value: Any, low: int, high: int) -> bool:
    return low <= int(value) <= high


def clock(table: Table, column: Column, target: Column | None, today: date) -> Clock | str:
    """The column as the split's, or why it cannot be: too short a time, or a date in the future.

    With a `target` of classes every role has two of them.
    """
    unit = _unit(column)
    if unit is None:
        return f"{column.name} is neither a timestamp, a date nor an integer that counts years or seconds"
    if column.missing:
        return f"{column.name} is missing in {column.missing:,} rows"
    instants = [instant(value, column, unit) for value in table.values(column.name)]
    moments = [found.year if unit == "year" else found.toordinal() for found in instants]
    last = max(moments)
    if unit != "year":
        if last > today.toordinal():
            return f"{column.name} goes to {date.fromordinal(last)}, which is in the future"
        newest = max(instants)
        # a day that is not over is in no role
        if last == today.toordinal() or not (newest.hour == 23 or newest.time() == newest.time().min):
            last -= 1
    kinds: dict[int, Counter[Any]] = {}
    for moment, value in zip(moments, table.values(target.name) if target else [0] * len(moments), strict=True):
        if moment <= last and value is not None:
            kinds.setdefault(moment, Counter())[value] += 1
    what = "year" if unit == "year" else "day"
    if unit == "year" and len(kinds) < FEWEST_YEARS:
        return f"{column.name} has {counted(len(kinds), what)}, {FEWEST_YEARS} are needed"
    lengths = _lengths(kinds, last, table.rows / max(1, len(table.sample)), 1 if target is None else 2)
    if lengths is None:
        return f"{column.name} has {counted(len(kinds), what)}, too few for train, valid and test of {LEAST} rows each"
    first, end = (str(m) if unit == "year" else str(date.fromordinal(m)) for m in (min(kinds), last))
    return Clock(column.name, unit, *lengths, f"{first} to {end}")


def units(table: Table, column: Column) -> list[str]:
    """What of a timestamp or a date may say something: units that differ between rows, and come again within the table's range."""
    instants = [instant(value, column, "") for value in table.values(column.name) if value is not None]
    if not instants:
        return []
    days = (max(instants) - min(instants)).days
    found = ["hour"] if len({at.hour for at in instants}) > 1 else []
    return [*found, *(unit for unit, least in (("weekday", WEEKS), ("month", YEARS_IN_DAYS)) if days >= least)]


def instant(value: Any, column: Column, unit: str) -> datetime:
    """A value of a clock as an instant without a zone, in UTC."""
    if unit == "year":
        return datetime(int(value), 1, 1)
    if unit:
        return datetime.fromtimestamp(int(value) / EPOCHS[unit][0], UTC).replace(tzinfo=None)
    if isinstance(value, str):
        text = value.strip()
        value = datetime.strptime(text, column.guess.dates) if column.guess.dates else datetime.fromisoformat(text)
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _lengths(kinds: Mapping[int, Counter[Any]], last: int, per_row: float, least_kinds: int) -> tuple[int, int] | None:
    """(valid, test) in days or years, counted back from `last`: the first share of the rows that gives every role enough."""
    if not kinds:
        return None
    whole = sum(map(Counter.total, kinds.values()))
    first = min(kinds)

    def enough(role: Counter[Any]) -> bool:
        return role.total() * per_row >= LEAST and len(role) >= least_kinds

    def back(end: int, share: float) -> tuple[int, Counter[Any]]:
        """How long before and with `end` a role begins, and what it has."""
        role: Counter[Any] = Counter()
        for start in range(end, first, -1):
            role += kinds.get(start, Counter())
            if role.total() >= share * whole and enough(role):
                return end - start + 1, role
        return 0, role

    for share in SHARES:
        test, _ = back(last, share)
        valid, _ = back(last - test, share) if test else (0, Counter())
        if not valid:
            continue
        train = sum((kinds[m] for m in kinds if m <= last - test - valid), Counter[Any]())
        if enough(train) and train.total() >= whole / 4:
            return valid, test
    return None
