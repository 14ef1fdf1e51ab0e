"""Columns of any Arrow type as a declared one: without a loss, or with the row that is in the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from handlers.data import text_values
from handlers.data.column_types import arrow_type, type_name
from handlers.data.instants import CALENDAR
from handlers.data.text_values import Unfit, a_type, converted
from handlers.errors import shown

if TYPE_CHECKING:
    import pyarrow as pa

    from handlers.modelspec.model import Csv

# what a column of a type can be declared as without a loss; text is parsed as anything
FITS = {
    "int": {"int", "float", "string", "boolean"},
    "float": {"int", "float", "string", "boolean"},
    "boolean": {"int", "float", "string", "boolean"},
    "timestamp": {"timestamp", "date", "string"},
    "date": {"timestamp", "date", "string"},
    "vector": {"vector"},
}


def as_type(column: pa.ChunkedArray, kind: str, csv: Csv | None = None) -> pa.ChunkedArray:
    """The column as what is declared, without a loss but for what is finer than a microsecond or than a float. Raises Unfit.

    `csv` says how numbers and dates are written where the column is text.
    """
    found = column if column.type == arrow_type(kind) else _as_type(column, kind, csv)
    try:
        return _in_calendar(found, kind)
    except Unfit as error:
        raise Unfit(f"{error}; {'list it under csv.nulls' if csv else 'write null'} if it stands for a missing value", error.row) from None


def _in_calendar(column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    """The column, unless it has times that no calendar has, as a damaged file can."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind not in CALENDAR:
        return column
    first, last = CALENDAR[kind]
    numbers = column.cast(pa.int32() if kind == "date" else pa.int64())
    ends = pc.min_max(numbers)
    if ends["min"].is_valid and not first <= ends["min"].as_py() <= ends["max"].as_py() <= last:
        row = pc.index(pc.or_(pc.less(numbers, first), pc.greater(numbers, last)), True).as_py()
        raise Unfit(f"{shown(str(column.slice(row, 1).cast(pa.string())[0]))} is a {kind} beyond the years 1 to 9999", row)
    return column


def _as_type(column: pa.ChunkedArray, kind: str, csv: Csv | None) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_null(column.type):
        return pa.chunked_array([pa.nulls(len(column), arrow_type(kind))])
    if t.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if t.is_binary(column.type) or t.is_large_binary(column.type) or t.is_binary_view(column.type):
        column = _text_of(column, kind)
    try:
        found = type_name(column.type)
    except ValueError as error:
        raise Unfit(f"is declared {kind} and has type {error}, which no feature can use") from None
    if found == "string" and kind != "vector":
        return text_values.parsed(column.cast(pa.string()), arrow_type(kind), kind, csv)
    if kind not in FITS.get(found, ()):
        hint = "; make it one in data.query, such as to_timestamp(seconds)" if kind == "timestamp" else ""
        raise Unfit(f"is declared {kind} and is {a_type(found)} in the file{hint}")

    def why(row: int) -> str:
        value = column[row].as_py()
        return f"{shown(str(value))} is not {a_type(kind)}{_beyond(value, kind)}"

    return converted(column, _cast(found, kind), why)


def _text_of(column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    """Bytes that are UTF-8 as text: how some writers keep it."""
    import pyarrow as pa

    return converted(column, lambda part: part.cast(pa.string()), lambda row: f"it is declared {kind} and has bytes that are not UTF-8")


def _cast(found: str, kind: str) -> Callable[[pa.ChunkedArray], pa.ChunkedArray]:
    """How a column of numbers, booleans or times becomes another type; raises pa.ArrowInvalid where that would lose something."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    def convert(column: pa.ChunkedArray) -> pa.ChunkedArray:
        if t.is_floating(column.type):
            column = column.cast(pa.float64())
            if kind in ("int", "boolean", "string"):
                # how a table of floats writes a number that is missing
                column = pc.if_else(pc.is_nan(column) if kind != "string" else pc.invert(pc.is_finite(column)), None, column)
        if kind == "boolean":
            # a number that is not 0 or 1 says more than true
            whole = column.cast(pa.int64())
            if pc.any(pc.or_(pc.less(whole, 0), pc.greater(whole, 1))).as_py():
                raise pa.ArrowInvalid
            return whole.cast(pa.bool_())
        if found == "timestamp" and kind == "date":
            return text_values.whole_days(pc.local_timestamp(column) if column.type.tz else column)
        if found == "boolean" and kind in ("int", "float"):
            column = column.cast(pa.int8())
        # nanoseconds are cut; a float is the nearest to an integer or a decimal, as when it is read from text
        cut = kind in ("float", "vector") or (t.is_timestamp(column.type) and column.type.unit == "ns" and kind == "timestamp")
        return column.cast(arrow_type(kind), safe=not cut)

    return convert


def _beyond(value: Any, kind: str) -> str:
    if kind == "int" and isinstance(value, int):
        return ", which has 64 bits; declare the column float or string"
    return "; declare the column float" if kind == "int" else ""
