"""Text as numbers, booleans, dates and timestamps, and what to write in the spec for text that is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from handlers.data.duck import own
from handlers.errors import shown

if TYPE_CHECKING:
    import pyarrow as pa

    from handlers.modelspec.model import Csv

ZONE = r"(?:Z|[+-]\d\d(?::?\d\d)?)$"
SPELLINGS = (  # of ISO 8601 that Arrow does not know, and how it writes them; what is finer than microseconds is cut
    (r"(:\d\d),(\d)", r"\1.\2"),
    (r"(\.\d{6})\d+", r"\1"),
    (r"(?i)(:\d\d(?:\.\d+)?) ?(?:utc|gmt|z)$", r"\1Z"),
    (r"(:\d\d(?:\.\d+)?) ([+-]\d\d)", r"\1\2"),
)
END_OF_DAY = r"([T ])24(:00(?::00(?:\.0+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)$"
BLANKS = " \u00a0\u202f\u2009"  # what stands between groups of digits where the spec says a blank
FIRST_YEAR = 1000  # a year of two digits is no year
DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d", "%Y-%m-%d")
DAYS_WITH_NAMES = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%d-%b-%Y", "%d-%b-%y")
DAYS_OF_TWO_DIGITS = ("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y")
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M", "T%H:%M:%S")
Convert = Callable[["pa.ChunkedArray"], "pa.ChunkedArray"]


class Unfit(ValueError):
    """A column is not what is declared: why, and in which of its rows, counted from 0; None where no row is to blame."""

    def __init__(self, reason: str, row: int | None = None) -> None:
        super().__init__(reason)
        self.row = row


def a_type(kind: str) -> str:
    """ "an int", "a date"."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def first_unfit(column: pa.ChunkedArray, convert: Convert) -> int:
    """The first row that `convert` does not take, by halves."""
    import pyarrow as pa

    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            convert(column.slice(low, middle - low))
            low = middle
        except pa.ArrowInvalid:
            high = middle
    return low


def converted(column: pa.ChunkedArray, convert: Convert, why: Callable[[int], str]) -> pa.ChunkedArray:
    """What `convert` makes of the column. Raises Unfit with `why` it does not take the first row that it does not take."""
    import pyarrow as pa

    try:
        return convert(column)
    except pa.ArrowInvalid:
        row = first_unfit(column, convert)
        raise Unfit(why(row), row) from None


def parsed(text: pa.ChunkedArray, arrow: Any, kind: str, csv: Csv | None) -> pa.ChunkedArray:
    """Text as a column of the Arrow type of `kind`. Raises Unfit with the first value that is none, and what to write for it."""
    import pyarrow as pa

    if kind == "string":
        return text
    convert = _converter(arrow, kind, csv)
    try:
        return convert(text)
    except pa.ArrowInvalid:
        clean = _clean(text, csv)

    def why(row: int) -> str:
        value = text[row].as_py()
        return f"{shown(value)} is not {a_type(kind)}{hint(value.strip(), kind, csv)}"

    return converted(clean, convert, why)


def _clean(text: pa.ChunkedArray, csv: Csv | None) -> pa.ChunkedArray:
    """Without blanks around, and without what means a missing value though it stands in quotes: only text can be meant as it is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(text)
    if csv is None or not csv.nulls:
        return trimmed
    return pc.if_else(pc.is_in(trimmed, value_set=pa.array(csv.nulls, pa.string())), pa.scalar(None, pa.string()), trimmed)


def _converter(arrow: Any, kind: str, csv: Csv | None) -> Convert:
    if kind == "int":
        return lambda text: _numbers(text, kind, csv).cast(arrow)
    if kind == "float":
        return lambda text: _finite(_numbers(text, kind, csv).cast(arrow), text)
    if kind in ("date", "timestamp"):
        return lambda text: _moments(text, arrow, kind, csv)
    return lambda text: _booleans(text).cast(arrow)


def _booleans(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """0 and 1 may be written as a table of floats writes them."""
    import pyarrow.compute as pc

    return pc.replace_substring_regex(text, r"^([01])\.0+$", r"\1")


def _numbers(text: pa.ChunkedArray, kind: str, csv: Csv | None) -> pa.ChunkedArray:
    """The text as Arrow reads numbers: no thousands, a point before the decimals."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if csv is not None and (csv.thousands or csv.decimal != "."):
        right = pc.match_substring_regex(text, number_pattern(csv.thousands, csv.decimal))
        if csv.thousands:
            text = pc.replace_substring_regex(text, _class(csv.thousands), "")
        text = pc.replace_substring(text, csv.decimal, ".")
        text = pc.if_else(right, text, pa.scalar("?"))
    if kind == "float":
        return pc.replace_substring_regex(text, r"^\+(\d|\.)", r"\1")
    # a whole number may be written as a table of floats writes it; Arrow also takes hexadecimal ones
    whole = pc.replace_substring_regex(text, r"^(?:\+?(\d+)|(-\d+))(?:\.0*)?$", r"\1\2")
    return pc.replace_substring_regex(whole, "^0[xX]", "?")


