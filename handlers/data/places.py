"""The hash of a row by the typed values of some of its columns: the same on every machine, in every file, format and order of rows.

A value is hashed as what its column is declared to be, never as its text in a file: an int of any width, a float, a moment in
microseconds. Numbers are mixed as they are; of texts every distinct one is hashed once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from handlers.modelspec.split_rules import PLACES

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = 0x6D697373696E6721


def hashes(table: pa.Table, columns: Sequence[str], salt: str = "") -> pa.Array:
    """(rows,) uint64: a hash of the values of the columns, in the order given, and of `salt`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pa.repeat(_number(_of_text(salt)), len(table))
    for name in columns:
        # multiplied between columns, so that (a, b) and (b, a) differ
        found = _mixed(pc.bit_wise_xor(pc.multiply(found, _number(0x9E3779B97F4A7C15)), _of_column(table.column(name))))
    return found


def places(table: pa.Table, columns: Sequence[str], salt: str) -> pa.Array:
    """(rows,) int64 from 0 to 99: the percent in which a row's hash falls."""
    import pyarrow as pa
    import pyarrow.compute as pc

    half = _number(32)
    high = pc.shift_right(hashes(table, columns, salt), half)
    return pc.shift_right(pc.multiply(high, _number(PLACES)), half).cast(pa.int64())


def _number(value: int) -> pa.Scalar:
    import pyarrow as pa

    return pa.scalar(value, pa.uint64())


def _of_column(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    kind = column.type
    if t.is_integer(kind):
        name, values = "int", column.cast(pa.int64(), safe=False)
    elif t.is_floating(kind) or t.is_decimal(kind):
        # -0.0 is 0.0, and NaN is missing
        numbers = pc.add(column.cast(pa.float64(), safe=False), 0.0)
        name, values = "float", pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    elif t.is_boolean(kind):
        name, values = "boolean", column.cast(pa.int64())
    elif t.is_timestamp(kind):
        name, values = "timestamp", column.cast(pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.int64())
    elif t.is_date(kind):
        name, values = "date", column.cast(pa.date32(), safe=False).cast(pa.int32()).cast(pa.int64())
    else:
        return _of_texts(column)
    return _typed(whole(values).view(pa.uint64()), name)


def _of_texts(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    name = "string" if t.is_string(column.type) or t.is_large_string(column.type) else "other"
    if name == "other":
        column = pa.chunked_array([pa.array([None if v is None else repr(v) for v in column.to_pylist()], pa.string())])
    coded = whole(column.cast(pa.large_string())).dictionary_encode()
    of_value = pa.array([_of_text(text) for text in coded.dictionary.to_pylist()], pa.uint64())
    return _typed(of_value.take(coded.indices), name)


def _typed(values: pa.Array, name: str) -> pa.Array:
    """Hashes of 64 bits of each value and the name of its type: 1, 1.0 and true of different types are different values."""
    import pyarrow.compute as pc

    return pc.fill_null(_mixed(pc.bit_wise_xor(values, _number(_of_text(name)))), _number(MISSING))


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    import pyarrow as pa

    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _of_text(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _mixed(values: pa.Array) -> pa.Array:
    """Every bit of a number spread over all of them (the finalizer of splitmix64); Arrow's numbers wrap around."""
    import pyarrow.compute as pc

    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        values = pc.multiply(pc.bit_wise_xor(values, pc.shift_right(values, _number(shift))), _number(factor))
    return pc.bit_wise_xor(values, pc.shift_right(values, _number(31)))
