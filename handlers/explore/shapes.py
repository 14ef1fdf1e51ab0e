"""The type of a column, guessed from its values: pure.

Each value has a shape: the set of types that it can be read as, one bit each. A column's shape is what all its values share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

INT, FLOAT, BOOLEAN, DATE, TIMESTAMP, STRING = (1 << i for i in range(6))
COMMA, GROUPED = 1 << 6, 1 << 7  # 1,5 where the comma is the decimal sign; 1,234.5 where it groups thousands
NUMBERS = INT | FLOAT | COMMA | GROUPED
# the bits from here on: a date as text in another order than ISO 8601, day first before month first
DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d")
FORMATS = tuple(day + time for day in DAYS for time in ("", " %H:%M", " %H:%M:%S"))
FIRST_FORMAT = 8
MISSING = {"", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "?", "<NA>"}  # in a column of any type
DOUBTFUL = {"-", "--", ".", "None", "none", "missing", "unknown", "n.a.", "na", "inf", "-inf"}  # only in a column of numbers or times
LARGEST = 1 << 63
FITS, MOSTLY = 0.5, 0.9  # the share of values that a type needs where the others are doubtful, or are a few texts
FEW = 3
MOST_SHAPES = 50

_INT = re.compile(r"-?(0|[1-9]\d*)")
_FLOAT = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_CODE = re.compile(r"-?0\d+")  # 007 is a code, not seven
_COMMA = re.compile(r"-?\d+(,\d+)?")
_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d*)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?")
_OTHER_DATE = re.compile(r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}( \d\d?:\d\d(:\d\d)?)?")


def shape(value: Any) -> int:
    """The types that a value can be read as. Text comes from CSV; other values carry their type already."""
    if isinstance(value, str):
        return STRING | _of_text(value.strip())
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, int):
        return (INT if -LARGEST <= value < LARGEST else 0) | FLOAT
    if isinstance(value, float):
        return FLOAT
    if isinstance(value, datetime):
        return TIMESTAMP
    if isinstance(value, date):
        return DATE | TIMESTAMP
    return 0


def _of_text(text: str) -> int:
    if not text or len(text) > 64:
        return 0
    if text[0] in "-.0123456789":
        return _of_number(text) or _of_time(text)
    return BOOLEAN if text.lower() in ("true", "false") else 0


def _of_number(text: str) -> int:
    if text.isdigit() and text.isascii() and len(text) < 19 and (text[0] != "0" or len(text) == 1):
        return NUMBERS
    if "," in text:
        return (COMMA if _COMMA.fullmatch(text) else 0) | (GROUPED if _GROUPED.fullmatch(text) else 0)
    if _CODE.fullmatch(text) or not _FLOAT.fullmatch(text):
        return 0
    if _INT.fullmatch(text):
        return (INT if -LARGEST <= int(text) < LARGEST else 0) | FLOAT | COMMA | GROUPED
    return FLOAT if "e" in text.lower() else FLOAT | GROUPED


def _of_time(text: str) -> int:
    if _DATE.fullmatch(text):
        return DATE | TIMESTAMP if _reads(lambda: date.fromisoformat(text)) else 0
    if _TIMESTAMP.fullmatch(text):
        return TIMESTAMP if _reads(lambda: datetime.fromisoformat(text[:19].replace(" ", "T"))) else 0
    if not _OTHER_DATE.fullmatch(text):
        return 0
    return sum(1 << (FIRST_FORMAT + i) for i, form in enumerate(FORMATS) if _reads(lambda form=form: _as_written(text, form)))


def _as_written(text: str, form: str) -> None:
    if datetime.strptime(text, form).year < 1000:
        raise ValueError


def _reads(read: Any) -> bool:
    try:
        read()
    except ValueError:
        return False
    return True


@dataclass
class Shapes:
    """How many values of a column have which shape, with a few of the values; missing ones apart.

    Where values carry their type (`typed`), as in JSON, a text is a text or a time, whatever it says.
    """

    typed: bool = False
    of: dict[int, int] = field(default_factory=dict)
    texts: dict[int, set[str]] = field(default_factory=dict)
    nulls: dict[str, int] = field(default_factory=dict)

    def add(self, value: Any, rows: int = 1) -> None:
        text = isinstance(value, str)
        if value is None or (text and not self.typed and value.strip() in MISSING) or (isinstance(value, float) and value != value):
            missing = value if text else ""
            self.nulls[missing] = self.nulls.get(missing, 0) + rows
            return
        found = shape(value)
        if text and self.typed:
            found &= STRING | DATE | TIMESTAMP
        self.of[found] = self.of.get(found, 0) + rows
        some = self.texts.setdefault(found, set())
        if len(some) <= FEW:
            some.add(str(value))


@dataclass(frozen=True, slots=True)
class Guess:
    """A column's type, or None where its values are of no type that a model can use.

    `nulls` are the texts that stand for a missing value; `odd` those of them that no list of such texts has. `dates` is the format of
    dates that are not ISO 8601, `other_order` whether the values fit another order of day and month too; `decimal` and `thousands` are the
    signs in numbers.
    """

    type: str | None
    nulls: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    dates: str = ""
    other_order: str = ""
    decimal: str = "."
    thousands: str = ""


def guessed(values: Iterable[Any], typed: bool = False) -> Guess:
    """The type of a column of these values."""
    shapes = Shapes(typed)
    for value in values:
        shapes.add(value)
    return guess(shapes)


def guess(shapes: Shapes) -> Guess:
    """The narrowest type that every value has that is not missing. A few texts among numbers or times stand for missing values."""
    nulls = tuple(sorted(shapes.nulls))
    if not shapes.of:
        return Guess("string", nulls)
    whole = ~0
    for found in shapes.of:
        whole &= found
    if whole & ~STRING:
        return _named(whole, nulls, ())
    rest = None if shapes.typed else _without_odd(shapes.of, shapes.texts)
    if rest is not None:
        kept, odd = rest
        return _named(kept, tuple(sorted({*nulls, *odd})), odd)
    return Guess("string" if whole & STRING else None, nulls)


def _without_odd(of: Mapping[int, int], texts: Mapping[int, set[str]]) -> tuple[int, tuple[str, ...]] | None:
    """The shape of most values and the few texts that have another."""
    rows = sum(of.values())
    for wanted in (INT, FLOAT, COMMA, GROUPED, DATE, TIMESTAMP, *(1 << (FIRST_FORMAT + i) for i in range(len(FORMATS)))):
        fits = [found for found in of if found & wanted]
        odd = {text for found in of if not found & wanted for text in texts[found]}
        share = sum(of[found] for found in fits) / rows
        # digits among texts are codes, not numbers with a few texts between
        as_text = all(found & STRING and not found & ~STRING for found in of if not found & wanted)
        if len(odd) <= FEW and as_text and share >= (FITS if {text.strip() for text in odd} <= DOUBTFUL else MOSTLY):
            whole = ~0
            for found in fits:
                whole &= found
            return whole, tuple(sorted(odd))
    return None


def _named(found: int, nulls: tuple[str, ...], odd: tuple[str, ...]) -> Guess:
    for bit, name in ((BOOLEAN, "boolean"), (INT, "int"), (FLOAT, "float"), (DATE, "date"), (TIMESTAMP, "timestamp")):
        if found & bit:
            return Guess(name, nulls, odd)
    if found & GROUPED:
        return Guess("float", nulls, odd, thousands=",")
    if found & COMMA:
        return Guess("float", nulls, odd, decimal=",")
    fit = [form for i, form in enumerate(FORMATS) if found & (1 << (FIRST_FORMAT + i))]
    if fit:
        return Guess("timestamp" if "%H" in fit[0] else "date", nulls, odd, dates=fit[0], other_order=fit[1] if len(fit) > 1 else "")
    return Guess("string", nulls, odd)