def _finite(numbers: pa.ChunkedArray, text: pa.ChunkedArray) -> pa.ChunkedArray:
    """The floats that the text is, unless a number is so large that it would be infinite."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.any(pc.and_(pc.is_inf(numbers), pc.match_substring_regex(text, r"\d"))).as_py():
        raise pa.ArrowInvalid
    return numbers


def _class(thousands: str) -> str:
    return "[" + re.escape(BLANKS if thousands == " " else thousands) + "]"


def number_pattern(thousands: str | None, decimal: str) -> str:
    """Numbers whose groups are whole, so that 1.5 is not 15 where a point stands between thousands."""
    groups = rf"|\d{{1,3}}(?:{_class(thousands)}\d{{2,3}})*{_class(thousands)}\d{{3}}" if thousands else ""
    return rf"^[+-]?(?:(?:\d+{groups})(?:{re.escape(decimal)}\d*)?|{re.escape(decimal)}\d+)(?:[eE][+-]?\d+)?$|^[+-]?(?i:inf|infinity|nan)$"


def _moments(text: pa.ChunkedArray, arrow: Any, kind: str, csv: Csv | None) -> pa.ChunkedArray:
    """Dates and timestamps by the declared formats; what fits none is ISO 8601, unless a format begins with the year as that does."""
    import pyarrow as pa
    import pyarrow.compute as pc

    iso = _iso_dates if kind == "date" else _iso_instants
    if csv is None or not csv.dates:
        return iso(text, arrow)
    found = _by_formats(text, csv.dates)
    given = found.cast(arrow) if kind == "timestamp" else whole_days(found)
    rest = pc.if_else(pc.is_valid(given), pa.scalar(None, pa.string()), text)
    if rest.null_count == len(rest):
        return given
    if any(form.startswith("%Y") for form in csv.dates):
        raise pa.ArrowInvalid
    return pc.coalesce(given, iso(rest, arrow))


def whole_days(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    """Timestamps without a zone as dates; raises pa.ArrowInvalid for one that has a time of day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    days = moments.cast(pa.date32(), safe=False)
    if pc.any(pc.not_equal(days.cast(moments.type), moments)).as_py():
        raise pa.ArrowInvalid
    return days


def _by_formats(text: pa.ChunkedArray, formats: list[str]) -> pa.ChunkedArray:
    """Each text by the first format that takes the whole of it, null where none does: DuckDB refuses a 31st of February, Arrow does not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    connection = own()
    connection.register("given", pa.table({"text": text}))
    try:
        found = connection.sql("SELECT try_strptime(text, $1) AS found FROM given", params=[formats]).to_arrow_table().column(0)
    finally:
        connection.unregister("given")
    years = pc.year(found)
    return pc.if_else(pc.less(years, FIRST_YEAR), pa.scalar(None, found.type), found)


def _iso_dates(text: pa.ChunkedArray, arrow: Any) -> pa.ChunkedArray:
    """Dates, also as a midnight in UTC or without a zone."""
    import pyarrow as pa

    try:
        return text.cast(arrow)
    except pa.ArrowInvalid:
        return whole_days(_iso_instants(text, pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us")))


def _iso_instants(text: pa.ChunkedArray, arrow: Any) -> pa.ChunkedArray:
    """ISO 8601: a time without a zone, or a date alone, is in UTC, 24:00 is the next day's 0:00; what is finer than microseconds is cut."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # Arrow takes a column by itself where all values have a zone, or none has, and none is too fine
    for type_ in (arrow, pa.timestamp(arrow.unit)):
        try:
            return text.cast(type_).cast(arrow)
        except pa.ArrowInvalid:
            continue
    for spelling, plain in SPELLINGS:
        text = pc.replace_substring_regex(text, spelling, plain)
    ended = pc.match_substring_regex(text, END_OF_DAY)
    text = pc.replace_substring_regex(text, END_OF_DAY, r"\100\2")
    whole = pc.if_else(pc.equal(pc.utf8_length(text), 10), pc.binary_join_element_wise(text, "T00:00:00Z", ""), text)
    zoned = pc.if_else(pc.match_substring_regex(whole, r"\d:\d.*" + ZONE), whole, pc.binary_join_element_wise(whole, "Z", ""))
    found = zoned.cast(arrow)
    return pc.if_else(ended, pc.add(found, pa.scalar(timedelta(days=1), pa.duration(arrow.unit))), found)


def hint(value: str, kind: str, csv: Csv | None) -> str:
    """What to write in the spec for a value that is not of its declared type, where that can be seen from it."""
    if kind in ("int", "float"):
        return _number_hint(value, kind, csv)
    if kind in ("date", "timestamp"):
        return _moment_hint(value, kind, csv)
    return f"; accepted: true, false, 1, 0; {_instead(csv)}"


def _moment_hint(value: str, kind: str, csv: Csv | None) -> str:
    if kind == "date" and re.match(r"\d{4}-\d\d-\d\d[T ]\d", value):
        return ", but has a time of day; declare the column timestamp"
    if re.fullmatch(r"\d{9,16}", value):
        return "; if it counts seconds declare the column int, and make a timestamp of it in data.query, such as to_timestamp(seconds)"
    if re.fullmatch(r"[1-6]\d{4}", value):
        return "; if it counts days as a spreadsheet does, declare the column int, and write DATE '1899-12-30' + column in data.query"
    if csv is not None and (near := list(_formats(value))):
        return f"; write csv.dates: {' or '.join(map(_quoted, near))}"
    known = "2025-12-31" if kind == "date" else "2025-12-31T23:59:59Z, in UTC unless it gives a zone"
    return f"; accepted: ISO 8601, such as {known}; else {'write csv.dates, ' if csv is not None else ''}{_instead(csv)}"


def _number_hint(value: str, kind: str, csv: Csv | None) -> str:
    if kind == "int" and re.fullmatch(r"[+-]?\d{19,}", value):
        return ", which has 64 bits; declare the column float or string"
    if kind == "int" and re.fullmatch(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?|[+-]?\d+[eE][+-]?\d+", value):
        return "; declare the column float"
    decimal, thousands = (csv.decimal, csv.thousands) if csv is not None else (".", None)
    if kind == "float" and re.search(number_pattern(thousands, decimal), value):
        return f", which ends at 1.8e308; {_instead(csv)}"
    return (csv and _written_otherwise(value, csv)) or f"; {_instead(csv)}"


def _written_otherwise(value: str, csv: Csv) -> str | None:
    """The keys under which the value is a number."""
    for thousands, decimal in ((",", "."), (".", ","), (" ", "."), (" ", ","), ("'", "."), ("'", ","), ("_", ".")):
        if re.search(number_pattern(thousands, decimal), value):
            groups = re.search(_class(thousands), value)
            written = [f"csv.thousands: {_quoted(thousands)}"] if groups and thousands != csv.thousands else []
            written += [f"csv.decimal: {_quoted(decimal)}"] if decimal in value and decimal != csv.decimal else []
            if written and groups and thousands == "," and value.count(",") == 1 and "." not in value:
                return f'; if it is a number, write {written[0]}, or csv.decimal: "," if decimals follow the comma'
            if written:
                return f"; if it is a number, write {' and '.join(written)}"
    return None


def _instead(csv: Csv | None) -> str:
    """What else a value can be declared as."""
    return "declare the column string" + (" or list it under csv.nulls" if csv is not None else "")


def _quoted(text: str) -> str:
    return f'"{text}"'


def _formats(value: str) -> Iterator[str]:
    """The formats that take a value: two where it can be read with either the day or the month first."""
    for days in (DAYS + DAYS_WITH_NAMES, DAYS_OF_TWO_DIGITS):
        for form in (day + time for day in days for time in TIMES):
            try:
                datetime.strptime(value, form)
            except ValueError:
                continue
            yield form
